"""Benchmark of downloads next to curl: `python benchmarks/downloads.py [ROUNDS [MEBIBYTES]]`.

nginx on localhost serves a file of 1 GB, which is fetched to the same disk in turn:

* by curl, which writes the file, and no more;
* by `files.download` of a resource whose sha1 is known: it is computed and compared, the file is
  flushed to disk and gets its name afterwards.

The last line is the median of the rates of the rounds, as a share of curl's in the same round, and
the most by which the peak memory of a process has grown during its download.
"""

from __future__ import annotations

import asyncio
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

from aiodatagouv import Client
from aiodatagouv.files._download.downloads import download
from aiodatagouv.models import Resource

ROUNDS, MEBIBYTES = 7, 954

SERVED = """
    access_log off;
    sendfile on;
    server {{ listen 127.0.0.1:{port}; root "{served}"; }}
"""
"""The configuration of nginx."""


def made(path: Path, mebibytes: int) -> str:
    """Write a file of random bytes, and return its sha1."""
    sha1 = hashlib.sha1(usedforsecurity=False)
    with path.open("wb") as file:
        for _ in range(mebibytes):
            piece = os.urandom(1 << 20)
            sha1.update(piece)
            file.write(piece)
    return sha1.hexdigest()


def curl(url: str, path: Path) -> float:
    """Fetch a file by curl, and return the seconds that it took."""
    command = ["curl", "--silent", "--fail", "--output", str(path), "--write-out", "%{time_total}"]
    return float(subprocess.run([*command, url], check=True, capture_output=True).stdout)


def ours(url: str, path: Path, sha1: str) -> tuple[float, int]:
    """Fetch it in a process of its own; return the seconds, and the growth of its peak in bytes."""
    command = [sys.executable, __file__, "--one", url, str(path), sha1]
    done = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return done["seconds"], done["growth"]


async def one(url: str, path: Path, sha1: str) -> dict[str, float]:
    """Download the file in this process, and measure that."""
    given = {"id": "1", "title": "", "url": url, "checksum": {"type": "sha1", "value": sha1}}
    file = Resource.from_dict(given)
    async with Client(api_key="") as client:
        before, started = peak(), time.perf_counter()
        done = await download(client, file, path, allow_private=True)
        seconds = time.perf_counter() - started
    assert done.checksum is not None
    return {"seconds": seconds, "growth": peak() - before}


def peak() -> int:
    """Return the most memory that this process has had, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main() -> None:
    """Run the rounds, and print each and the medians."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    mebibytes = int(sys.argv[2]) if len(sys.argv) > 2 else MEBIBYTES
    with tempfile.TemporaryDirectory(prefix="downloads-") as name:
        folder = Path(name)
        served = folder / "served"
        served.mkdir()
        sha1 = made(served / "file", mebibytes)
        shares, growths = list[float](), list[int]()
        with nginx(SERVED, served=served) as (url, _):
            for number in range(rounds):
                # Each comes first in every other round.
                ours_first, theirs = number % 2 == 0, 0.0
                if not ours_first:
                    theirs = curl(f"{url}/file", folder / "theirs")
                seconds, growth = ours(f"{url}/file", folder / "ours", sha1)
                if ours_first:
                    theirs = curl(f"{url}/file", folder / "theirs")
                for path in (folder / "theirs", folder / "ours"):
                    path.unlink()
                shares.append(theirs / seconds)
                growths.append(growth)
                print(
                    f"round {number + 1}: curl {theirs:.2f} s, files.download {seconds:.2f} s: "
                    f"{shares[-1]:.2f} of curl's rate, {growth >> 20} MiB more memory",
                    flush=True,
                )
    print(
        f"median of {rounds}: {statistics.median(shares):.2f} of curl's rate; "
        f"at most {max(growths) >> 20} MiB more memory"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(asyncio.run(one(sys.argv[2], Path(sys.argv[3]), sys.argv[4]))))
    else:
        main()
