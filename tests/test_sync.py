"""Folders of files: what has changed is fetched, what is gone is deleted, and all is reported."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

from aiodatagouv import Client
from aiodatagouv.files._folder.folder import sync
from aiodatagouv.files._folder.report import Report

from .clients import client_of
from .worlds import hosts, resource


def a_client() -> Client:
    return client_of("https://portal.example/")


def contents(folder: Path) -> dict[str, bytes]:
    """The files in a folder, by their paths."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def statuses(report: Report) -> Counter[str]:
    return Counter(one.status for one in report.outcomes)


async def test_a_thousand_files_of_twenty_hosts_three_of_them_dead_and_one_slow(
    tmp_path: Path,
) -> None:
    async with hosts(17) as alive:
        slow, gate = alive[0], asyncio.Event()
        slow.gate = gate
        dead = [f"http://127.0.0.1:{port}" for port in (1, 2, 3)]
        for host in alive:
            host.files = {f"/{n}.csv": f"{host.url} {n}".encode() for n in range(50)}
        urls = [f"{url}/{n}.csv" for n in range(50) for url in [*dead, *(h.url for h in alive)]]
        resources = [resource(f"{n:08}", url) for n, url in enumerate(urls)]

        def progress(report: Report) -> None:
            # The slow host answers once all files of the others have ended.
            if report.files == 950:
                gate.set()

        options: dict[str, Any] = {"concurrency": 16, "allow_private": True, "progress": progress}
        async with a_client() as client:
            first = await sync(client, resources, tmp_path / "folder", **options)
            assert first.listed == 1000
            assert statuses(first) == {"downloaded": 850, "failed": 150}
            by_id = {one.resource: one for one in first.outcomes}
            for n, url in enumerate(urls):
                outcome = by_id[f"{n:08}"]
                origin, _, name = url.rpartition("/")
                assert outcome.status == ("failed" if origin in dead else "downloaded")
                if origin in dead:
                    assert "connect" in (outcome.reason or "")
                else:
                    text = (tmp_path / "folder" / str(outcome.path)).read_text()
                    assert text == f"{origin} {name.removesuffix('.csv')}"
            assert max(host.most for host in alive) == 2
            assert not first.complete
            sent = [host.sent for host in alive]
            assert sum(sent) == first.bytes

            second = await sync(client, resources, tmp_path / "folder", **options)
        assert statuses(second) == {"unchanged": 850, "failed": 150}
        assert second.bytes == 0
        assert [host.sent for host in alive] == sent
        assert max(host.most for host in alive) == 2
        assert not [*(tmp_path / "folder").glob("*.part*")]
