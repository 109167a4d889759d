"""Downloads that were interrupted: continued where they broke off, and never of two versions."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiodatagouv import Client, DataGouvError, RetryPolicy
from aiodatagouv.errors import DestinationError, DownloadError, IntegrityError, NetworkError
from aiodatagouv.files._download import threads
from aiodatagouv.files._download.downloads import download
from aiodatagouv.files._download.part import Part
from aiodatagouv.files._download.threads import Writing
from aiodatagouv.files._download.wanted import Download
from aiodatagouv.types import Progress

from .hosts import Headers, Host, header, names, resource, serving, sha1, visitor
from .servers import OK, server

OLD, NEW = bytes(range(256)) * 4000, bytes(reversed(range(256))) * 4000
SIZE, HALF = len(OLD), len(OLD) // 2
PATIENT = RetryPolicy(base=0)
DATE, LATER = "Mon, 02 Mar 2026 10:00:00 GMT", "Mon, 02 Mar 2026 11:00:00 GMT"
LEFT = ["x.part", "x.part.journal"]
"""Interrupted downloads, which the next one continues."""


async def get(client: Client, host: Host, folder: Path, **options: Any) -> Download:
    fields = options.pop("fields", {"checksum": sha1(host.content)})
    one = resource(host.file, **fields)
    return await download(client, one, folder / "x", allow_private=True, **options)


VALIDATORS: dict[str, tuple[Headers, str | None]] = {
    "an ETag": ({"ETag": '"1"'}, '"1"'),
    "an ETag and a date": ({"ETag": '"1"', "Last-Modified": DATE}, '"1"'),
    "a date": ({"Last-Modified": DATE}, DATE),
    "a date that is over": ({"Last-Modified": DATE, "Date": LATER}, DATE),
    "a weak ETag and a date": ({"ETag": 'W/"1"', "Last-Modified": DATE}, DATE),
    "a weak ETag": ({"ETag": 'W/"1"'}, None),
    "a date that is not over": ({"Last-Modified": DATE, "Date": DATE}, None),
    "no ranges": ({"ETag": '"1"', "Accept-Ranges": "none"}, None),
    "nothing": ({}, None),
}


@pytest.mark.parametrize("name", VALIDATORS)
async def test_a_body_that_breaks_off_is_continued_if_the_host_tells_versions_apart(
    name: str, tmp_path: Path
) -> None:
    headers, validator = VALIDATORS[name]
    host = Host(OLD, headers, cuts=[HALF, 1000, 0])
    async with serving(host) as client:
        await get(client.with_options(retry=PATIENT), host, tmp_path)
    assert (tmp_path / "x").read_bytes() == OLD
    assert names(tmp_path) == ["x"]
    ranges = [None, f"bytes={HALF}-", *[f"bytes={HALF + 1000}-"] * 2]
    assert host.ranges == (ranges if validator else [None] * 4)
    assert [header(head, "If-Range") for head in host.requests[1:]] == [validator] * 3
    assert host.sent == (SIZE if validator else SIZE + HALF + 1000)


@pytest.mark.parametrize("name", VALIDATORS)
async def test_a_later_call_continues(name: str, tmp_path: Path) -> None:
    headers, validator = VALIDATORS[name]
    host, seen = Host(OLD, headers, cuts=[HALF]), list[Progress]()
    async with serving(host) as client:
        with pytest.raises(NetworkError, match="breaks off"):
            await get(client, host, tmp_path)
        assert names(tmp_path) == (LEFT if validator else [])
        done = await get(client, host, tmp_path, progress=seen.append)
    assert done.resumed == (HALF if validator else 0)
    assert host.sent == (SIZE if validator else SIZE + HALF)
    assert seen[0].done == done.resumed
    assert seen[-1] == Progress(SIZE, SIZE, "x")
    assert (tmp_path / "x").read_bytes() == OLD
    assert names(tmp_path) == ["x"]


async def test_a_call_that_does_not_resume_begins_anew_and_leaves_nothing(tmp_path: Path) -> None:
    host = Host(OLD, cuts=[HALF, None, HALF])
    async with serving(host) as client:
        with pytest.raises(NetworkError):
            await get(client, host, tmp_path)
        assert (await get(client, host, tmp_path, resume=False)).resumed == 0
        (tmp_path / "x").unlink()
        with pytest.raises(NetworkError):
            await get(client, host, tmp_path, resume=False)
    assert names(tmp_path) == []
    assert host.ranges == [None] * 3


async def test_a_host_that_breaks_off_every_connection_is_asked_until_it_has_sent_all(
    tmp_path: Path,
) -> None:
    host = Host(os.urandom(10 << 20), cuts=[1 << 20] * 9)
    async with serving(host) as client:
        policy = RetryPolicy(base=0, attempts=2)
        await get(client.with_options(retry=policy), host, tmp_path)
        host.cuts = [1 << 18] * 9  # Too little to go on like this.
        with pytest.raises(NetworkError, match="2 attempts"):
            await get(client.with_options(retry=policy), host, tmp_path, resume=False)
    assert len(host.requests) == 10 + 2


async def test_a_host_that_never_gets_further_is_given_up(tmp_path: Path) -> None:
    """It sends more than a mebibyte each time, but always the same one."""
    host, seen = Host(os.urandom(3 << 20), {}, cuts=[3 << 19] * 20), list[int]()
    policy = RetryPolicy(base=0, attempts=3)
    async with serving(host) as client:
        with pytest.raises(NetworkError, match="3 attempts"):
            await get(
                client.with_options(retry=policy),
                host,
                tmp_path,
                progress=lambda progress: seen.append(progress.done),
            )
    assert len(host.requests) == 3
    # What was received is told as it is: less than before when the file starts again.
    falls = [after for before, after in pairwise(seen) if after < before]
    assert len(falls) == 2
    assert max(seen) == 3 << 19


async def test_a_host_may_send_the_rest_in_several_ranges(tmp_path: Path) -> None:
    def first_half(status: int, headers: Headers) -> int:
        headers["Content-Range"] = f"bytes 1000-{HALF - 1}/{SIZE}"
        headers["Content-Length"] = str(HALF - 1000)
        return status

    host = Host(OLD, cuts=[1000, HALF - 1000], edit=[lambda status, _: status, first_half])
    async with serving(host) as client:
        await get(client.with_options(retry=PATIENT), host, tmp_path)
    assert (tmp_path / "x").read_bytes() == OLD
    assert host.sent == SIZE


async def test_another_version_is_fetched_from_its_first_byte(tmp_path: Path) -> None:
    for headers in ({"ETag": '"2"'}, {"Last-Modified": LATER}):
        host = Host(OLD, {name: {"ETag": '"1"'}.get(name, DATE) for name in headers}, cuts=[HALF])
        async with serving(host) as client:
            with pytest.raises(NetworkError):
                await get(client, host, tmp_path, fields={})
            host.content, host.headers = NEW, dict(headers)
            done = await get(client, host, tmp_path, fields={})
        assert done.resumed == 0
        assert (tmp_path / "x").read_bytes() == NEW
        assert host.ranges == [None, f"bytes={HALF}-"]  # The answer to which was the whole file.


async def test_the_part_of_another_address_is_not_used(tmp_path: Path) -> None:
    host = Host(OLD, cuts=[HALF])
    async with serving(host) as client:
        with pytest.raises(NetworkError):
            await get(client, host, tmp_path, fields={})
        host.content = NEW  # Of another file, whose version has the same name.
        other = resource(f"{host.file}?page=2")
        await download(client, other, tmp_path / "x", allow_private=True)
    assert host.ranges == [None, None]
    assert (tmp_path / "x").read_bytes() == NEW


def lie(**changes: str | None) -> Callable[[int, Headers], int]:
    """Change the answer to the request for the rest of a file."""

    def edit(status: int, headers: Headers) -> int:
        assert status in (206, 416)
        for name, value in changes.items():
            headers.pop(name.replace("_", "-"), None)
            if value is not None:
                headers[name.replace("_", "-")] = value
        return int(headers.pop("Status", status))

    return edit


LIES = {
    "another first byte": lie(Content_Range=f"bytes {HALF - 1}-{SIZE - 2}/{SIZE}"),
    "another last byte": lie(Content_Range=f"bytes {HALF}-{SIZE - 2}/{SIZE}"),
    "more than there is": lie(Content_Range=f"bytes {HALF}-{SIZE}/{SIZE}"),
    "nothing": lie(Content_Range=f"bytes {HALF}-{HALF - 1}/{SIZE}"),
    "another size": lie(Content_Range=f"bytes {HALF}-{SIZE - 1}/{SIZE + 1}"),
    "no range": lie(Content_Range=None),
    "other units": lie(Content_Range=f"rows {HALF}-{SIZE - 1}/{SIZE}"),
    "several ranges": lie(Content_Range=None, Content_Type="multipart/byteranges; boundary=1"),
    "numbers without end": lie(Content_Range=f"bytes {HALF}-{'9' * 99}/{'9' * 99}"),
    "another version": lie(ETag='"2"'),
    "a weak version": lie(ETag='W/"1"'),
    "no version": lie(ETag=None),
    "another date": lie(Last_Modified=LATER),
    "compressed": lie(Content_Encoding="gzip"),
    "not satisfiable": lie(Status="416"),
}


@pytest.mark.parametrize("name", LIES)
async def test_a_range_that_is_not_the_rest_of_the_version_is_not_used(
    name: str, tmp_path: Path
) -> None:
    host = Host(OLD, {"ETag": '"1"', "Last-Modified": DATE}, cuts=[HALF, 0])
    async with serving(host) as client:
        with pytest.raises(NetworkError):
            await get(client, host, tmp_path, fields={})
        host.edit = [LIES[name]]
        done = await get(client, host, tmp_path, fields={})
    assert done.resumed == 0
    assert host.ranges == [None, f"bytes={HALF}-", None]
    assert (tmp_path / "x").read_bytes() == OLD


async def test_a_host_that_does_not_know_if_range_does_not_mix_versions(tmp_path: Path) -> None:
    def ignores(status: int, headers: Headers) -> int:
        host.content = NEW
        headers["Content-Range"] = f"bytes {HALF}-{SIZE - 1}/{SIZE}"
        headers["Content-Length"] = str(HALF)
        return 206

    host = Host(OLD, {"Last-Modified": DATE}, cuts=[HALF])
    async with serving(host) as client:
        with pytest.raises(NetworkError):
            await get(client, host, tmp_path, fields={})
        host.headers, host.edit = {"Last-Modified": LATER}, [ignores]
        await get(client, host, tmp_path, fields={})
    assert (tmp_path / "x").read_bytes() == NEW


async def test_a_part_that_was_changed_meanwhile_is_kept_up_to_there(tmp_path: Path) -> None:
    content = os.urandom(8 << 20)
    for damage, kept in [(7 << 20, 4 << 20), (1 << 20, 0)]:
        host = Host(content, cuts=[4 << 20, (8 << 20) - 1 - (4 << 20)])
        async with serving(host) as client:
            for _ in range(2):
                with pytest.raises(NetworkError):
                    await get(client, host, tmp_path, fields={})
            with (tmp_path / "x.part").open("r+b") as part:
                part.seek(damage)
                part.write(b"damage")
            done = await get(client, host, tmp_path, fields={})
        assert kept <= done.resumed < damage
        assert (tmp_path / "x").read_bytes() == content


JOURNALS: dict[str, Callable[[bytes], bytes]] = {
    "cut off": lambda journal: journal[:-5],
    "empty lines": lambda journal: journal + b"\n\n",
    "of another format": lambda journal: journal.replace(b'{"version":1', b'{"version":2'),
    "of another address": lambda journal: journal.replace(b'"address":"', b'"address":"0'),
    "of another algorithm": lambda journal: journal.replace(b"sha256", b"md5"),
    "of wrong types": lambda journal: journal.replace(b'"validator":"\\"1\\""', b'"validator":1'),
    "without validator": lambda journal: journal.replace(b'"\\"1\\""', b"null"),
    "of more than there is": lambda journal: journal + b'[99999999,"0"]\n',
    "not text": lambda journal: journal + b"\xff\n",
    "nested without end": lambda _: b'{"version":1,"more":' + b"[" * 100_000,
    "of a size below zero": lambda journal: journal.replace(b'"size":', b'"size":-'),
    "with a header in a validator": lambda journal: journal.replace(
        b'"validator":"\\"1\\""', b'"validator":"\\"1\\"\\r\\nX-Evil: 1"'
    ),
    "with a validator of other letters": lambda journal: journal.replace(
        b'"validator":"\\"1\\""', '"validator":"é"'.encode()
    ),
    "with an ETag of several lines": lambda journal: journal.replace(
        b'"etag":"\\"1\\""', b'"etag":"\\"1\\"\\n"'
    ),
    "with an ETag without end": lambda journal: journal.replace(
        b'"etag":"\\"1\\""', b'"etag":"' + b"1" * 100_000 + b'"'
    ),
}


@pytest.mark.parametrize("name", JOURNALS)
async def test_a_journal_that_was_changed_does_no_harm(name: str, tmp_path: Path) -> None:
    host = Host(OLD, cuts=[HALF])
    async with serving(host) as client:
        with pytest.raises(NetworkError):
            await get(client, host, tmp_path, fields={})
        journal = tmp_path / "x.part.journal"
        changed = JOURNALS[name](journal.read_bytes())
        assert changed != journal.read_bytes()
        journal.write_bytes(changed)
        await get(client, host, tmp_path, fields={})
    assert (tmp_path / "x").read_bytes() == OLD
    assert names(tmp_path) == ["x"]
    assert "Evil" not in "".join(host.requests)


async def test_a_whole_part_that_is_confirmed_is_dated_as_the_host_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that it is not compared with what a crawler has found in an older version."""
    host = Host(OLD, {"ETag": '"1"', "Last-Modified": LATER})
    older = {"analysis:checksum": sha1(NEW)["value"], "check:date": "2026-03-02T10:00:00+00:00"}
    async with serving(host) as client:
        with monkeypatch.context() as patch:
            patch.setattr(Part, "finish", lambda _: (_ for _ in ()).throw(OSError("full")))
            with pytest.raises(OSError, match="full"):
                await get(client, host, tmp_path, fields={"extras": older})
        done = await get(client, host, tmp_path, fields={"extras": older})
    assert header(host.requests[1], "If-None-Match") == '"1"'
    assert (done.resumed, done.checksum, host.sent) == (SIZE, None, SIZE)


async def test_a_file_that_only_lacks_its_name_is_not_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for headers in ({"ETag": '"1"'}, {"Last-Modified": DATE}):
        host = Host(OLD, headers)
        async with serving(host) as client:
            with monkeypatch.context() as patch:
                patch.setattr(Part, "finish", lambda _: (_ for _ in ()).throw(OSError("full")))
                with pytest.raises(OSError, match="full"):
                    await get(client, host, tmp_path, fields={})
            assert names(tmp_path) == LEFT
            done = await get(client, host, tmp_path, fields={})
        assert (done.resumed, host.sent) == (SIZE, SIZE)
        assert (tmp_path / "x").read_bytes() == OLD
        (tmp_path / "x").unlink()


async def test_a_wrong_checksum_leaves_neither_the_file_nor_its_part(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"old")
    host = Host(OLD, cuts=[HALF])
    async with serving(host) as client:
        fields = {"checksum": sha1(NEW)}
        with pytest.raises(NetworkError):
            await get(client, host, tmp_path, fields=fields)
        with pytest.raises(IntegrityError):
            await get(client, host, tmp_path, fields=fields)
    assert host.ranges == [None, f"bytes={HALF}-"]
    assert names(tmp_path) == ["x"]
    assert (tmp_path / "x").read_bytes() == b"old"


@pytest.mark.parametrize(
    ("status", "is_kept"), [(503, True), (429, True), (404, False), (410, False)]
)
async def test_a_part_is_kept_if_its_file_may_come_back(
    status: int, is_kept: bool, tmp_path: Path
) -> None:
    host = Host(OLD, cuts=[HALF])
    async with serving(host) as client:
        with pytest.raises(NetworkError):
            await get(client, host, tmp_path)
        host.edit = [lambda *_: status]
        with pytest.raises(DownloadError):
            await get(client, host, tmp_path)
    assert names(tmp_path) == (LEFT if is_kept else [])


async def test_a_download_that_is_cancelled_is_continued(tmp_path: Path) -> None:
    async def stalls(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(heads) > 1:
            assert header(heads[-1], "Range") == f"bytes={HALF}-"
            rest = f'HTTP/1.1 206 X\r\nETag: "1"\r\nContent-Range: bytes {HALF}-{SIZE - 1}/{SIZE}'
            writer.write(f"{rest}\r\nContent-Length: {SIZE - HALF}\r\n\r\n".encode() + OLD[HALF:])
            return
        writer.write(OK + f'ETag: "1"\r\nContent-Length: {SIZE}\r\n\r\n'.encode() + OLD[:HALF])
        await asyncio.Event().wait()

    def reached(progress: Progress) -> None:
        if progress.done >= HALF:
            running.cancel()

    heads: list[str] = []
    async with server(stalls, heads) as url, visitor() as client:
        one = resource(url)
        running = asyncio.create_task(
            download(client, one, tmp_path / "x", allow_private=True, progress=reached)
        )
        with pytest.raises(asyncio.CancelledError):
            await running
        assert names(tmp_path) == LEFT
        # Also while the part is read again.
        again = asyncio.create_task(download(client, one, tmp_path / "x", allow_private=True))
        while not (tmp_path / "x.part.lock").exists():
            await asyncio.sleep(0)
        again.cancel()
        with pytest.raises(asyncio.CancelledError):
            await again
        assert names(tmp_path) == LEFT
        done = await download(client, one, tmp_path / "x", allow_private=True)
    assert done.resumed == HALF
    assert (tmp_path / "x").read_bytes() == OLD


async def test_an_error_of_the_caller_is_passed_on_and_the_part_kept(tmp_path: Path) -> None:
    def fails(progress: Progress) -> None:
        if progress.done:
            raise LookupError("mine")

    host = Host(OLD)
    async with serving(host) as client:
        with pytest.raises(LookupError, match="mine"):
            await get(client, host, tmp_path, progress=fails)
        assert names(tmp_path) == LEFT
        assert (await get(client, host, tmp_path)).resumed > 0


async def test_a_part_that_was_replaced_meanwhile_is_not_given_the_name(tmp_path: Path) -> None:
    def replaces(progress: Progress) -> None:
        if progress.done:
            (tmp_path / "x.part").unlink(missing_ok=True)
            (tmp_path / "x.part").write_bytes(b"theirs")

    host = Host(OLD)
    async with serving(host) as client:
        with pytest.raises(DestinationError, match="was replaced or removed"):
            await get(client, host, tmp_path, progress=replaces)
    assert "x" not in names(tmp_path)


async def test_a_file_of_others_that_appears_meanwhile_is_left_alone(tmp_path: Path) -> None:
    host = Host(OLD)
    host.before = lambda: (tmp_path / "x.part").write_bytes(b"theirs")
    async with serving(host) as client:
        with pytest.raises(DestinationError, match="no journal of a download knows it"):
            await get(client, host, tmp_path)
    assert names(tmp_path) == ["x.part"]
    assert (tmp_path / "x.part").read_bytes() == b"theirs"


async def test_pieces_are_written_in_order_and_one_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threads, "_TOGETHER", 4)
    monkeypatch.setattr(threads, "_SOON", 0)
    one_at_a_time, written = threading.Lock(), list[bytes]()

    def write(pieces: Sequence[bytes]) -> None:
        assert one_at_a_time.acquire(blocking=False)
        written.extend(pieces)
        one_at_a_time.release()

    pieces = [b"%d" % number for number in range(500)]
    async with Writing(write) as writing:
        for piece in pieces:
            await writing.put(piece)
            await asyncio.sleep(0)
    assert written == pieces


async def test_nothing_is_written_after_a_write_that_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threads, "_TOGETHER", 1)
    written: list[bytes] = []

    def write(pieces: Sequence[bytes]) -> None:
        if pieces == [b"2"]:
            raise OSError("full")
        written.extend(pieces)

    async def receive() -> None:
        async with Writing(write) as writing:
            for piece in (b"1", b"2", b"3", b"4"):
                await writing.put(piece)

    with pytest.raises(OSError, match="full"):
        await receive()
    assert written == [b"1"]


PROGRAM = """
import asyncio, sys
from pathlib import Path
from aiodatagouv import Client
from aiodatagouv.files._download.downloads import download
from aiodatagouv.models import Resource

async def main(url, path):
    async with Client(base_url="https://portal.example/", api_key="", retry=None) as client:
        one = Resource.from_dict({"url": url})
        done = await download(client, one, path, allow_private=True,
                              progress=lambda one: print(one.done, flush=True))
        print("done", done.resumed, flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_process_that_is_killed_is_continued_by_another(tmp_path: Path) -> None:
    content = os.urandom(24 << 20)
    pause, stop = 16 << 20, asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(host.requests) > 1:
            await host.answer(reader, writer)
            return
        writer.write(OK + f'ETag: "1"\r\nContent-Length: {len(content)}\r\n\r\n'.encode())
        writer.write(content[:pause])
        await stop.wait()

    host = Host(content)
    async with server(answer, host.requests) as url:
        command = [sys.executable, "-c", PROGRAM, f"{url}/file.csv", str(tmp_path / "x")]
        first = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        assert first.stdout is not None
        while int(await first.stdout.readline()) < pause:
            pass
        # Everything was received; a kill may come before the last of it is written.
        first.send_signal(signal.SIGKILL)
        await first.wait()
        assert not (tmp_path / "x").exists()
        second = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        output, _ = await second.communicate()
        stop.set()
    resumed = int(output.split()[-1])
    assert pause - (8 << 20) <= resumed <= pause
    assert host.sent == len(content) - resumed
    assert host.ranges == [None, f"bytes={resumed}-"]
    assert (tmp_path / "x").read_bytes() == content
    assert names(tmp_path) == ["x"]


class Killed(BaseException):
    """A process ends here."""


Event = tuple[str, int]

EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("cut"), st.integers(0, 60)),
        st.tuples(st.just("change"), st.integers(0, 3)),
        st.tuples(st.just("kill"), st.integers(0, 12)),
        st.tuples(st.just("lie"), st.integers(0, len(LIES) - 1)),
        st.tuples(st.just("fail"), st.sampled_from([503, 429])),
    ),
    max_size=8,
)


@settings(max_examples=40)
@given(events=EVENTS, dated=st.booleans(), checked=st.booleans())
def test_any_history_gives_one_version_or_an_error(
    events: list[Event], dated: bool, checked: bool
) -> None:
    """Make calls during cuts, changes, kills and lies in any order, until one succeeds."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(history(events, Path(folder), dated=dated, checked=checked))


async def history(events: list[Event], folder: Path, *, dated: bool, checked: bool) -> None:
    versions = [bytes([65 + number]) * 40 + b"%d" % number * number for number in range(4)]

    def change(number: int) -> None:
        host.content = versions[number]
        date = f"Mon, 02 Mar 2026 10:00:0{number} GMT"
        host.headers = {"Last-Modified": date} if dated else {"ETag": f'"{number}"'}

    host = Host(b"")
    change(0)
    served = {host.content}
    fields = {"checksum": sha1(versions[0])} if checked else {}
    path, kept = folder / "x", folder.with_name(f"{folder.name}-kept")
    async with serving(host) as client:
        # At the end, nothing happens any more.
        for kind, value in [*events, ("none", 0)]:
            if kind == "cut":
                host.cuts = [value]
            elif kind == "change":
                change(value)
                served.add(host.content)
            elif kind == "fail":
                host.edit = [lambda *_, status=value: status]
            elif kind == "lie":
                host.edit = [partial(lie_about_ranges, [*LIES.values()][value])]
            with pytest.MonkeyPatch.context() as patch:
                if kind == "kill":
                    kill(patch, folder, kept, value)
                try:
                    done = await get(client, host, folder, fields=fields)
                except Killed:
                    shutil.rmtree(folder)
                    kept.rename(folder)
                except IntegrityError:
                    assert checked
                    assert names(folder) in ([], ["x"])
                except DataGouvError:
                    assert set(names(folder)) <= {"x", *LEFT}
                else:
                    assert path.read_bytes() == host.content
                    assert done.size == len(host.content)
                    assert names(folder) == ["x"]
                if path.exists():
                    assert path.read_bytes() in ({versions[0]} if checked else served)
                host.cuts, host.edit = [], []
    assert set(names(folder)) <= {"x"}


def lie_about_ranges(wrong: Callable[[int, Headers], int], status: int, headers: Headers) -> int:
    return wrong(status, headers) if status == 206 else status


def kill(patch: pytest.MonkeyPatch, folder: Path, kept: Path, step: int) -> None:
    """Keep the folder as it is after some steps, and end the call there."""
    taken = 0

    def watched(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            nonlocal taken
            result = real(*arguments, **named)
            taken += 1
            if taken == step + 1:
                shutil.copytree(folder, kept, ignore=shutil.ignore_patterns("*.lock"))
                raise Killed
            return result

        return call

    for name in ("begin", "write", "record", "finish", "_keep", "_restart"):
        patch.setattr(Part, name, watched(getattr(Part, name)))
