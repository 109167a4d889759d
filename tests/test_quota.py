"""Rate limit headers: reading Retry-After and quotas, and spending a quota."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodatagouv._limits.quota import LONGEST, Budget, Quota, read_quota, retry_after

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
UNIX = int(NOW.timestamp())


def at(seconds: float) -> str:
    """Format the HTTP date a number of seconds after NOW."""
    return format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("1.5", 1.5),
        (" 7 ", 7),
        ("3, 9", 9),
        ("99999999999", 99999999999),
        ("9" * 400, math.inf),
        (at(90), 90),
        (at(-90), 0),
        ("Sun, 01 Mar 2026 13:02:00 +0100", 120),
        ("-5", None),
        ("1e3", None),
        ("soon", None),
        ("", None),
        ("٣", None),
        ("Sun, 99 Foo 2026 99:99:99 GMT", None),
    ],
)
def test_retry_after_is_parsed(text: str, seconds: float | None) -> None:
    assert retry_after({"Retry-After": text}, NOW) == seconds


@pytest.mark.parametrize("skew", [-86400 * 365, -3600, 0, 59, 86400])
def test_times_are_relative_to_the_portals_clock(skew: int) -> None:
    date = {"Date": at(skew)}
    assert retry_after({**date, "Retry-After": at(skew + 30)}, NOW) == 30
    quota = {"X-RateLimit-Remaining": "3", "X-RateLimit-Reset": str(UNIX + skew + 30)}
    read = read_quota({**date, **quota}, NOW)
    assert read == Quota(math.inf, 3, UNIX + skew + 30, 30)


@pytest.mark.parametrize(
    ("limit", "remaining", "reset", "quota"),
    [
        ("100", "7", str(UNIX + 60), Quota(100, 7, UNIX + 60, 60)),
        (None, "7", str(UNIX + 60), Quota(math.inf, 7, UNIX + 60, 60)),
        ("many", "7", str(UNIX + 60), Quota(math.inf, 7, UNIX + 60, 60)),
        ("0", "0", str(UNIX + 60), Quota(math.inf, 0, UNIX + 60, 60)),
        ("100", "7", str(UNIX - 60), Quota(100, 7, UNIX - 60, 0)),
        ("100", "7", None, None),
        ("100", None, str(UNIX + 60), None),
        ("100", "-1", str(UNIX + 60), None),
        ("100", "7", "tomorrow", None),
        ("100", "7", str(UNIX + 60) + "000", None),
        ("100", "7", str(UNIX + 2 * 86400), None),
        ("100", "7", "9" * 400, None),
    ],
)
def test_a_quota_is_parsed(
    limit: str | None, remaining: str | None, reset: str | None, quota: Quota | None
) -> None:
    given = {"Limit": limit, "Remaining": remaining, "Reset": reset}
    headers = {f"X-RateLimit-{name}": text for name, text in given.items() if text is not None}
    assert read_quota(headers, NOW) == quota


def test_an_exhausted_quota_sets_the_wait() -> None:
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(UNIX + 60)}
    assert retry_after(headers, NOW) == 60
    assert retry_after({**headers, "Retry-After": "5"}, NOW) == 60
    assert retry_after({**headers, "Retry-After": "90"}, NOW) == 90
    assert retry_after({**headers, "X-RateLimit-Remaining": "1"}, NOW) is None


NUMBERS = st.integers().map(str) | st.floats().map(str) | st.text(max_size=20)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Retry-After": NUMBERS | st.integers(-(10**9), 10**9).map(at),
        "Date": st.text(max_size=30) | st.integers(-(10**9), 10**9).map(at),
        "X-RateLimit-Limit": NUMBERS,
        "X-RateLimit-Remaining": NUMBERS,
        "X-RateLimit-Reset": NUMBERS | st.integers(UNIX - 10**6, UNIX + 10**6).map(str),
    },
)


@given(HEADERS)
def test_arbitrary_headers_are_read_sensibly_or_ignored(headers: dict[str, str]) -> None:
    asked = retry_after(headers, NOW)
    assert asked is None or asked >= 0
    quota = read_quota(headers, NOW)
    if quota is not None:
        assert 0 <= quota.resets_in <= LONGEST
        assert 0 <= quota.remaining < math.inf
        assert quota.limit > 0


class Server:
    """A portal with a quota of requests per time window."""

    def __init__(self, limit: int, seconds: int) -> None:
        self.limit, self.seconds = limit, seconds
        self.rejected = 0
        self._left = limit
        self._reset = seconds

    def answers(self, now: float) -> Quota:
        while now >= self._reset:
            self._left, self._reset = self.limit, self._reset + self.seconds
        if self._left:
            self._left -= 1
        else:
            self.rejected += 1
        # Its clock shows whole seconds only.
        return Quota(self.limit, self._left, self._reset, self._reset - math.floor(now))


@given(
    limit=st.integers(5, 60),
    seconds=st.integers(1, 20),
    connections=st.integers(1, 5),
    hurry=st.floats(0.001, 0.5),
    slow=st.floats(0, 0.4),
    seed=st.integers(0, 10**6),
)
def test_a_quota_is_never_exceeded(
    limit: int, seconds: int, connections: int, hurry: float, slow: float, seed: int
) -> None:
    """Requests and answers travel for random times, and arrive in any order."""
    chance = random.Random(seed)
    server, budget = Server(limit, seconds), Budget()
    now = 0.0
    coming: list[float] = []
    going: list[tuple[float, Quota]] = []
    for _ in range(200):
        while True:
            under_way = len(coming) + len(going)
            delay = budget.delay(now, under_way)
            if delay <= 1e-6 and under_way < connections:
                break
            steps = [*coming, *(left for left, _ in going)]
            now = min([*steps, now + delay] if under_way < connections else steps)
            for one in sorted(one for one in coming if one <= now):
                coming.remove(one)
                going.append((one + chance.uniform(0, slow), server.answers(one)))
            for answer in [answer for answer in going if answer[0] <= now]:
                going.remove(answer)
                budget.observe(answer[1], now, len(coming) + len(going))
        budget.take(now)
        coming.append(now + chance.uniform(0, slow))
        now += hurry
    assert server.rejected == 0


def test_the_last_part_of_a_quota_is_spread_over_the_remaining_time() -> None:
    budget = Budget()
    budget.observe(Quota(100, 12, UNIX + 90, 90), now=0, in_flight=0)
    sent, now = [], 0.0
    for _ in range(12):
        now += budget.delay(now, 0)
        budget.take(now)
        sent.append(round(now))
    assert sent == [0, 0, 0, 9, 18, 27, 36, 45, 54, 63, 72, 81]
    assert budget.delay(now, 0) == pytest.approx(90 - now)


def test_a_late_answer_about_an_expired_quota_is_ignored() -> None:
    budget = Budget()
    budget.observe(Quota(100, 99, UNIX + 60, 60), now=0, in_flight=0)
    budget.observe(Quota(100, 1, UNIX, 0.5), now=0, in_flight=0)
    budget.take(0)
    assert budget.delay(0, 0) == 0


def test_an_expired_quota_no_longer_delays_requests() -> None:
    budget = Budget()
    budget.observe(Quota(20, 19, UNIX + 5, 5), now=0, in_flight=0)
    now = 10.0
    for _ in range(50):  # No answer has quota headers.
        assert budget.delay(now, 0) == 0
        budget.take(now)
        now += 1


def test_a_long_quota_is_spread_with_short_delays() -> None:
    budget = Budget()
    budget.observe(Quota(100, 9, UNIX + 3600, 3600), now=0, in_flight=0)
    budget.take(0)
    assert budget.delay(0, 0) == 10


def test_the_shorter_of_two_quotas_is_respected_too() -> None:
    budget = Budget()
    budget.observe(Quota(1000, 900, UNIX + 3600, 3600), now=0, in_flight=0)
    budget.observe(Quota(10, 0, UNIX + 30, 30), now=0, in_flight=0)
    assert budget.delay(0, 0) == 30
    assert budget.delay(30, 0) == 0


def test_requests_in_flight_are_deducted_from_the_quota() -> None:
    budget = Budget()
    budget.observe(Quota(10, 3, UNIX + 60, 60), now=0, in_flight=3)
    assert budget.delay(0, 3) == 60
    budget.observe(
        Quota(10, 4, UNIX + 60, 60), now=1, in_flight=2
    )  # Counted before the previous answer.
    assert budget.delay(1, 2) > 0
    budget.observe(Quota(10, 2, UNIX + 60, 60), now=2, in_flight=1)
    budget.observe(Quota(10, 3, UNIX + 60, 60), now=3, in_flight=0)
    assert budget.delay(3, 0) == 0  # The lowest remaining count was 2.
    budget.take(3)
    budget.take(3)
    assert budget.delay(3, 0) == 60


def test_requests_in_flight_may_count_towards_the_next_quota() -> None:
    budget = Budget()
    budget.observe(Quota(10, 5, UNIX + 5, 5), now=0, in_flight=0)
    sent = 0
    while budget.delay(6, in_flight=3 + sent) <= 0:
        budget.take(6)
        sent += 1
    assert sent == 7
