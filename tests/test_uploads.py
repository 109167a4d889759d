"""Tests of uploads to a portal in memory that fails by a script, in virtual time."""

from __future__ import annotations

import asyncio
import io
import json
import os
import random
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiodatagouv import (
    APIError,
    CheckpointError,
    DataGouvError,
    DestinationError,
    IntegrityError,
    LockedError,
    NetworkError,
    Progress,
    RateLimitedError,
    RetryPolicy,
    ServerError,
    UploadError,
)
from aiodatagouv.files._upload import state
from aiodatagouv.files._upload.extensions import check_extension, may_be, normalized
from aiodatagouv.files._upload.journal import Journal
from aiodatagouv.files._upload.uploads import upload
from aiodatagouv.models import Dataset

from . import clock
from .uploading import Scripted

T = TypeVar("T")

CHUNK = 4
SMALL, LARGE = b"a;b", b"a;b;c;d;e"

RETRY = RetryPolicy()


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in virtual time, without threads: time does not wait for them."""

    async def inline(function: Any, /, *arguments: Any) -> Any:
        await asyncio.sleep(random.random() / 1000)  # What runs in threads may end in any order.
        return function(*arguments)

    with patch("asyncio.to_thread", inline):
        return clock.run(main)


async def send(portal: Scripted, content: bytes = SMALL, **options: Any) -> Any:
    """Upload a file with a client of its own."""
    retry = options.pop("retry", RETRY)
    async with portal.client(retry=retry) as client:
        options = {"name": "a.csv", "chunk_size": CHUNK, **options}
        return await upload(client, "velos", options.pop("source", content), **options)


def stored(portal: Scripted) -> list[bytes]:
    """Return the contents of all resources."""
    return [portal.contents[one["id"]] for one in portal.resources]


FATES = st.lists(
    st.sampled_from(
        ["answered", "lost", "unanswered", "late", "slow", "wrong", "failed", 500, 502, 503]
    ),
    max_size=5,
)
READS = st.lists(st.sampled_from(["answered", "lost", 502]), max_size=3)


@settings(max_examples=300)
@given(
    content=st.sampled_from([b"", SMALL, LARGE]),
    create=FATES,
    part=st.lists(
        st.sampled_from(["answered", "lost", "unanswered", "late", 500, 502]), max_size=6
    ),
    look=READS,
    delete=READS,
    title=READS,
    attempts=st.integers(1, 8),
)
def test_whatever_fails_there_is_one_resource_or_an_error_that_tells(
    content: bytes, attempts: int, **script: list[str | int]
) -> None:
    portal, seen = Scripted(**script), list[Progress]()

    async def outcome() -> Any:
        try:
            return await send(
                portal,
                content,
                title="Title",
                progress=seen.append,
                retry=RetryPolicy(attempts=attempts),
            )
        except DataGouvError as error:
            return error
        finally:
            await asyncio.sleep(10)  # What is late arrives.

    found = run(outcome())
    done = [one.done for one in seen]
    assert done == sorted(done)
    if not isinstance(found, DataGouvError):
        # These can make second copies, which cannot be told from the resources of others.
        late = {"late", "slow", "failed"} & {*script["create"]}
        assert [*stored(portal)] == [content] * (len(portal.resources) if late else 1)
        assert found.id in [one["id"] for one in portal.resources]
        assert (found.title, found.filesize) == ("Title", len(content))
        assert seen[-1] == Progress(len(content), len(content), "a.csv")
    elif isinstance(found, UploadError):
        ids = [one["id"] for one in portal.resources]
        assert found.resource in [*ids, None]
    else:
        assert stored(portal) == []


@pytest.mark.parametrize("content", [SMALL, LARGE])
@pytest.mark.parametrize("fate", ["unanswered", "late"])
def test_a_resource_whose_answer_was_lost_is_found_and_not_made_again(
    content: bytes, fate: str
) -> None:
    portal = Scripted(create=[fate])
    found = run(send(portal, content))
    assert portal.done["create"] == 1
    assert [one["id"] for one in portal.resources] == [found.id]


@pytest.mark.parametrize("fates", [["lost"], [502, "lost"], [503] * 3])
def test_a_resource_that_was_not_created_is_created_by_another_attempt(
    fates: list[str | int],
) -> None:
    portal = Scripted(create=fates)
    run(send(portal))
    assert portal.done["create"] == len(fates) + 1
    assert stored(portal) == [SMALL]


def test_parts_are_assembled_again_rather_than_sent_again() -> None:
    portal = Scripted(create=["lost"])
    run(send(portal, LARGE))
    assert portal.done["part"] == 3
    assert portal.done["create"] == 2
    assert stored(portal) == [LARGE]


def test_an_assembly_that_fails_twice_is_followed_by_another_upload_of_the_parts() -> None:
    portal = Scripted(create=[500, 500])
    run(send(portal, LARGE))
    assert portal.done["part"] == 6
    assert stored(portal) == [LARGE]


@pytest.mark.parametrize("fate", ["lost", "unanswered", "late", 502, 503, 504])
def test_a_part_whose_outcome_is_unknown_is_sent_again(fate: str | int) -> None:
    portal = Scripted(part=["answered", fate])
    run(send(portal, LARGE, concurrency=1))
    assert portal.done["part"] == 4
    assert stored(portal) == [LARGE]


def test_a_part_that_is_refused_the_first_time_needs_another_upload() -> None:
    portal = Scripted(part=["answered", 500])
    run(send(portal, LARGE, concurrency=1))
    assert portal.done["part"] == 5
    assert stored(portal) == [LARGE]


def test_a_wrong_resource_is_deleted_and_the_file_sent_again() -> None:
    portal = Scripted(create=["wrong"])
    found = run(send(portal, LARGE))
    assert portal.done["delete"] == 1
    assert portal.done["part"] == 6
    assert (stored(portal), found.id) == ([LARGE], "r2")


def test_a_file_that_is_always_stored_wrongly_is_an_error_and_no_resource() -> None:
    portal = Scripted(create=["wrong"] * 9)
    with pytest.raises(IntegrityError, match=r"a\.csv: its size is 5, not 3"):
        run(send(portal))
    assert portal.done["create"] == RETRY.attempts
    assert portal.resources == []


def test_a_wrong_resource_that_cannot_be_deleted_is_named() -> None:
    portal = Scripted(create=["wrong"], delete=[403])
    with pytest.raises(UploadError, match="wrongly, and could not be deleted") as caught:
        run(send(portal))
    assert (caught.value.dataset, caught.value.resource) == ("velos", "r1")


def test_a_late_twin_may_be_of_another_program_and_is_named_instead_of_deleted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    portal = Scripted(create=["late", "slow"])
    found = run(send(portal, retry=RetryPolicy(base=0.05)))
    assert portal.done["create"] == 2
    assert portal.done["delete"] == 0
    assert found.id == "r2"
    assert "meanwhile resource r1 of dataset velos was created, with the same file" in caplog.text


@pytest.mark.parametrize("by", ["client", "program"])
def test_a_resource_that_another_one_has_just_finished_is_neither_taken_nor_deleted(
    by: str,
) -> None:
    portal = Scripted(create=["answered", *["answered"] * (by == "client"), "unanswered"])

    async def uploads() -> tuple[str, str]:
        async with portal.client() as one, portal.client() as other:
            await upload(one, "velos", b"first", name="first.csv")
            if by == "client":
                await upload(other, "velos", SMALL, name="a.csv")
            else:
                portal.add(SMALL, "a.csv")
            theirs = portal.resources[0]["id"]
            await asyncio.sleep(2)
            return theirs, (await upload(one, "velos", SMALL, name="a.csv")).id

    theirs, ours = run(uploads())
    assert ours != theirs
    assert [one["id"] for one in portal.resources][:2] == [ours, theirs]
    assert portal.done["delete"] == 0


@pytest.mark.parametrize("fates", [[], ["unanswered"], ["lost", "late"]])
def test_clients_that_upload_the_same_file_at_once_have_a_resource_each(
    fates: list[str | int],
) -> None:
    portal = Scripted(create=fates, look=["held"] * 4)  # Both list the dataset before they begin.

    async def both() -> list[Any]:
        async with portal.client(retry=RETRY) as one, portal.client(retry=RETRY) as other:
            return await asyncio.gather(
                *(
                    upload(client, "velos", SMALL, name="a.csv", title=title)
                    for client, title in [(one, "A"), (other, "B")]
                )
            )

    found = run(both())
    assert [one.title for one in found] == ["A", "B"]
    assert len({one.id for one in found}) == 2
    assert {one["id"]: one["title"] for one in portal.resources} == {
        one.id: one.title for one in found
    }


def test_the_same_file_of_another_program_in_this_second_is_not_taken() -> None:
    portal = Scripted(create=["overtaken"])
    found = run(send(portal, title="Ours"))
    assert portal.done["create"] == 2
    assert [(one["id"], one["title"]) for one in portal.resources] == [
        (found.id, "Ours"),
        ("r1", "a.csv"),
    ]


def test_without_retries_a_resource_that_may_be_of_another_program_is_named() -> None:
    portal = Scripted(create=["overtaken"])
    with pytest.raises(UploadError, match=r"r1 has the content of a\.csv, but may be of another"):
        run(send(portal, retry=None, title="Ours"))
    assert [one["title"] for one in portal.resources] == ["a.csv"]


def test_a_portal_that_creates_and_fails_again_is_not_asked_for_ever() -> None:
    portal = Scripted(create=["failed"] * 9)
    found = run(send(portal))
    assert portal.done["create"] == 2
    assert found.id == "r2"


def test_a_resource_with_a_title_of_its_own_is_of_another_program() -> None:
    portal = Scripted(create=["lost"])

    async def meanwhile() -> Any:
        asyncio.get_running_loop().call_later(0.1, portal.add, SMALL, "a.csv", "Theirs")
        return await send(portal)

    found = run(meanwhile())
    assert [one["title"] for one in portal.resources] == ["a.csv", "Theirs"]
    assert portal.resources[0]["id"] == found.id


def test_what_is_remembered_of_uploads_is_bounded() -> None:
    portal = Scripted()

    async def several() -> int:
        async with portal.client() as client:
            for number in range(9):
                await upload(client, "velos", SMALL, name=f"{number}.csv")
            await asyncio.sleep(2)
            state.ClientUploads.of(client).of_dataset("other")
        (there,) = state._of_loop.values()
        return len(there)

    claimed = dict[tuple[str, str], None]()
    with patch.object(state, "_CLAIMS", 5), patch.object(state, "_claimed", claimed):
        assert run(several()) == 1
        assert [id for _, id in claimed] == ["r5", "r6", "r7", "r8", "r9"]


def test_without_retries_there_is_one_attempt_and_one_look() -> None:
    portal = Scripted(create=["late"])
    with pytest.raises(UploadError, match=r"may have been created for a\.csv, but was not found"):
        run(send(portal, retry=None))
    assert portal.done == {"extensions": 1, "look": 3, "create": 1}


def test_a_look_that_fails_leaves_it_unknown_what_there_is() -> None:
    portal = Scripted(create=["unanswered"], look=["answered", "answered", 403])
    with pytest.raises(UploadError, match="may have been created") as caught:
        run(send(portal))
    assert isinstance(caught.value.__cause__, APIError)
    assert len(portal.resources) == 1


def test_a_policy_for_repeated_posts_creates_one_resource_nevertheless() -> None:
    portal = Scripted(create=["unanswered"], part=["unanswered"])
    run(send(portal, LARGE, retry=RetryPolicy(unsafe=True)))
    assert portal.done["create"] == 1
    assert stored(portal) == [LARGE]


@pytest.mark.parametrize("content", [SMALL, LARGE])
@pytest.mark.parametrize("status", [400, 401, 403, 413, 415, 423, 429])
def test_a_refusal_is_raised_as_it_is(content: bytes, status: int) -> None:
    portal = Scripted(create=[status], part=[status])
    with pytest.raises(APIError) as caught:
        run(send(portal, content, concurrency=1, retry=RetryPolicy(attempts=1)))
    assert caught.value.status == status
    assert isinstance(caught.value, LockedError) == (status == 423)
    assert isinstance(caught.value, RateLimitedError) == (status == 429)
    assert portal.done["create"] + portal.done["part"] == 1


def test_parts_that_never_arrive_are_the_error_of_their_call() -> None:
    portal = Scripted(part=["lost"] * 99)
    with pytest.raises(NetworkError, match="upload_new_dataset_resource"):
        run(send(portal, LARGE, concurrency=1))
    assert portal.done["part"] == RETRY.attempts
    portal = Scripted(part=[500] * 99)
    with pytest.raises(ServerError):
        run(send(portal, LARGE, concurrency=1))
    assert portal.done["part"] == RETRY.attempts


def test_files_of_one_name_are_a_second_apart() -> None:
    portal = Scripted()

    async def several() -> list[Any]:
        async with portal.client(retry=None) as client:
            files = [("a.csv", b"1"), ("A.csv", b"2"), ("a.csv", b"1"), ("b.csv", b"1")]
            return await asyncio.gather(
                *(upload(client, "velos", content, name=name) for name, content in files)
            )

    found = run(several())
    assert [portal.contents[one.id] for one in found] == [b"1", b"2", b"1", b"1"]
    assert len(portal.resources) == len({one.id for one in found}) == 4
    created = {one["id"]: one["created_at"][17:19] for one in portal.resources}
    assert len({created[one.id] for one in found[:3]}) == 3


def test_a_name_that_another_program_uses_in_this_second_is_waited_for() -> None:
    portal = Scripted()

    async def late() -> None:
        portal.add(b"other", "a.csv")
        await send(portal)

    run(late())
    assert stored(portal) == [SMALL, b"other"]
    assert portal.done["create"] == 2


def test_the_same_file_uploaded_at_once_makes_as_many_resources_as_uploads() -> None:
    portal = Scripted(create=["unanswered", "lost", "late", 502, "unanswered"])

    async def several() -> list[Any]:
        async with portal.client(retry=RETRY) as client:
            return await asyncio.gather(
                *(upload(client, "velos", SMALL, name="a.csv") for _ in range(6))
            )

    found = run(several())
    assert sorted(one.id for one in found) == sorted(one["id"] for one in portal.resources)
    assert len({one.id for one in found}) == 6


def test_a_resource_that_was_there_before_is_not_taken_for_the_new_one() -> None:
    portal = Scripted(create=["lost"])

    async def again() -> Any:
        before = portal.add(SMALL, "a.csv")
        await asyncio.sleep(2)
        return before["id"], (await send(portal)).id

    before, new = run(again())
    assert before != new
    assert stored(portal) == [SMALL, SMALL]


def test_a_resource_that_another_program_has_made_earlier_is_not_taken_for_the_new_one() -> None:
    portal = Scripted(create=["answered", "lost"])

    async def hours() -> Any:
        async with portal.client(retry=RETRY) as client:
            await upload(client, "velos", LARGE, name="first.csv")
            await asyncio.sleep(3600)
            portal.add(SMALL, "a.csv")
            await asyncio.sleep(3600)
            return await upload(client, "velos", SMALL, name="a.csv")

    found = run(hours())
    assert stored(portal) == [SMALL, SMALL, LARGE]
    assert portal.resources[0]["id"] == found.id


@pytest.mark.parametrize("content", [SMALL, LARGE])
@pytest.mark.parametrize("fate", ["answered", "lost", "unanswered", "late", "wrong", 500, 502])
def test_a_replacement_is_repeated_until_the_file_is_there(content: bytes, fate: str | int) -> None:
    portal = Scripted(create=[fate])

    async def replaced() -> Any:
        old = portal.add(b"old", "old.csv", "The title")
        return old["id"], await send(portal, content, resource=old["id"])

    id, found = run(replaced())
    assert (found.id, found.title) == (id, "The title")
    assert [one["title"] for one in portal.resources] == ["The title"]
    assert stored(portal) == [content]


def test_a_replacement_that_is_always_wrong_is_an_error_that_says_so() -> None:
    portal = Scripted(create=["wrong"] * 9)

    async def replaced() -> None:
        await send(portal, resource=portal.add(b"old", "old.csv", "The title")["id"])

    with pytest.raises(UploadError, match="it may have a wrong file in place of") as caught:
        run(replaced())
    assert (caught.value.resource, type(caught.value.__cause__)) == ("r1", IntegrityError)
    assert portal.resources[0]["title"] == "The title"


@pytest.mark.parametrize(
    "script",
    [
        {"create": ["held"]},
        {"title": ["slow"]},
        {"create": ["unanswered"], "get": ["answered", "slow"]},
    ],
)
def test_a_cancelled_replacement_keeps_its_title(script: dict[str, list[str | int]]) -> None:
    portal = Scripted(**script)

    async def cancelled() -> None:
        portal.add(b"old", "old.csv", "The title")
        async with asyncio.timeout(1):
            await send(portal, resource="r1")

    with pytest.raises(TimeoutError):
        run(cancelled())
    assert portal.resources[0]["title"] == "The title"


def test_a_second_cancellation_ends_a_replacement_at_once() -> None:
    portal = Scripted(create=["slow"], title=["slow"])

    async def cancelled() -> float:
        portal.add(b"old", "old.csv", "The title")
        uploading = asyncio.create_task(send(portal, resource="r1"))
        for _ in range(4):  # The file, and giving back the title, are each waited for.
            await asyncio.sleep(0.5)
            uploading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await uploading
        return asyncio.get_running_loop().time()

    assert run(cancelled()) == pytest.approx(2, abs=0.1)


def test_a_title_that_cannot_be_given_back_is_named_in_the_error() -> None:
    portal = Scripted(create=["wrong"] * 9, title=[403])

    async def replaced() -> None:
        await send(portal, resource=portal.add(b"old", "old.csv", "The title")["id"])

    with pytest.raises(UploadError) as caught:
        run(replaced())
    assert "resource r1 may have lost its title 'The title'" in caught.value.__notes__[0]


@pytest.mark.parametrize(("content", "calls"), [(SMALL, 2), (LARGE, 2), (LARGE, 4)])
def test_what_progress_raises_ends_the_upload(content: bytes, calls: int) -> None:
    portal, seen = Scripted(), list[Progress]()

    def progress(now: Progress) -> None:
        seen.append(now)
        if len(seen) >= calls:
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        run(send(portal, content, concurrency=1, progress=progress))
    assert len(seen) == calls
    assert portal.resources == []


def test_a_title_that_cannot_be_set_is_an_error_that_names_the_resource() -> None:
    portal = Scripted(title=[400])
    with pytest.raises(UploadError, match="the file is there, but the title could not") as caught:
        run(send(portal, title="Stops"))
    assert caught.value.resource == portal.resources[0]["id"]
    assert stored(portal) == [SMALL]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.csv"
    path.write_bytes(LARGE)
    return path


class Killed(BaseException):
    """The end of a process, as far as the journal can tell."""


def kill_after(times: int) -> Any:
    """Make a hook that ends an upload when it has told its progress that often."""
    left = iter(range(times))

    def progress(_: Progress) -> None:
        if next(left, None) is None:
            raise Killed

    return progress


def resumed(portal: Scripted, path: Path, **options: Any) -> Any:
    """Upload a file with a journal."""
    options = {"journal": path.with_suffix(".journal"), "concurrency": 1, **options}
    return run(send(portal, source=path, **options))


def test_a_killed_upload_sends_only_the_parts_that_are_missing(path: Path) -> None:
    portal = Scripted()
    with pytest.raises(Killed):
        resumed(portal, path, progress=kill_after(3))
    assert portal.done["part"] == 2
    found = resumed(portal, path)
    assert portal.done["part"] == 3
    assert (stored(portal), found.filesize) == ([LARGE], len(LARGE))


@pytest.mark.parametrize("content", [SMALL, LARGE])
def test_a_killed_upload_finds_the_resource_that_it_has_created(path: Path, content: bytes) -> None:
    portal = Scripted()
    path.write_bytes(content)

    async def claim(*_: object, **__: object) -> None:
        raise Killed

    with patch("aiodatagouv.files._upload.attempts.Attempts._check", claim), pytest.raises(Killed):
        resumed(portal, path)
    assert len(portal.resources) == 1
    found = resumed(portal, path)
    assert portal.done["create"] == 1
    assert [one["id"] for one in portal.resources] == [found.id]


def test_a_finished_upload_sends_nothing(path: Path) -> None:
    portal = Scripted()
    first = resumed(portal, path, title="Stops")
    portal.done.clear()
    assert resumed(portal, path, title="Stops").to_dict() == first.to_dict()
    assert portal.done == {}


def test_an_upload_without_its_title_goes_on_with_the_title(path: Path) -> None:
    portal = Scripted(title=[403])
    with pytest.raises(UploadError):
        resumed(portal, path, title="Stops")
    assert resumed(portal, path, title="Stops").title == "Stops"
    assert portal.done["create"] == 1


def test_a_killed_replacement_keeps_the_title_from_before(path: Path) -> None:
    portal = Scripted(title=[403])

    async def old() -> str:
        id: str = portal.add(b"old", "old.csv", "The title")["id"]
        return id

    id = run(old())
    with pytest.raises(UploadError):
        resumed(portal, path, resource=id)
    assert portal.resources[0]["title"] == "a.csv"
    assert resumed(portal, path, resource=id).title == "The title"


def test_a_wrong_resource_left_by_a_kill_is_deleted(path: Path) -> None:
    portal = Scripted(create=["wrong"], delete=[403])
    with pytest.raises(UploadError):
        resumed(portal, path)
    resumed(portal, path)
    assert stored(portal) == [LARGE]


def test_parts_that_the_portal_has_deleted_are_sent_again(path: Path) -> None:
    portal = Scripted()
    with pytest.raises(Killed):
        resumed(portal, path, progress=kill_after(3))
    journal = path.with_suffix(".journal")
    record = json.loads(journal.read_text())
    record["state"]["sent_at"] = "2026-01-01T00:00:00+00:00"
    journal.write_text(json.dumps(record))
    portal.parts.clear()
    resumed(portal, path)
    assert portal.done["part"] == 2 + 3
    assert stored(portal) == [LARGE]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"title": "Other"}, "title None there, 'Other' here"),
        ({"chunk_size": 5}, "chunk_size 4 there, 5 here"),
        ({"name": "b.csv"}, "name 'a.csv' there, 'b.csv' here"),
        ({"resource": "r1"}, "resource None there, 'r1' here"),
        ({"community": True}, "community False there, True here"),
    ],
)
def test_the_journal_of_another_upload_is_refused(
    path: Path, options: dict[str, Any], named: str
) -> None:
    portal = Scripted()
    resumed(portal, path)
    with pytest.raises(CheckpointError, match="belongs to another upload") as caught:
        resumed(portal, path, **options)
    assert named in str(caught.value)


def test_a_named_pipe_is_refused_as_nobody_may_write_to_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(ValueError, match="is a pipe or a device: open it, and give the open file"):
        run(send(Scripted(), source=tmp_path / "a.csv"))


def test_a_file_that_has_changed_since_its_upload_began_is_refused(path: Path) -> None:
    portal = Scripted()
    resumed(portal, path)
    path.write_bytes(LARGE + b"more")
    with pytest.raises(CheckpointError, match="another file, or this one was changed since"):
        resumed(portal, path)


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"upload": {}, "state": {"uuid": 1}}', "\0"])
def test_a_file_that_is_no_journal_is_refused(path: Path, content: str) -> None:
    path.with_suffix(".journal").write_text(content)
    with pytest.raises(CheckpointError, match="is damaged, or is not the journal of an upload"):
        resumed(Scripted(), path)
    assert path.with_suffix(".journal").read_text() == content


@pytest.mark.parametrize(
    "state",
    [
        {"sent_at": "2026-11-27T00:00:00"},
        {"begun": {"since": "2026-11-27T00:00:00", "before": []}},
        {"begun": []},
        {"uuid": 5},
        {"parts": [-4]},
        {"parts": [10**30]},
        {"wrong": "ab"},
        {"wrong": ["../../me"]},
        {"title": 5},
        {"resource": 5},
        {"resource": "a/b"},
        {"done": "x"},
        {"done": {"id": "zz"}},
        {"done": {"id": "zz"}, "resource": "r1"},
    ],
    ids=str,
)
def test_a_state_that_no_upload_has_written_is_refused(path: Path, state: dict[str, Any]) -> None:
    portal, journal = Scripted(delete=[403]), path.with_suffix(".journal")
    resumed(portal, path)
    record = json.loads(journal.read_text())
    record["state"] |= {"done": None, "resource": None, **state}
    journal.write_text(json.dumps(record))
    portal.done.clear()
    with pytest.raises(CheckpointError, match="is damaged"):
        resumed(portal, path)
    assert portal.done == {}


def test_a_deeply_nested_journal_is_refused(path: Path) -> None:
    path.with_suffix(".journal").write_text('{"state": {}, "upload": {"a": ' + "[" * 200_000)
    with pytest.raises(CheckpointError, match="is damaged"):
        resumed(Scripted(), path)


def test_a_journal_is_never_the_file_itself(path: Path) -> None:
    with pytest.raises(ValueError, match="the journal is the file itself"):
        resumed(Scripted(), path, journal=path.parent / "." / path.name)
    assert path.read_bytes() == LARGE


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_in_the_place_of_a_lock_stays_there(path: Path, kind: str) -> None:
    lock = path.with_name("a.journal.lock")
    if kind == "file":
        lock.write_bytes(b"mine")
    else:
        lock.mkdir()
    with pytest.raises(DestinationError, match="is not a lock, which is an empty file"):
        resumed(Scripted(), path)
    assert lock.is_dir() or lock.read_bytes() == b"mine"


def test_a_lock_that_a_kill_has_left_is_used(path: Path) -> None:
    path.with_name("a.journal.lock").touch()
    resumed(Scripted(), path)
    assert not path.with_name("a.journal.lock").exists()


def test_a_journal_in_use_is_refused(path: Path) -> None:
    journal = Journal.open(path.with_suffix(".journal"), {})
    try:
        with pytest.raises(CheckpointError, match="is in use"):
            resumed(Scripted(), path)
    finally:
        journal.close()


def test_a_journal_never_has_the_key(path: Path) -> None:
    resumed(Scripted(), path)
    assert sorted(one.name for one in path.parent.iterdir()) == ["a.csv", "a.journal"]
    assert "the-key" not in path.with_suffix(".journal").read_text()


def test_only_the_source_of_a_path_can_have_a_journal(path: Path) -> None:
    with pytest.raises(ValueError, match="a journal needs the path of a file"):
        run(send(Scripted(), SMALL, journal=path.with_suffix(".journal")))
    assert not path.with_suffix(".journal").exists()


class Pipe(io.BytesIO):
    """A binary file that cannot be rewound and reads less than asked for."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 3, 3))

    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise io.UnsupportedOperation


async def iterator(content: bytes, step: int) -> AsyncIterator[bytes]:
    for start in range(0, len(content), step):
        yield content[start : start + step]


@settings(max_examples=60)
@given(
    content=st.binary(max_size=30),
    kind=st.sampled_from(["bytes", "file", "pipe", "iterator", "known pipe", "known iterator"]),
    chunk_size=st.integers(1, 12),
    step=st.integers(1, 12),
    fates=st.lists(st.sampled_from(["answered", "lost", 500]), max_size=3),
)
def test_every_source_is_sent_again_when_an_attempt_fails(
    content: bytes, kind: str, chunk_size: int, step: int, fates: list[str | int]
) -> None:
    portal = Scripted(create=fates)
    file = io.BytesIO(b"before" + content)
    file.seek(6)
    sources = {
        "bytes": content,
        "file": file,
        "pipe": Pipe(content),
        "iterator": iterator(content, step),
    }
    size = len(content) if kind.startswith("known") else None
    source = sources[kind.removeprefix("known ")]
    found = run(send(portal, source=source, size=size, chunk_size=chunk_size))
    assert stored(portal) == [content]
    assert found.filesize == len(content)


@pytest.mark.parametrize("size", [len(LARGE) - 1, len(LARGE) + 1, 1])
@pytest.mark.parametrize("chunk_size", [CHUNK, 100])
def test_an_iterator_of_another_size_than_it_is_said_to_have_is_an_error(
    size: int, chunk_size: int
) -> None:
    portal = Scripted()
    with pytest.raises(IntegrityError, match="its size is"):
        run(send(portal, source=iterator(LARGE, 3), size=size, chunk_size=chunk_size))
    assert portal.done["create"] == 0


@pytest.mark.parametrize("chunk_size", [CHUNK, 100])
@pytest.mark.parametrize("change", [b"other", b"0;1;2;3;4", b"longer than before", None])
def test_a_file_that_changes_during_its_upload_is_an_error(
    path: Path, change: bytes | None, chunk_size: int
) -> None:
    portal = Scripted()

    def progress(_: Progress) -> None:
        if change is None:  # Replaced by another file.
            path.with_suffix(".new").write_bytes(LARGE)
            path.with_suffix(".new").replace(path)
        else:
            path.write_bytes(change)

    with pytest.raises(IntegrityError):
        run(send(portal, source=path, chunk_size=chunk_size, progress=progress))
    assert portal.done["create"] == 0


@pytest.mark.parametrize(
    ("source", "options", "error", "message"),
    [
        (b"a", {"name": None}, ValueError, "give the name of the file"),
        (io.BytesIO(b"a"), {"name": None}, ValueError, "give the name of the file"),
        (io.StringIO("a"), {}, TypeError, "opened as text"),
        (42, {}, TypeError, "source must be a path, bytes, a binary file"),
        (b"a", {"resource": Dataset.from_dict({"id": "a"})}, TypeError, "resource is a Dataset"),
        (b"a", {"size": 2}, ValueError, "size is 2, but a.csv has 1 bytes"),
        (b"a", {"chunk_size": 0}, ValueError, "a whole number, at least 1"),
        (b"a", {"concurrency": 0}, ValueError, "a whole number, at least 1"),
        (b"a", {"resource": ""}, ValueError, "resource has no id"),
        ("missing.csv", {}, FileNotFoundError, "missing"),
        (b"a", {"name": "a.cvs"}, ValueError, r"does not accept .*\.cvs \(did you mean csv\?\)"),
        (b"a", {"name": "a"}, ValueError, "has no extension"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_sent(
    source: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    portal = Scripted()
    with pytest.raises(error, match=message):
        run(send(portal, source=source, **options))
    assert portal.done.keys() <= {"extensions"}


def test_the_extensions_are_asked_for_once() -> None:
    portal = Scripted()

    async def twice() -> None:
        async with portal.client(retry=None) as client:
            for name in ("a.csv", "b.csv"):
                await upload(client.with_options(timeout=9), "velos", b"", name=name)

    run(twice())
    assert portal.done["extensions"] == 1


@given(st.text(max_size=12))
def test_a_name_may_be_what_the_portal_makes_of_it(name: str) -> None:
    assert may_be(name, normalized(name))


@pytest.mark.parametrize(
    ("name", "advice"),
    [("数据.csv", "data.csv"), ("été", "ete.csv"), ("a.", "a.csv"), ("x.数", "x.csv")],
)
def test_the_advice_is_a_name_that_the_portal_accepts(name: str, advice: str) -> None:
    with pytest.raises(ValueError, match=f"such as name='{advice}'"):
        check_extension(name, ["csv"])
    check_extension(advice, ["csv"])


def test_an_extension_is_the_last_one_in_any_case() -> None:
    for name in ("a.CSV", "a.exe.csv", "a.csv.ZIP", "é.csv", "a.yaml"):
        check_extension(name, ["csv", "zip"])
    for name in ("a.csv.exe", ".csv", "a.csv.", "csv"):
        with pytest.raises(ValueError, match="extension"):
            check_extension(name, ["csv", "zip"])


@pytest.fixture(autouse=True)
def _no_real_time() -> Iterator[None]:
    """Fail if a test waits in real time."""
    with patch("time.sleep", side_effect=AssertionError):
        yield
