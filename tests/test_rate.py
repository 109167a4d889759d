"""Rates: fixed ones, and adaptive ones that find the limit of a server."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodatagouv.rate import AdaptiveRate, Rate

GAPS = st.lists(st.floats(0, 10), min_size=2, max_size=60)


def times(rate: Rate, gaps: list[float]) -> list[float]:
    """Return the times at which requests are sent, given the gaps between them."""
    now, sent = 0.0, list[float]()
    for gap in gaps:
        now += gap
        now += rate.delay(now)
        rate.take(now)
        sent.append(now)
    return sent


@given(rate=st.floats(0.1, 1000), gaps=GAPS)
def test_no_interval_exceeds_the_rate_plus_the_burst(rate: float, gaps: list[float]) -> None:
    sent = times(Rate(rate), gaps)
    together = max(1, min(rate, 10 - rate))
    for first in range(len(sent)):
        for last in range(first, len(sent)):
            allowed = together + rate * (sent[last] - sent[first])
            assert last - first + 1 <= allowed + 1e-6


@given(rate=st.floats(0.1, 1000), gaps=GAPS)
def test_a_burst_never_exceeds_ten_requests_in_a_second(rate: float, gaps: list[float]) -> None:
    sent = times(Rate(rate), gaps)
    busiest = max(sum(start <= one < start + 1 - 1e-6 for one in sent) for start in sent)
    assert busiest <= max(10, math.ceil(rate))


def test_a_request_waits_no_longer_than_needed() -> None:
    assert times(Rate(4), [0] * 6) == [0, 0, 0, 0, 0.25, 0.5]
    assert Rate(4).delay(100) == 0


def test_a_high_rate_is_even_from_the_start() -> None:
    assert times(Rate(50), [0] * 4) == pytest.approx([0, 0.02, 0.04, 0.06])


def test_a_late_request_does_not_catch_up() -> None:
    rate = Rate(50)
    assert times(rate, [0, 1.005, 0]) == pytest.approx([0, 1.005, 1.025])


def test_an_infinite_rate_has_no_delay() -> None:
    assert times(Rate(math.inf), [0] * 4) == [0, 0, 0, 0]


def test_a_burst_is_sent_at_once() -> None:
    assert times(Rate(4, burst=1), [0] * 3) == [0, 0.25, 0.5]
    assert times(Rate(50, burst=3), [0] * 4) == pytest.approx([0, 0, 0, 0.02])
    for wrong in (0, 0.5, math.nan):
        with pytest.raises(ValueError, match="it must be a finite number, at least 1"):
            Rate(4, burst=wrong)


@pytest.mark.parametrize("burst", [2.0, 1e9, 1e20, 1e300])
def test_a_pause_holds_back_every_burst(burst: float) -> None:
    rate = Rate(5, burst=burst)
    rate.take(0)
    rate.pause(2)
    assert rate.delay(0.2) == pytest.approx(1.8)


def test_requests_after_a_pause_are_sent_one_by_one() -> None:
    rate = Rate(4)
    rate.take(0)
    rate.pause(10)
    assert times(rate, [0] * 3) == pytest.approx([10, 10.25, 10.5])


@pytest.mark.parametrize("rate", [0, -1, float("nan"), 1e-310])
def test_an_invalid_rate_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="requests a second above 0"):
        Rate(rate)


class LeakyBucket:
    """A server that accepts a number of requests per second, plus a burst."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._level = self._last = 0.0

    def takes(self, now: float) -> bool:
        level = max(0.0, self._level - (now - self._last) * self._rate) + 1
        if level > self._burst + 1 + 1e-9:
            return False
        self._level, self._last = level, now
        return True


def calls(rate: AdaptiveRate, server: LeakyBucket, pause: float) -> Iterator[tuple[float, bool]]:
    """Send requests endlessly; yield the time of each and whether it was accepted."""
    now = 0.0
    while True:
        now += rate.delay(now)
        rate.take(now)
        taken = server.takes(now)
        yield now, taken
        if not taken:
            rate.rejected(now, now, pause)
            rate.pause(now + pause)


@pytest.mark.parametrize("limit", [0.5, 5, 50, 500])
@pytest.mark.parametrize("burst", [0, 10])
def test_an_adaptive_rate_finds_the_limit_of_a_server(limit: float, burst: int) -> None:
    taken = rejected = 0
    rate = AdaptiveRate()
    for now, is_taken in calls(rate, LeakyBucket(limit, burst), pause=0.1):
        taken, rejected = taken + is_taken, rejected + (not is_taken)
        if now > 300:
            break
    # The throughput is a few percent below the limit, with few rejections.
    assert 0.85 * limit < taken / now < limit + (burst + 1) / now
    assert rejected <= 15 + 0.02 * taken


@pytest.mark.parametrize(("pause", "rejections"), [(0.1, 45), (2, 12), (30, 4)])
def test_longer_pauses_are_risked_less_often(pause: float, rejections: int) -> None:
    seen = 0
    for now, is_taken in calls(AdaptiveRate(), LeakyBucket(50, 10), pause):
        seen += not is_taken
        if now > 300:
            break
    assert 1 < seen <= rejections


def test_an_adaptive_rate_finds_a_raised_limit() -> None:
    rate, server = AdaptiveRate(), LeakyBucket(10, 5)
    for now, _ in calls(rate, server, pause=0.1):
        if now > 60:
            break
    server._rate = 100
    assert rate.rate < 15
    for _ in range(2000):
        now += rate.delay(now)
        rate.take(now)
        if not server.takes(now):
            rate.rejected(now, now, 0.1)
            rate.pause(now + 0.1)
    assert rate.rate > 80


def test_simultaneous_rejections_count_as_one() -> None:
    rate = AdaptiveRate()
    before = rate.rate
    rate.rejected(sent=1.0, now=1.2, pause=0)
    once = rate.rate
    rate.rejected(sent=1.1, now=1.3, pause=0)
    assert before > once == rate.rate
    rate.rejected(sent=1.4, now=1.5, pause=0)
    assert rate.rate < once


@given(gap=st.floats(1, 100))
def test_sparse_requests_do_not_change_an_adaptive_rate(gap: float) -> None:
    rate = AdaptiveRate()
    times(rate, [gap] * 500)
    assert rate.rate == AdaptiveRate.START
