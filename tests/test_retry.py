"""Retries: the decisions of the policy, and the client that follows them."""

from __future__ import annotations

import asyncio
import logging
import pickle
from collections.abc import AsyncIterator, Callable
from io import BytesIO, UnsupportedOperation
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aiodatagouv import (
    OPERATIONS,
    APIError,
    Client,
    DataGouvError,
    DecodeError,
    File,
    NetworkError,
    NotFoundError,
    NotJSONError,
    Operation,
    Rate,
    RateLimitedError,
    RedirectError,
    Retry,
    RetryPolicy,
    ServerError,
    TimeoutError,
    UnreachableError,
)
from aiodatagouv.api import datasets, reuses, site
from aiodatagouv.models import ImageUpload, ReuseWrite

from . import clock

Scripted = Callable[..., Client]

READ = OPERATIONS["get_dataset"]
CREATE = OPERATIONS["create_reuse"]
REPLACE = OPERATIONS["update_reuse"]
CHANGE = OPERATIONS["update_visualization"]
DELETE = OPERATIONS["delete_reuse"]

BROKEN = NetworkError("reset")
REFUSED = NetworkError("refused", is_sent=False)


def status(number: int, retry_after: float | None = None) -> APIError:
    kind = {404: NotFoundError, 429: RateLimitedError}.get(number, ServerError)
    return kind("", status=number, retry_after=retry_after)


@pytest.mark.parametrize(
    ("operation", "error", "again"),
    [
        (READ, BROKEN, True),
        (READ, TimeoutError("slow"), True),
        (READ, RedirectError("elsewhere"), False),
        (READ, UnreachableError("no such host", is_sent=False), False),
        (READ, NotJSONError("cut off"), True),
        (READ, DecodeError("another type"), False),
        (READ, status(500), True),
        (READ, status(502), True),
        (READ, status(503), True),
        (READ, status(504), True),
        (READ, status(501), False),
        (READ, status(404), False),
        (READ, status(429), True),
        (REPLACE, BROKEN, True),
        (DELETE, status(503), True),
        (CREATE, BROKEN, False),
        (CREATE, REFUSED, True),
        (CREATE, TimeoutError("no connection", is_sent=False), True),
        (CREATE, NotJSONError("cut off"), False),
        (CREATE, status(503), False),
        (CREATE, status(429), True),
        (CHANGE, status(500), False),
        (CHANGE, REFUSED, True),
    ],
)
def test_the_policy_decides_which_errors_are_retried(
    operation: Operation, error: DataGouvError, again: bool
) -> None:
    wait = RetryPolicy().wait(operation, error, attempt=1, elapsed=0, jitter=0.5)
    assert (wait is not None) is again


@pytest.mark.parametrize("error", [BROKEN, status(503), NotJSONError("cut off")])
def test_an_unsafe_policy_retries_writes(error: DataGouvError) -> None:
    wait = RetryPolicy(unsafe=True).wait(CREATE, error, attempt=1, elapsed=0, jitter=0.5)
    assert wait is not None


def test_waits_double_up_to_max_wait() -> None:
    policy = RetryPolicy(base=1, max_wait=10, attempts=99)
    longest = [policy.wait(READ, BROKEN, attempt=n, elapsed=0, jitter=1) for n in range(1, 7)]
    assert longest == [1, 2, 4, 8, 10, 10]


@given(
    attempt=st.integers(1, 10_000),
    elapsed=st.floats(0, 1e6),
    jitter=st.floats(0, 1),
    asked=st.none() | st.floats(0, allow_nan=False),
)
@example(attempt=1, elapsed=0, jitter=0, asked=61)
def test_retry_after_is_a_lower_bound_and_all_limits_hold(
    attempt: int, elapsed: float, jitter: float, asked: float | None
) -> None:
    policy = RetryPolicy(attempts=5000, base=0.5, max_wait=60, retry_for=300)
    wait = policy.wait(READ, status(429, asked), attempt=attempt, elapsed=elapsed, jitter=jitter)
    if wait is None:
        longest = (asked or 0) + 60
        assert attempt >= 5000 or (asked or 0) > 60 or elapsed + longest > 300
    else:
        assert attempt < 5000
        assert (asked or 0) <= 60
        assert (asked or 0) <= wait <= (asked or 0) + 60
        assert elapsed + wait <= 300


@pytest.mark.parametrize(
    "wrong",
    [
        {"attempts": 0},
        {"base": -1},
        {"max_wait": -1},
        {"retry_for": -1},
        {"deadline": 0},
        {"cool_down": -1},
        {"wait_for_unlock": -1},
    ],
)
def test_an_invalid_policy_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"'{next(iter(wrong))}' must be >"):
        RetryPolicy(**wrong)  # type: ignore[arg-type]


def test_a_wait_for_unlock_below_the_cool_down_is_refused() -> None:
    with pytest.raises(ValueError, match="after cool_down, 60 seconds, so wait at least as long"):
        RetryPolicy(wait_for_unlock=30)


class Failing:
    """A portal that gives the listed answers first and records the time of each request."""

    def __init__(self, *answers: int | httpx.Response | Exception) -> None:
        self.times: list[float] = []
        self.bodies: list[bytes] = []
        self._answers = [*answers]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.times.append(asyncio.get_running_loop().time())
        self.bodies.append(request.content)
        answer = self._answers.pop(0) if self._answers else 200
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, int):
            return httpx.Response(answer, content=b'{"id":"1"}')
        return answer


def test_a_read_is_retried_until_it_succeeds(scripted: Scripted) -> None:
    portal = Failing(500, httpx.ConnectError("refused"), 503, httpx.ReadTimeout("slow"))

    async def main() -> None:
        async with scripted(portal, retry=RetryPolicy()) as client:
            assert (await datasets.get_dataset(client, "velos")).id == "1"

    clock.run(main())
    assert len(portal.times) == 5
    waits = [after - before for before, after in zip(portal.times, portal.times[1:], strict=False)]
    assert all(0 <= wait <= 0.25 * 2**number for number, wait in enumerate(waits))


def test_a_truncated_body_is_retried(scripted: Scripted) -> None:
    class Broken(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b'{"id"'
            raise httpx.ReadError("broken off")

    portal = Failing(httpx.Response(200, stream=Broken()))

    async def main() -> None:
        async with scripted(portal, retry=RetryPolicy()) as client:
            assert (await datasets.get_dataset(client, "velos")).id == "1"

    clock.run(main())
    assert len(portal.times) == 2


def test_opening_a_stream_is_retried(scripted: Scripted) -> None:
    portal = Failing(502, httpx.ConnectError("refused"))

    async def main() -> None:
        async with scripted(portal, retry=RetryPolicy()) as client:
            assert await site.get_site_tags_csv(client).text() == '{"id":"1"}'

    clock.run(main())
    assert len(portal.times) == 3


def test_the_retry_after_of_the_portal_is_respected(scripted: Scripted) -> None:
    portal = Failing(httpx.Response(429, headers={"Retry-After": "7"}))

    async def main() -> None:
        async with scripted(portal, retry=RetryPolicy()) as client:
            await datasets.get_dataset(client, "velos")

    clock.run(main())
    assert 7 <= portal.times[1] <= 7.5


def test_a_wait_that_is_too_long_is_an_immediate_error(scripted: Scripted) -> None:
    portal = Failing(httpx.Response(429, headers={"Retry-After": "3600"}))

    async def main() -> None:
        async with scripted(portal, retry=RetryPolicy()) as client:
            with pytest.raises(RateLimitedError, match="wait 3600 s") as caught:
                await datasets.get_dataset(client, "velos")
            assert caught.value.retry_after == 3600

    clock.run(main())
    assert portal.times == [0]


def test_the_number_of_attempts_is_limited(scripted: Scripted) -> None:
    portal = Failing(*[500] * 99)

    async def main() -> None:
        async with scripted(portal, retry=RetryPolicy(attempts=3)) as client:
            with pytest.raises(ServerError):
                await datasets.get_dataset(client, "velos")

    clock.run(main())
    assert len(portal.times) == 3


def test_a_create_is_never_repeated(scripted: Scripted) -> None:
    portal = Failing(httpx.ReadTimeout("slow"))
    body = ReuseWrite(title="a", description="b", topic="others", type="api", url="c")

    async def main() -> None:
        async with scripted(portal, retry=RetryPolicy()) as client:
            with pytest.raises(TimeoutError):
                await reuses.create_reuse(client, body=body)

    clock.run(main())
    assert len(portal.times) == 1


class Pipe(BytesIO):
    def seekable(self) -> bool:
        return False

    def seek(self, offset: int, whence: int = 0) -> int:
        raise UnsupportedOperation("a pipe has no beginning")


@pytest.mark.parametrize(
    ("content", "calls"), [(b"bytes", 2), (BytesIO(b"bytes"), 2), (Pipe(b"bytes"), 1)]
)
def test_a_file_is_only_sent_again_if_it_can_be_rewound(
    scripted: Scripted, content: bytes | BytesIO, calls: int
) -> None:
    portal = Failing(httpx.Response(429))

    async def main() -> None:
        async with scripted(portal, retry=RetryPolicy()) as client:
            image = ImageUpload(file=File(content, "a.png"))
            try:
                await reuses.upload_reuse_image(client, "1", body=image)
            except RateLimitedError:
                assert calls == 1

    clock.run(main())
    assert len(portal.times) == calls
    assert all(b"bytes" in body for body in portal.bodies)


def test_a_file_on_disk_is_opened_again_to_be_sent_again(
    scripted: Scripted, tmp_path: Path
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"bytes")
    portal = Failing(httpx.Response(429))

    async def main() -> None:
        async with scripted(portal, retry=RetryPolicy()) as client:
            image = ImageUpload(file=File.from_path(path))
            await reuses.upload_reuse_image(client, "1", body=image)

    clock.run(main())
    assert [b'filename="a.png"' in body and b"bytes" in body for body in portal.bodies] == [
        True
    ] * 2


def test_a_missing_file_is_refused_when_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        File.from_path(tmp_path / "a.png")


def test_an_unseekable_file_does_not_follow_a_redirect(scripted: Scripted) -> None:
    portal = Failing(httpx.Response(308, headers={"Location": "/api/1/reuses/2/image/"}))

    async def main() -> None:
        async with scripted(portal) as client:
            image = ImageUpload(file=File(Pipe(b"bytes"), "a.png"))
            with pytest.raises(RedirectError, match="its file cannot be read again"):
                await reuses.upload_reuse_image(client, "1", body=image)

    clock.run(main())
    assert len(portal.times) == 1


def test_retries_are_reported_to_the_callback_and_the_log(
    scripted: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    portal = Failing(503, httpx.ConnectError("refused"))
    reported: list[Retry] = []

    async def main() -> None:
        options = {"retry": RetryPolicy(), "on_retry": reported.append}
        async with scripted(portal, **options) as client:
            await datasets.get_dataset(client, "velos")
            # The callback is an option like the others.
            await datasets.get_dataset(client.with_options(on_retry=None), "velos")

    caplog.set_level(logging.INFO, "aiodatagouv")
    clock.run(main())
    assert [(one.operation, one.attempt) for one in reported] == [(READ, 1), (READ, 2)]
    assert isinstance(reported[0].error, ServerError)
    assert [one.wait for one in reported] == pytest.approx(
        [portal.times[1], portal.times[2] - portal.times[1]]
    )
    assert [record.message for record in caplog.records] == [
        f"{one.error}; again in {one.wait:.1f} s" for one in reported
    ]


def test_an_error_reports_its_attempts_and_waiting_time(scripted: Scripted) -> None:
    portal = Failing(*[503] * 9)

    async def main() -> None:
        async with scripted(portal, retry=RetryPolicy(attempts=4)) as client:
            with pytest.raises(ServerError) as caught:
                await datasets.get_dataset(client, "velos")
        assert caught.value.attempts == 4
        assert caught.value.waited == pytest.approx(portal.times[3])
        words = f"503 Service Unavailable, 4 attempts, waited {portal.times[3]:.1f} s (GET "
        assert words in str(caught.value)
        assert "4 attempts" in str(pickle.loads(pickle.dumps(caught.value)))

    clock.run(main())


def test_a_redirect_does_not_count_as_an_attempt(scripted: Scripted) -> None:
    moved = httpx.Response(308, headers={"Location": "/api/1/datasets/velos-2/"})
    portal = Failing(moved, 503, moved, 404)

    async def main() -> None:
        async with scripted(portal, retry=RetryPolicy()) as client:
            with pytest.raises(NotFoundError, match=r"velos-2") as caught:
                await datasets.get_dataset(client, "velos")
        assert caught.value.attempts == 2

    clock.run(main())


def test_an_error_after_one_attempt_does_not_mention_attempts(scripted: Scripted) -> None:
    async def main() -> None:
        async with scripted(Failing(404), retry=RetryPolicy()) as client:
            with pytest.raises(NotFoundError) as caught:
                await datasets.get_dataset(client, "velos")
        assert caught.value.attempts == 1
        assert "attempt" not in str(caught.value)

    clock.run(main())


def test_the_deadline_applies_to_a_retry_waiting_for_the_rate(scripted: Scripted) -> None:
    portal = Failing(503)

    async def main() -> float:
        policy = RetryPolicy(base=0, deadline=30)
        async with scripted(portal, retry=policy, rate=1 / 100) as client:
            with pytest.raises(ServerError, match="503"):
                await datasets.get_dataset(client, "velos")
        return asyncio.get_running_loop().time()

    assert clock.run(main()) == pytest.approx(30)
    assert len(portal.times) == 1


def test_the_deadline_applies_to_a_call_that_was_never_sent(scripted: Scripted) -> None:
    portal = Failing(*[200] * 12)

    async def main() -> list[object]:
        async with scripted(portal, retry=RetryPolicy(deadline=2), rate=Rate(1, burst=1)) as client:
            calls = [datasets.get_dataset(client, "velos") for _ in range(12)]
            results = await asyncio.gather(*calls, return_exceptions=True)
        assert asyncio.get_running_loop().time() == pytest.approx(2)
        return list(results)

    late = [one for one in clock.run(main()) if isinstance(one, TimeoutError)]
    assert len(portal.times) == 12 - len(late) <= 3
    assert "get_dataset: the deadline of the call, 2 s, is over, not sent" in str(late[0])
    assert not any(one.is_sent for one in late)


def test_the_deadline_applies_to_an_answer_that_does_not_arrive(scripted: Scripted) -> None:
    async def silent(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(1000)
        return httpx.Response(200)

    async def main() -> None:
        async with scripted(silent, retry=RetryPolicy(deadline=2)) as client:
            with pytest.raises(TimeoutError, match="the deadline of the call, 2 s") as caught:
                await datasets.get_dataset(client, "velos")
            assert caught.value.is_sent
            with pytest.raises(TimeoutError, match="the deadline of the call, 2 s"):
                await site.get_site_tags_csv(client).text()
        assert asyncio.get_running_loop().time() == pytest.approx(4)

    clock.run(main())


def test_no_wait_exceeds_the_deadline(scripted: Scripted) -> None:
    portal = Failing(httpx.Response(503, headers={"Retry-After": "50"}))

    async def main() -> None:
        async with scripted(portal, retry=RetryPolicy(deadline=30)) as client:
            with pytest.raises(ServerError, match="503"):
                await datasets.get_dataset(client, "velos")
        assert asyncio.get_running_loop().time() == 0

    clock.run(main())


def test_a_retry_goes_before_new_calls(scripted: Scripted) -> None:
    order: list[str] = []

    def portal(request: httpx.Request) -> httpx.Response:
        order.append(request.url.path.split("/")[-2])
        return httpx.Response(503 if order == ["0"] else 200, json={"id": "1"})

    async def main() -> None:
        async with scripted(portal, retry=RetryPolicy(base=0), rate=1) as client:
            await asyncio.gather(*(datasets.get_dataset(client, str(n)) for n in range(9)))

    clock.run(main())
    # One of the new calls was already at the front of the queue.
    assert order == ["0", "1", "0", "2", "3", "4", "5", "6", "7", "8"]


class Patient(RetryPolicy):
    """A policy that waits for the end of an announced maintenance."""

    def wait(self, operation: Operation, error: DataGouvError, **how: Any) -> float | None:
        return 7 if "maintenance" in str(error) else super().wait(operation, error, **how)


def test_a_custom_policy_is_followed(scripted: Scripted) -> None:
    down = httpx.Response(501, json={"message": "maintenance"})
    portal = Failing(down, 501)

    async def main() -> None:
        async with scripted(portal, retry=Patient()) as client:
            with pytest.raises(ServerError, match="501 Not Implemented"):
                await datasets.get_dataset(client, "velos")

    clock.run(main())
    assert portal.times == [0, 7]


def test_truncated_json_is_retried(scripted: Scripted) -> None:
    portal = Failing(httpx.Response(200, content=b'{"id": "1"'), httpx.Response(200, content=b""))

    async def main() -> None:
        async with scripted(portal, retry=RetryPolicy()) as client:
            assert (await datasets.get_dataset(client, "velos")).id == "1"

    clock.run(main())
    assert len(portal.times) == 3


def test_an_answer_of_the_wrong_type_is_not_retried(scripted: Scripted) -> None:
    portal = Failing(httpx.Response(200, json=["a list"]))

    async def main() -> None:
        async with scripted(portal, retry=RetryPolicy()) as client:
            with pytest.raises(DecodeError) as caught:
                await datasets.get_dataset(client, "velos")
            assert caught.value.response is not None

    clock.run(main())
    assert len(portal.times) == 1


def test_closing_the_client_ends_calls_waiting_for_a_retry(scripted: Scripted) -> None:
    portal = Failing(httpx.Response(503, headers={"Retry-After": "30"}))

    async def main() -> float:
        async with scripted(portal, retry=RetryPolicy()) as client:
            call = asyncio.ensure_future(datasets.get_dataset(client, "velos"))
            await asyncio.sleep(1)
        with pytest.raises(RuntimeError, match="closed"):
            await call
        return asyncio.get_running_loop().time()

    assert clock.run(main()) < 2
