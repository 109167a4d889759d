"""Pipes, full disks, closed streams and signals, in a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from aiodatagouv.version import __version__

from ..servers import says as says_bytes
from ..servers import server
from .running import COMMAND, VELOS, run_process, serving


@pytest.mark.parametrize(
    "arguments",
    [["get", "list_datasets"], ["harvest", "datasets"], ["operations"], ["--help"]],
)
async def test_a_broken_pipe_ends_the_command_quietly(arguments: Sequence[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    async with server(says_bytes(serving(VELOS))) as url:
        done = await run_process(*arguments, stdout=writing, DATAGOUV_PORTAL=url)
    os.close(writing)
    assert done == (141, b"", b"")


async def test_a_full_disk_is_an_error() -> None:
    with Path("/dev/full").open("wb") as full:
        async with server(says_bytes(serving(VELOS))) as url:
            done = await run_process("get", "list_datasets", "--portal", url, stdout=full.fileno())
    assert done == (1, b"", b"Error: No space left on device\n")


@pytest.mark.parametrize("arguments", [["get", "list_datasets"], ["harvest", "datasets"]])
async def test_a_closed_stdout_is_an_error(arguments: Sequence[str]) -> None:
    program = "import sys; sys.stdout = None; from aiodatagouv.cli import main; sys.exit(main())"
    async with server(says_bytes(serving(VELOS))) as url:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program, *arguments, "--portal", url), stderr=subprocess.PIPE
        )
        _, err = await process.communicate()
    assert (process.returncode, err) == (1, b"Error: stdout is closed\n")


async def test_the_version_is_printed_or_its_loss_is_an_error() -> None:
    assert await run_process("--version") == (
        0,
        f"aiodatagouv, version {__version__}\n".encode(),
        b"",
    )
    with Path("/dev/full").open("wb") as full:
        done = await run_process("--version", stdout=full.fileno())
    assert done == (1, b"", b"Error: No space left on device\n")


async def test_a_closed_stdin_is_an_error() -> None:
    program = "import sys; sys.stdin = None; from aiodatagouv.cli import main; sys.exit(main())"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, "call", "create_reuse", "--body", "-"),
        stderr=subprocess.PIPE,
    )
    _, err = await process.communicate()
    assert process.returncode == 2
    assert err.startswith(b"Error: Invalid value for '--body': stdin is closed.")


async def test_a_full_disk_for_stderr_keeps_the_exit_status() -> None:
    with Path("/dev/full").open("wb") as full:
        process = await asyncio.create_subprocess_exec(
            *COMMAND, "get", "nothing", stdout=subprocess.PIPE, stderr=full
        )
        await process.communicate()
    assert process.returncode == 2


async def test_errors_do_not_go_to_stdout_when_stderr_is_closed() -> None:
    program = "import sys; sys.stderr = None; from aiodatagouv.cli import main; sys.exit(main())"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, "get", "nothing"), stdout=subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert (process.returncode, out) == (2, b"")


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "kill"]
)
@pytest.mark.parametrize("command", [["get", "list_datasets"], ["harvest", "datasets"]])
async def test_signals_end_the_command(
    number: signal.Signals, status: int, command: Sequence[str]
) -> None:
    asked = asyncio.Event()

    async def never(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        asked.set()
        await asyncio.Event().wait()

    async with server(never) as url:
        process = await asyncio.create_subprocess_exec(
            *COMMAND, *command, "--portal", url, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        async with asyncio.timeout(30):
            await asked.wait()
            process.send_signal(number)
            out, err = await process.communicate()
    assert process.returncode == status
    assert (out, err) == (b"", b"Interrupted.\n")
