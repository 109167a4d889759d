"""The life cycle of a client: cancelled calls, event loops and clean shutdown."""

from __future__ import annotations

import asyncio
import gc
import random
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from aiodatagouv import Client, DataGouvError
from aiodatagouv.api import datasets, site

from .clients import client_of
from .servers import OK, says, server

ANSWER = OK + b"Content-Length: 11\r\n\r\n" + b'{"id": "1"}'


class SlowServer:
    """A server that answers one byte at a time and counts its connections."""

    def __init__(self) -> None:
        self.open: set[asyncio.StreamWriter] = set()
        self.most = 0
        self.slow = True

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.add(writer)
        self.most = max(self.most, len(self.open))
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                for byte in ANSWER if self.slow else []:
                    writer.write(bytes([byte]))
                    await asyncio.sleep(0)
                if not self.slow:
                    writer.write(ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # The client has closed the connection.
        finally:
            self.open.discard(writer)
            writer.close()


async def test_2000_calls_cancelled_at_random_moments_leave_the_client_usable() -> None:
    moments = random.Random(3)
    slow = SlowServer()
    serving = await asyncio.start_server(slow, "127.0.0.1")
    url = f"http://127.0.0.1:{serving.sockets[0].getsockname()[1]}"

    async def cancelled(client: Client) -> bool:
        task = asyncio.ensure_future(datasets.get_dataset(client, "velos"))
        for _ in range(moments.randrange(400)):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    async with serving, client_of(url, max_connections=8) as client:
        cut = 0
        for _ in range(20):
            cut += sum(await asyncio.gather(*(cancelled(client) for _ in range(100))))
        assert cut > 1000  # The other calls ended before they were cancelled.
        slow.slow = False
        found = await asyncio.gather(*(datasets.get_dataset(client, "velos") for _ in range(100)))
        assert [dataset.id for dataset in found] == ["1"] * 100
        for _ in range(10_000):  # The server needs a moment to notice closed connections.
            await asyncio.sleep(0)
        assert len(slow.open) <= 8


async def test_10000_tasks_stay_within_the_connection_limit() -> None:
    quick = SlowServer()
    quick.slow = False
    serving = await asyncio.start_server(quick, "127.0.0.1")
    url = f"http://127.0.0.1:{serving.sockets[0].getsockname()[1]}"
    # A long timeout, as starting ten thousand tasks blocks the event loop of the server.
    async with serving, client_of(url, max_connections=4, timeout=3600) as client:
        calls = (datasets.get_dataset(client, "velos") for _ in range(10_000))
        assert {dataset.id for dataset in await asyncio.gather(*calls)} == {"1"}
    assert quick.most == 4


async def test_cancelling_a_stream_releases_its_connection() -> None:
    slow = SlowServer()
    serving = await asyncio.start_server(slow, "127.0.0.1")
    url = f"http://127.0.0.1:{serving.sockets[0].getsockname()[1]}"
    async with serving, client_of(url, max_connections=1) as client:
        for turns in range(0, 200, 10):
            task = asyncio.ensure_future(site.get_site_tags_csv(client).text())
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
        slow.slow = False
        assert (await datasets.get_dataset(client, "velos")).id == "1"


async def test_closing_waits_for_a_transport_that_is_slow_to_cancel() -> None:
    events: list[str] = []

    class Stubborn(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if not events:
                events.append("answered")
                return httpx.Response(200, json={})
            try:
                await asyncio.Event().wait()
            finally:
                for _ in range(50):
                    await asyncio.sleep(0)
                events.append("gave up")
            raise AssertionError

        async def aclose(self) -> None:
            events.append("closed")

    client = client_of("https://portal.example", transport=Stubborn())
    async with client:
        await datasets.get_dataset(client, "velos")
        call = asyncio.ensure_future(datasets.get_dataset(client, "velos"))
        for _ in range(20):
            await asyncio.sleep(0)
    assert events == ["answered", "gave up", "closed"]
    with pytest.raises(RuntimeError, match="closed"):
        await call


async def test_use_in_another_event_loop_is_an_error() -> None:
    problems: list[BaseException] = []

    def elsewhere(client: Client) -> None:
        for call in (datasets.get_dataset(client, "velos"), client.__aexit__(None, None, None)):
            try:
                asyncio.run(call)
            except RuntimeError as error:
                problems.append(error)

    async with server(says(ANSWER)) as url, client_of(url) as client:
        thread = threading.Thread(target=elsewhere, args=[client])
        thread.start()
        await asyncio.to_thread(thread.join)
        assert (await datasets.get_dataset(client, "velos")).id == "1"
    assert len(problems) == 2
    assert all("opened in another event loop" in str(problem) for problem in problems)


PROGRAM = """
import asyncio, sys
from aiodatagouv import Client, DataGouvError
from aiodatagouv.api import datasets, site

async def finish(client): await datasets.get_dataset(client, "velos")

async def cancel(client):
    task = asyncio.ensure_future(datasets.get_dataset(client, "velos"))
    await asyncio.sleep(0)
    task.cancel()

async def leave_under_way(client):
    for _ in range(20):
        client._start(datasets.get_dataset(client, "velos"))
    await asyncio.sleep(0)

async def break_off(client):
    async for _ in datasets.list_datasets(client).items(concurrency=4):
        break

async def keep_iterator(client):
    global kept
    kept = aiter(datasets.list_datasets(client).pages(concurrency=4))
    await anext(kept)

async def fail(client):
    async for _ in datasets.list_datasets(client).items(concurrency=4):
        raise DataGouvError("on purpose")

async def stop_a_stream(client):
    async with site.get_site_tags_csv(client) as chunks:
        async for _ in chunks:
            return

async def time_out(client):
    try:
        async with asyncio.timeout(0):
            await datasets.get_dataset(client, "velos")
    except TimeoutError:
        pass

async def main(scene):
    try:
        async with Client(base_url=sys.argv[1], rate='auto') as client:
            await scene(client)
    except DataGouvError as error:
        assert str(error) == "on purpose"

scenes = [finish, cancel, leave_under_way, break_off, keep_iterator, fail, stop_a_stream, time_out]
for scene in scenes:
    asyncio.run(main(scene))
    asyncio.run(main(scene), debug=True)
print("ended", len(scenes))
"""


PAGE = b"""{
    "data": [{"id": "1"}, {"id": "2"}], "page": 1, "page_size": 2, "total": 9,
    "next_page": "n", "previous_page": null
}"""


async def test_no_way_of_ending_a_call_emits_a_warning(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    async with server(says(OK + b"Content-Length: %d\r\n\r\n" % len(PAGE) + PAGE)) as url:
        done = await asyncio.create_subprocess_exec(
            *(sys.executable, "-X", "dev", "-W", "error", str(program), url),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await done.communicate()
    # Asyncio's debug mode also reports slow callbacks, which are not under test.
    noise = [line for line in err.decode().splitlines() if not line.startswith("Executing <")]
    assert noise == []
    assert out == b"ended 8\n"


async def test_a_client_can_only_be_entered_once() -> None:
    client = Client()
    async with client:
        with pytest.raises(RuntimeError, match="opened before"):
            await client.__aenter__()
    with pytest.raises(RuntimeError, match="opened before"):
        await client.__aenter__()


async def test_the_failure_of_an_unawaited_task_is_not_logged(
    scripted: Callable[..., Client],
) -> None:
    problems: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))

    async def fail() -> None:
        raise DataGouvError("on purpose")

    async with scripted(lambda _: httpx.Response(500)) as client:
        client._start(fail())
        for _ in range(3):
            await asyncio.sleep(0)
        gc.collect()
    assert problems == []
