"""Benchmark of large exports: `python benchmarks/exports.py [MEGABYTES]`.

A local server, in a process of its own, generates a CSV of resources of 2 GB as the portal sends
it, without a length. A process reads it in each way, and measures itself: the rate, and by how much
its memory has grown at the peak (on Linux). The exit status is 1 if one grows by more than 64 MB.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path

from measures import memory

from aiodatagouv import Client
from aiodatagouv.api import site
from aiodatagouv.files._export.exports import export

MEGABYTES = 2000

MOST = 64
"""The target for the growth of the peak of memory, in megabytes."""

HEAD = "dataset.id;id;url;title;description;filesize;created_at;extras\r\n"
EXTRAS = '"{""check:available"": true, ""check:status"": 200}"'

ROW = (
    '"6b09aa5963664363ceb8a4d7";"{number}";"https://files.example.org/{number}.csv";"Fichier"'
    f';"{"Une ligne est un arrêt. " * 30}";{{number}};"2026-09-01T12:00:00";{EXTRAS}\r\n'
)


def rows(first: int) -> bytes:
    """Return a thousand rows."""
    text = "".join(ROW.replace("{number}", str(first + number)) for number in range(1000))
    return text.encode()


async def serve(size: int) -> None:
    """Answer every request with a CSV of that size, and print the port."""
    blocks = [rows(first * 1000) for first in range(10)]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/csv; charset=utf-8\r\n\r\n")
        writer.write(HEAD.encode())
        sent, number = 0, 0
        while sent < size:
            writer.write(blocks[number % len(blocks)])
            await writer.drain()
            sent, number = sent + len(blocks[number % len(blocks)]), number + 1
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1")
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def chunks(client: Client, _: Path) -> None:
    """Read the bytes as they arrive."""
    async with site.get_site_resources_csv(client) as pieces:
        async for _piece in pieces:
            pass


async def stream_rows(client: Client, _: Path) -> None:
    """Read the rows as texts."""
    async for _row in site.get_site_resources_csv(client).rows():
        pass


async def typed_rows(client: Client, _: Path) -> None:
    """Read the rows with types."""
    async for _row in export(client, "resources").rows():
        pass


async def csv(client: Client, folder: Path) -> None:
    """Save it as it comes."""
    await export(client, "resources").save(folder / "a.csv", progress=lambda _: None)


async def parquet(client: Client, folder: Path) -> None:
    """Save it as Parquet."""
    await export(client, "resources").save(folder / "a.parquet", progress=lambda _: None)


WAYS: dict[str, Callable[[Client, Path], Awaitable[None]]] = {
    one.__name__: one for one in (chunks, csv, stream_rows, typed_rows, parquet)
}


async def measure(way: str, port: int, folder: Path) -> None:
    """Read the export in one way, and print the seconds and the growth of the peak."""
    if way == "parquet":
        import_module("pyarrow.parquet")  # What the library takes is no growth.
    async with Client(base_url=f"http://127.0.0.1:{port}/", api_key="", rate=None) as client:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # The peak starts here.
        before, started = memory("VmRSS"), time.perf_counter()
        await WAYS[way](client, folder)
        print(json.dumps([time.perf_counter() - started, (memory("VmHWM") - before) / 1e6]))


def main() -> int:
    """Measure every way, and print a line for each."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("megabytes", nargs="?", type=int, default=MEGABYTES)
    megabytes = arguments.parse_args().megabytes
    command = [sys.executable, __file__]
    server = subprocess.Popen(
        [*command, "--serve", str(megabytes * 10**6)], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    port, worst = server.stdout.readline().strip(), 0.0
    try:
        for way in WAYS:
            with tempfile.TemporaryDirectory(prefix="exports-") as folder:
                run = subprocess.run(
                    [*command, "--one", way, port, folder], check=True, capture_output=True
                )
            seconds, growth = json.loads(run.stdout)
            worst = max(worst, growth)
            rate = megabytes / seconds
            print(f"{way}: {seconds:.1f} s, {rate:.0f} MB/s, peak +{growth:.0f} MB", flush=True)
    finally:
        server.kill()
        server.wait()
    print(f"of {megabytes} MB: at most {worst:.0f} MB more memory")
    return int(worst > MOST)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--serve", size]:
            asyncio.run(serve(int(size)))
        case ["--one", way, port, folder]:
            asyncio.run(measure(way, int(port), Path(folder)))
        case _:
            sys.exit(main())
