"""Synchronizations that are killed with `kill -9`, and continued."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from .killed_sync import KILLS
from .worlds import hosts, resource

FILES = 9


async def test_a_killed_run_is_continued_with_what_is_left(tmp_path: Path) -> None:
    async with hosts(3) as alive:
        expected, resources = dict[str, bytes](), []
        for number in range(FILES):
            host = alive[number % 3]
            content = f"content of {number}".encode()
            host.files[f"/{number}.csv"] = expected[f"{number}.csv"] = content
            one = resource(f"{number:08}", f"{host.url}/{number}.csv")
            resources.append(one.to_dict())
        source = tmp_path / "resources.json"
        source.write_text(json.dumps(resources))
        command = ["-m", "tests.killed_sync", str(source), str(tmp_path)]
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        assert process.returncode == 0
    counts = json.loads(output)
    # The last step may not come: records that are written together are flushed once.
    assert len(counts["killed"]) >= KILLS - 1
    assert counts["resumed"] > KILLS  # Several runs had some files already.
    for kill in range(KILLS):
        folder = tmp_path / f"killed-{kill}"
        assert {one.name: one.read_bytes() for one in folder.iterdir()} == expected
