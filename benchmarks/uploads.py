"""Benchmark of an upload of 1 GB beside curl: `python benchmarks/uploads.py`.

Both send the same file to nginx on localhost, which stores the bodies of requests in files, as in
front of a portal, and removes them; it answers with the resource that the portal would have
created. curl sends one form of 1 GB. The client sends parts of 8 MiB, four at once, and computes
the SHA-1 checksum meanwhile, which curl does not. The rounds alternate; the medians are compared.

The memory is the growth of the peak of a process during the upload, after one of a small file.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from nginx import nginx

from aiodatagouv import Client, IntegrityError
from aiodatagouv.files._upload.uploads import upload as send

SIZE, ROUNDS = 1 << 30, 5

TAKING = """
    access_log off;
    client_max_body_size 0;
    default_type application/json;
    server {{
        listen 127.0.0.1:{port};
        location = /api/1/datasets/extensions/ {{ return 200 '["csv"]'; }}
        location = /api/1/datasets/velos/ {{ return 200 '{{"id": "velos", "resources": []}}'; }}
        location = /api/1/datasets/velos/upload/ {{
            client_body_buffer_size 1m;
            client_body_in_file_only clean;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
            proxy_pass http://127.0.0.1:{port}/answer;
        }}
        location = /api/1/datasets/velos/resources/1/ {{ return 204; }}
        location = /answer {{ return 201 '{answer}'; }}
    }}
"""
"""The configuration of nginx."""


def write(path: Path) -> str:
    """Write a file of :data:`SIZE` bytes; return its SHA-1 checksum."""
    sha1, piece = hashlib.sha1(), os.urandom(1 << 20)
    with path.open("wb") as file:
        for _ in range(SIZE >> 20):
            file.write(piece)
            sha1.update(piece)
    return sha1.hexdigest()


def answer_about(sha1: str) -> str:
    """Return the answer to every upload: the file that has this checksum."""
    return json.dumps(
        {
            "id": "1",
            "title": "big.csv",
            "filesize": SIZE,
            "checksum": {"type": "sha1", "value": sha1},
            "url": "http://portal.example/big.csv",
            "success": True,
        }
    )


async def upload(url: str, path: str) -> tuple[float, float]:
    """Upload a file; return the seconds, and by how many MB the peak of the memory has grown."""
    async with Client(base_url=url, api_key="secret", rate=None) as client:
        with contextlib.suppress(IntegrityError):  # The answer is that to the large file.
            await send(client.with_options(retry=None), "velos", b"", name="small.csv")
        before, started = peak(), time.perf_counter()
        await send(client, "velos", path)
        return time.perf_counter() - started, peak() - before


def peak() -> float:
    """The peak of this process's memory in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def in_a_process(url: str, path: Path) -> tuple[float, float]:
    """Upload a file in a process of its own; return as :func:`upload` does."""
    command = [sys.executable, __file__, url, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, memory = map(float, done.stdout.split())
    return seconds, memory


def curl(url: str, path: Path) -> float:
    """Upload a file with curl; return the seconds."""
    form = ["-F", f"file=@{path}", f"{url}api/1/datasets/velos/upload/"]
    started = time.perf_counter()
    subprocess.run(["curl", "-sSf", "-o", os.devnull, *form], check=True)
    return time.perf_counter() - started


def main() -> None:
    """Print the figures of each round, and the medians."""
    print("round  aiodatagouv      curl    memory")
    rounds: list[tuple[float, float, float]] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        path = folder / "big.csv"
        sha1 = write(path)
        with nginx(TAKING, answer=answer_about(sha1)) as (root, _):
            url = f"{root}/"
            for number in range(ROUNDS):
                theirs = curl(url, path)
                ours, memory = in_a_process(url, path)
                rounds.append((ours, theirs, memory))
                print(
                    f"{number + 1:5}  {ours:9.2f} s  {theirs:6.2f} s  {memory:5.1f} MB", flush=True
                )
    ours, theirs, memory = (statistics.median(figures) for figures in zip(*rounds, strict=True))
    speed = SIZE / 1e6 / ours
    print(f"median {ours:9.2f} s  {theirs:6.2f} s  {memory:5.1f} MB  ({speed:.0f} MB/s)")
    print(f"throughput: {theirs / ours:.2f} of curl's")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(*asyncio.run(upload(sys.argv[1], sys.argv[2])))
    else:
        main()
