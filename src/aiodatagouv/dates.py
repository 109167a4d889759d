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
    def write(cls, moment: dt.datetime, text: str | None) -> WrittenDatetime:
        """Attach the text that a datetime was read from."""
        written = cls.combine(moment.date(), moment.timetz())
        written.text = text
        return written

    def __reduce_ex__(self, protocol: object) -> tuple[object, ...]:
        # datetime's own reduction drops instance attributes. Results of arithmetic have no text.
        plain = dt.datetime.combine(self.date(), self.timetz())
        return (WrittenDatetime.write, (plain, self.text))


class WrittenDate(dt.date):
    """A day whose text was not the one that ``isoformat()`` gives: the text is kept."""

    text: str | None = None

    @classmethod
    def write(cls, day: dt.date, text: str | None) -> WrittenDate:
        """Attach the text that a day was read from."""
        written = cls(day.year, day.month, day.day)
        written.text = text
        return written

    def __reduce_ex__(self, protocol: object) -> tuple[object, ...]:
        return (WrittenDate.write, (dt.date(self.year, self.month, self.day), self.text))


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
    """Read a day, leaving aside the time that a text may add to it.

    Raises:
        ValueError: Nobody can read it as a date.
    """
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        return WrittenDate.write(read_datetime(text), text)
    return day if day.isoformat() == text else WrittenDate.write(day, text)


def write_date(value: dt.date) -> str:
    """Write a date as it was read, or else in ISO 8601."""
    return getattr(value, "text", None) or value.isoformat()


def _is_isoformat(text: str, moment: dt.datetime) -> bool:
    """Whether ``isoformat()`` writes this very text."""
    # It takes ten times as long as reading, so the one form that portals use is told by its looks.
    is_usual = (
        (len(text) == 25 or (len(text) == 32 and text[19] == "." and moment.microsecond > 0))
        and text[7] + text[10] + text[13] == "-T:"
        and text.endswith("+00:00")
    )
    return is_usual or moment.isoformat() == text


def _read_leniently(text: str) -> dt.datetime:
    from dateutil import parser  # Slow to import, and hardly ever needed.

    # dateutil fills what is missing from today's date, which would make "2014" mean another day
    # on every run.
    try:
        return parser.parse(text, default=dt.datetime(1, 1, 1))
    except OverflowError as error:
        raise ValueError(f"not a date: {text!r}") from error
