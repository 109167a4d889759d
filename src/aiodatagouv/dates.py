"""Dates as portals write them, read without losing how they were written."""

from __future__ import annotations

import datetime as dt


class WrittenDatetime(dt.datetime):
    """A datetime whose text was not the one that ``isoformat()`` gives: the text is kept.

    Portals pass on what harvested catalogues contain (``2014-12-05T00:00:00Z``, ``5 Dec 2014``). It
    compares and computes as any datetime does; only ``to_dict`` looks at :attr:`text`.
    """

    text: str | None = None

    @classmethod
    def write(cls, moment: dt.datetime, text: str) -> WrittenDatetime:
        """Attach the text that a datetime was read from."""
        written = cls.combine(moment.date(), moment.timetz())
        written.text = text
        return written

    def __reduce_ex__(self, protocol: object) -> tuple[object, ...]:
        # datetime's own reduction drops instance attributes. Results of arithmetic have no text.
        plain = dt.datetime.combine(self.date(), self.timetz())
        return (WrittenDatetime.write, (plain, self.text))


def read_datetime(text: str) -> dt.datetime:
    """Read a date and time: ISO 8601 first, then anything that dateutil understands.

    Raises:
        ValueError: Nobody can read it as a date.
    """
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        moment = _read_leniently(text)
    return moment if _is_isoformat(text, moment) else WrittenDatetime.write(moment, text)


def read_date(text: str) -> dt.date:
    """Read a day; a text that holds more than a day is read as a datetime, which is a date too.

    Raises:
        ValueError: Nobody can read it as a date.
    """
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        return read_datetime(text)
    return day if day.isoformat() == text else read_datetime(text)


def write_date(value: dt.date) -> str:
    """Write a date as it was read, or else in ISO 8601."""
    return getattr(value, "text", None) or value.isoformat()


def _is_isoformat(text: str, moment: dt.datetime) -> bool:
    """Whether ``isoformat()`` writes this very text."""
    # It takes ten times as long as reading, so the one form that portals use is told by its looks.
    is_usual = (
        text.endswith("+00:00")
        and text[7] + text[10] + text[13] == "-T:"
        and (len(text) == 25 or (len(text) == 32 and text[19] == "." and moment.microsecond > 0))
    )
    return is_usual or moment.isoformat() == text


def _read_leniently(text: str) -> dt.datetime:
    from dateutil import parser  # Slow to import, and hardly ever needed.

    # dateutil fills what is missing from today's date, which would make "2014" mean another day
    # on every run.
    return parser.parse(text, default=dt.datetime(1, 1, 1))
