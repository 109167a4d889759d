"""Tables, progress bars and the status line, on a terminal."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import re
from pathlib import Path

import pytest
from attrs import evolve

from aiodatagouv import OPERATIONS, APIError, NetworkError, Retry
from aiodatagouv._meter import Meter
from aiodatagouv.cli.progress import Waiting

from .. import clock
from ..servers import OK, server
from ..servers import says as says_bytes
from .running import HARVESTED, on_terminal, page, run_process, serving

HOSTILE = {"id": "1", "title": "\x1b]0;owned\x07 \x9b2J \x7f é"}


async def test_json_on_a_terminal_is_indented_and_escapes_control_characters() -> None:
    async with server(says_bytes(serving(HOSTILE))) as url:
        done = await asyncio.to_thread(on_terminal, "get", "list_datasets", "--portal", url)
        lines = await asyncio.to_thread(on_terminal, "harvest", "datasets", "--portal", url)
    assert done.status == lines.status == 0
    for shown in (done.out.decode(), lines.out.decode()):
        assert not {"\x1b", "\x07", "\x9b", "\x7f"} & {*shown}
        assert r"\u001b]0;owned\u0007 \u009b2J \u007f é" in shown
    assert json.loads(done.out) == page(HOSTILE)
    assert json.loads(lines.out.splitlines()[0]) == HOSTILE
    assert b'\n      "title"' in done.out.replace(b"\r\n", b"\n")


async def test_a_terminal_gets_text_without_control_characters_and_no_binary() -> None:
    async with server(says_bytes(OK + b"Content-Length: 8\r\n\r\na;\x1b[2J\nb")) as url:
        text = await asyncio.to_thread(on_terminal, "get", "get_site_tags_csv", "--portal", url)
    async with server(says_bytes(OK + b"Content-Length: 5\r\n\r\n\x89PN\0G")) as url:
        image = await asyncio.to_thread(on_terminal, "get", "get_avatar", "a", "9", "--portal", url)
    assert text.out == b"a;?[2J\r\nb"
    assert image.status == 2
    assert image.out == b"Error: The answer is not text: give -o FILE, or > FILE.\r\n"


def test_operations_on_a_terminal_are_a_table() -> None:
    done = on_terminal("operations", "upload", "community", COLUMNS="40")
    text = re.sub(r"\x1b\[\d*m", "", done.out.decode())
    # Names are never truncated, so that they can be copied.
    assert "upload_new_community_resource" in text
    assert "{" not in text.splitlines()[0]


async def test_the_progress_bar_is_only_shown_on_a_terminal(tmp_path: Path) -> None:
    arguments = ["harvest", "dataset-followers", "velos", "-o", str(tmp_path / "x.jsonl")]
    async with server(says_bytes(serving({"id": "1"}, {"id": "2"}))) as url:
        seen = await asyncio.to_thread(on_terminal, *arguments, "--portal", url)
        piped = await run_process(*arguments, "--portal", url)
    assert (seen.status, piped.status) == (0, 0)
    assert "━" in seen.out.decode()
    assert b"2/2" in seen.out
    assert piped.out == b""
    assert piped.err.startswith(b"list_dataset_followers: 2 of 2 items")
    assert piped.err.count(b"\n") == 1


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    def line(self) -> str:
        """Return the last line, without its spinner."""
        line = re.sub(r"\x1b\[(?!2K)[\d?]*[A-Za-z]", "", self.getvalue()).rpartition("\x1b[2K")[2]
        return line.strip().partition(" ")[2]


def terminal_for_stderr(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    return terminal


def test_the_progress_bar_shows_the_reason_for_a_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    operation = OPERATIONS["list_datasets"]
    waits = [
        Retry(operation, APIError("Too many", status=429), 1, 57.6),
        Retry(operation, NetworkError("refused"), 1, 2),
    ]
    shown: list[str] = []
    for retry in waits:
        with Meter(operation) as meter:
            meter.update(evolve(HARVESTED, retries=3))
            meter.show_wait(retry)
        shown.append(terminal.getvalue())
    assert "429, again in 58 s" in shown[0]
    assert "no answer, again in 2 s" in shown[1]
    with Meter(operation) as meter:
        meter.show_wait(waits[0])
        meter.update(evolve(HARVESTED, retries=3))
    assert "3 retries" in terminal.getvalue()


def test_there_is_no_progress_bar_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Meter(OPERATIONS["list_datasets"]) as meter:
        meter.update(HARVESTED)
    assert capsys.readouterr() == ("", "")


async def test_a_status_line_reports_a_slow_call(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminal_for_stderr(monkeypatch)
    operation = OPERATIONS["get_dataset"]

    async def wait() -> None:
        with Waiting(operation) as waiting:
            await asyncio.sleep(0.9)
            assert terminal.getvalue() == ""
            await asyncio.sleep(2.2)
            assert "get_dataset: waiting for the portal, 1 s" in terminal.getvalue()
            assert terminal.line() == "get_dataset: waiting for the portal, 3 s"
            waiting.show_wait(Retry(operation, APIError("Too many", status=429), 1, 12))
            await asyncio.sleep(0.15)
            assert terminal.line() == "get_dataset: 429, again in 12 s"
            await asyncio.sleep(3)
            assert terminal.line() == "get_dataset: 429, again in 9 s"
            await asyncio.sleep(10)
            assert terminal.line() == "get_dataset: waiting for the portal, 16 s"
            waiting.count(2_500_000)
            await asyncio.sleep(1)
            assert terminal.line() == "get_dataset: 2.5 MB received, 17 s"
        assert terminal.line() == ""
        ended = terminal.getvalue()
        await asyncio.sleep(10)
        assert terminal.getvalue() == ended

    await asyncio.to_thread(clock.run, wait())


async def test_the_status_line_is_hidden_during_output(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminal_for_stderr(monkeypatch)

    async def wait() -> None:
        with Waiting(OPERATIONS["list_datasets"]) as waiting:
            await asyncio.sleep(1.5)
            with waiting.hidden():
                assert terminal.line() == ""
            await asyncio.sleep(0.9)
            assert terminal.line() == ""
            await asyncio.sleep(0.3)
            assert terminal.line() == "list_datasets: waiting for the portal, 3 s"
            waiting.stop()
            await asyncio.sleep(5)
            assert terminal.line() == ""

    await asyncio.to_thread(clock.run, wait())


@pytest.mark.parametrize("error", [asyncio.CancelledError, APIError("No", status=500)])
async def test_the_status_line_is_erased_when_the_call_fails(
    monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    terminal = terminal_for_stderr(monkeypatch)

    async def wait() -> None:
        with contextlib.suppress(asyncio.CancelledError, APIError), Waiting(OPERATIONS["get_me"]):
            await asyncio.sleep(1.5)
            assert terminal.line()
            raise error
        assert terminal.line() == ""
        assert terminal.getvalue().rindex("\x1b[?25h") > terminal.getvalue().rindex("\x1b[?25l")

    await asyncio.to_thread(clock.run, wait())


async def test_there_is_no_status_line_without_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def wait() -> None:
        with Waiting(OPERATIONS["get_dataset"]) as waiting:
            waiting.show_wait(Retry(OPERATIONS["get_dataset"], NetworkError("refused"), 1, 2))
            await asyncio.sleep(10)

    await asyncio.to_thread(clock.run, wait())
    assert capsys.readouterr() == ("", "")
