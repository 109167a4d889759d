"""The recipes of CONTRIBUTING.md: their code runs, and what they name exists."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from generator import corrections

from .portal.portal import NEWEST, OLDEST, PINNED

ROOT = Path(__file__).parents[1]

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_every_path_exists() -> None:
    named = set(re.findall(r"`((?:src|tests|openapi|generator)/[\w./-]*)`", TEXT))
    assert len(named) > 40
    assert [one for one in sorted(named) if not (ROOT / one).exists()] == []


def test_every_command_is_a_target() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"`make ([a-z-]+)(?![\w/-])", TEXT)) <= targets


def test_the_releases_of_the_tests_are_the_same_everywhere() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    set_there = dict(re.findall(r"^(NEWEST|OLDEST) := (.*)$", makefile, re.M))
    assert set_there == {"NEWEST": NEWEST, "OLDEST": OLDEST}
    assert corrections.written_for(ROOT / "openapi" / "corrections.toml") == PINNED


def test_the_correction_of_the_recipe_is_the_one_that_is_applied() -> None:
    (recipe,) = re.findall(r"^ *```toml\n(.*?)^ *```$", TEXT, re.M | re.S)
    wanted = "\n".join(line.strip() for line in recipe.splitlines())
    assert wanted in (ROOT / "openapi" / "corrections.toml").read_text(encoding="utf-8")
    assert "user-suggestion-email" in {
        one.name for one in corrections.read(ROOT / "openapi" / "corrections.toml")
    }


async def test_the_sink_of_the_recipe_continues_after_an_interruption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```$", TEXT, re.M | re.S)
    names: dict[str, Any] = {}
    exec(compile(code, "CONTRIBUTING.md", "exec", dont_inherit=True), names)
    test: Callable[[Path, pytest.MonkeyPatch], Awaitable[None]]
    test = names["test_an_interrupted_harvest_continues"]
    await test(tmp_path, monkeypatch)
