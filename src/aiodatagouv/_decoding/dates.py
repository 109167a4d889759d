"""Dates as portals write them, read without losing their text."""

from __future__ import annotations

import datetime as dt
import re
from email.utils import parsedate_to_datetime

_DAY, _MONTH = r"\d{1,2}(st|nd|rd|th)?", r"[A-Za-z]{3,9}\.?"
_UNAMBIGUOUS = re.compile(
    r"([12]\d{3}([-/](0?[1-9]|1[0-2])([-/]\d{1,2})?)?"
    rf"|([A-Za-z]{{3,9}},? )?({_DAY} {_MONTH}|{_MONTH} {_DAY}),? [12]\d{{3}})"
    r"(([T ]|, )\d{1,2}:\d\d(:\d\d([.,]\d+)?)?( ?[AaPp][Mm])?( ?(Z|UTC|GMT|[+-]\d\d:?\d\d))?)?",
    re.ASCII,
)
"""Years first or months by name; a zone is UTC or an offset. ``05/12/2014`` and ``CET`` are not."""


class WrittenDatetime(dt.datetime):
    """A datetime that keeps the text it was read from, which ``isoformat()`` would not give.

    Portals pass on the dates of harvested catalogues (``2014-12-05T00:00:00Z``, ``5 Dec 2014``). It
    compares and computes like any datetime; only ``to_dict`` uses :attr:`text`.
    """

    text: str | None = None

    @classmethod
    def write(cls, moment: dt.datetime, text: str | None) -> WrittenDatetime:
        """Attach the text that a datetime was read from."""
        written = cls.combine(moment.date(), moment.timetz())
        written.text = text
        return written

    def __reduce_ex__(self, protocol: object) -> tuple[object, ...]:
        # datetime's own reduction drops attributes. The result of arithmetic has no text.
        plain = dt.datetime.combine(self.date(), self.timetz())
        return (WrittenDatetime.write, (plain, self.text))


class WrittenDate(dt.date):
    """A date that keeps the text it was read from, which ``isoformat()`` would not give."""

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
    """Read a date and time: ISO 8601, or another notation that has one meaning only.

    Raises:
        ValueError: It is not a date.
    """
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        moment = _read_leniently(text)
    return moment if _is_isoformat(text, moment) else WrittenDatetime.write(moment, text)


def read_date(text: str) -> dt.date:
    """Read a date; the time of day that a text may add is ignored.

    Raises:
        ValueError: It is not a date.
    """
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        return WrittenDate.write(read_datetime(text), text)
    return day if day.isoformat() == text else WrittenDate.write(day, text)


def read_http_date(text: str) -> dt.datetime | None:
    """Read a date of an HTTP header, None if it is not one; without a zone it is in UTC."""
    try:
        moment = parsedate_to_datetime(text)
        return moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return None


def write_date(value: dt.date) -> str:
    """Write a date as it was read, or else in ISO 8601."""
    return getattr(value, "text", None) or value.isoformat()


def _is_isoformat(text: str, moment: dt.datetime) -> bool:
    """Whether ``isoformat()`` gives this text."""
    # isoformat() takes ten times as long as reading: the form that portals use is recognized.
    is_usual = (
        (len(text) == 25 or (len(text) == 32 and text[19] == "." and moment.microsecond > 0))
        and text[7] + text[10] + text[13] == "-T:"
        and text.endswith("+00:00")
    )
    return is_usual or moment.isoformat() == text


def _read_leniently(text: str) -> dt.datetime:
    if not _UNAMBIGUOUS.fullmatch(text.strip()):
        raise ValueError(f"not a date, or not one with one meaning only: {text!r:.80}")
    from dateutil import parser  # Slow to import, and rarely needed.

    # dateutil takes missing parts from today's date, so that "2014" would change every day.
    try:
        return parser.parse(text, default=dt.datetime(1, 1, 1))
    except OverflowError as error:
        raise ValueError(f"not a date: {text!r}") from error
