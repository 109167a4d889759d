"""Dates: decoded to datetimes, and encoded to the same text again."""

from __future__ import annotations

import copy
import datetime as dt
import pickle
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodatagouv._decoding.dates import WrittenDatetime, read_date, read_datetime, write_date

NOTATIONS = {
    "2014-12-05T00:00:00Z": dt.datetime(2014, 12, 5, tzinfo=dt.UTC),
    "2014-12-05": dt.datetime(2014, 12, 5),
    "5 Dec 2014": dt.datetime(2014, 12, 5),
    "2014": dt.datetime(2014, 1, 1),
    "2014-12-05 10:00:00": dt.datetime(2014, 12, 5, 10),
    "2014/12/05": dt.datetime(2014, 12, 5),
    "2014-5": dt.datetime(2014, 5, 1),
    "December 5th, 2014": dt.datetime(2014, 12, 5),
    "Fri, 05 Dec 2014 10:00:00 GMT": dt.datetime(2014, 12, 5, 10, tzinfo=dt.UTC),
    "5 Dec 2014 10:00 PM": dt.datetime(2014, 12, 5, 22),
}
"""Notations that differ from isoformat's, each with its meaning."""


@given(st.datetimes(timezones=st.none() | st.just(dt.UTC)))
def test_isoformat_text_is_read_as_a_plain_datetime(moment: dt.datetime) -> None:
    read = read_datetime(moment.isoformat())
    assert read == moment
    assert type(read) is dt.datetime
    assert write_date(read) == moment.isoformat()


@given(
    st.from_regex(
        r"2024-(05-03|W18-5)[T ](12:30:00|123000)([.,][05]{1,6})?(Z|[+-]00:00|\+02:00)?",
        fullmatch=True,
    )
)
def test_every_notation_keeps_its_text(text: str) -> None:
    read = read_datetime(text)
    assert write_date(read) == text
    assert (type(read) is dt.datetime) is (read.isoformat() == text)


@pytest.mark.parametrize("text", NOTATIONS)
def test_other_notations_are_understood_and_keep_their_text(text: str) -> None:
    read = read_datetime(text)
    assert read == NOTATIONS[text]
    assert write_date(read) == text
    for copied in (copy.deepcopy(read), copy.copy(read), pickle.loads(pickle.dumps(read))):
        assert copied == read
        assert write_date(copied) == text


def test_arithmetic_discards_the_original_text() -> None:
    later = read_datetime("5 Dec 2014") + dt.timedelta(days=1)
    assert write_date(later) == "2014-12-06T00:00:00"
    assert pickle.loads(pickle.dumps(later)) == later
    assert WrittenDatetime.write(later, "6 Dec") == later


@given(st.dates())
def test_an_iso_date_is_read_as_a_plain_date(day: dt.date) -> None:
    assert read_date(day.isoformat()) == day
    assert type(read_date(day.isoformat())) is dt.date


@pytest.mark.parametrize("text", ["2014-12-05T10:00:00+00:00", "20141205", "5 Dec 2014"])
def test_a_date_in_another_notation_keeps_its_text(text: str) -> None:
    read = read_date(text)
    assert read == dt.date(2014, 12, 5)
    assert not isinstance(read, dt.datetime)
    for copied in (read, copy.deepcopy(read), pickle.loads(pickle.dumps(read))):
        assert copied == read
        assert write_date(copied) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "2014-13-45", "10:00+00:00:00", "9999999999999999999"),
        *("05/12/2014", "12 14 2014", "2014-12-05 10:00 CET", "5 Dec 2014 10:00 UTC+2"),
        *("10:00", "Mon", "-0044", "2014-13", "5 Foo 2014", "5 Dec", "14", "12-05-2014"),
    ],
)
def test_a_date_is_never_guessed(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_datetime(text)


def test_dateutil_is_imported_only_when_needed() -> None:
    code = (
        "import sys; from aiodatagouv._decoding.dates import read_datetime; "
        "read_datetime('2014-12-05T00:00:00Z'); assert 'dateutil' not in sys.modules; "
        "read_datetime('5 Dec 2014'); assert 'dateutil' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
