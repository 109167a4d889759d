"""Disks that become full or read-only at any step: nothing is lost, and the next run goes on."""

from __future__ import annotations

import builtins
import errno
import io
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from aiodatagouv import Client
from aiodatagouv.api import site

from .harvests import harvest, ids
from .moving import MovingPortal

FULL = ("mkdir", "fsync", "replace")
READ_ONLY = (*FULL, "unlink", "rmdir", "chmod")


class Disk:
    """Every change of the files in a folder fails from some step on.

    Attributes:
        steps: The number of steps that were taken.
    """

    def __init__(self, folder: Path, code: int, last: int) -> None:
        self.steps = 0
        self._folder, self._code, self._last = folder, code, last

    def watch(self, patch: pytest.MonkeyPatch) -> None:
        """Replace the functions that change files."""
        for name in FULL if self._code == errno.ENOSPC else READ_ONLY:
            patch.setattr(os, name, self._watched(getattr(os, name)))
        opener = self._opener(io.open)
        patch.setattr(io, "open", opener)  # Called by Path.open.
        patch.setattr(builtins, "open", opener)

    def step(self, path: Any) -> None:
        """Take a step, or fail."""
        real = Path(f"/proc/self/fd/{path}").readlink() if isinstance(path, int) else Path(path)
        if real.is_relative_to(self._folder):
            self.steps += 1
            if self.steps > self._last:
                raise OSError(self._code, os.strerror(self._code), str(real))

    def _watched(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def watched(path: Any, *rest: Any, **named: Any) -> Any:
            self.step(path)
            return real(path, *rest, **named)

        return watched

    def _opener(self, real: Callable[..., Any]) -> Callable[..., Any]:
        disk = self

        class File(io.FileIO):
            def write(self, data: Any) -> int:
                disk.step(self.fileno())
                return super().write(data)

        def opened(path: Any, mode: str = "r", *rest: Any, **named: Any) -> Any:
            if "b" not in mode or mode == "rb":
                return real(path, mode, *rest, **named)
            disk.step(path)
            file = File(path, mode.replace("b", ""), opener=named.get("opener"))
            return io.BufferedRandom(file) if "+" in mode else io.BufferedWriter(file)

        return opened


def portal(size: int = 30) -> MovingPortal:
    return MovingPortal.of(size, 0, left=0)


async def attempt(disk: Disk, work: Awaitable[object]) -> OSError | None:
    """Do some work with a disk that fails, and return the failure."""
    with pytest.MonkeyPatch.context() as patch:
        disk.watch(patch)
        try:
            await work
        except OSError as error:
            return error
    return None


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS], ids=["full", "read-only"])
@pytest.mark.parametrize("kind", ["new", "over an older file", "update"])
@pytest.mark.parametrize(("suffix", "stride"), [(".jsonl", 1), (".parquet", 9)])
async def test_a_harvest_goes_on_once_the_disk_can_be_written_again(
    suffix: str, stride: int, kind: str, code: int, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"since": "last"} if kind == "update" else {}
    resumed, stride = 0, stride if kind != "update" else 3
    for last in range(0, 1000, stride):
        (folder := tmp_path / str(last)).mkdir()
        path, older = folder / f"a{suffix}", None
        if kind != "new":
            await harvest(portal(12), path)
            older = ids(path)
        disk = Disk(folder, code, last)
        error = await attempt(disk, harvest(portal(), path, **options))
        assert (error is None) == (disk.steps <= last)
        if error is None:
            assert ids(path) == [*range(30)]
            break
        assert error.errno == code
        assert len(str(error).splitlines()) == 1
        if path.exists():
            assert ids(path) in (older, [*range(30)])
        else:
            assert older is None
        report = await harvest(portal(), path, **options)
        assert report.complete
        assert ids(path) == [*range(30)]
        resumed += bool(report.resumed)
    else:
        raise AssertionError("the harvest never ended")
    # Most steps come after the first commit. An update always starts again.
    assert kind == "update" or resumed > last / stride / 3


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS], ids=["full", "read-only"])
async def test_a_saved_file_is_whole_or_the_older_one(
    code: int, tmp_path: Path, scripted: Callable[..., Client]
) -> None:
    path, new = tmp_path / "a.csv", b"a;b\r\n" * 100_000
    for last in range(100):
        path.write_bytes(b"older")
        disk = Disk(tmp_path, code, last)
        answer = httpx.Response(200, content=new, headers={"Content-Type": "text/csv"})
        async with scripted(lambda _, answer=answer: answer) as client:
            error = await attempt(disk, site.get_site_datasets_csv(client).save(path))
        if error is None:
            assert path.read_bytes() == new
            return
        assert error.errno == code
        # The step after the final rename flushes the folder.
        assert path.read_bytes() in (b"older", new)
        assert code == errno.EROFS or [*tmp_path.iterdir()] == [path]
    raise AssertionError("the file was never saved")
