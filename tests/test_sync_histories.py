"""Histories of changes at a portal and in a folder: a synchronization makes them equal again."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import tempfile
from pathlib import Path
from typing import Any

import httpx
from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st

from aiodatagouv.files._folder.folder import sync
from aiodatagouv.files._folder.manifest import Manifest
from aiodatagouv.files._folder.report import OnReport, Report
from aiodatagouv.models import Resource

from .clients import client_of
from .worlds import resource, sha1

IDS = ["a", "b", "c", "d", "e"]

CONTENTS = st.binary(max_size=3)


@define
class World:
    """A portal with resources, the hosts of their files, and a folder.

    Attributes:
        root: The folder with all of it.
        files: The address of a file -> its content.
        resources: The resources by their ids.
        sent: The addresses of the files that were sent.
    """

    root: Path
    files: dict[str, bytes] = field(factory=dict)
    resources: dict[str, Resource] = field(factory=dict)
    sent: list[str] = field(factory=list)
    _number: int = 0

    @property
    def folder(self) -> Path:
        return self.root / "folder"

    def publish(self, id: str, kind: str, content: bytes) -> None:
        """Add a resource, or replace its file."""
        self._number += 1
        # The portal gives an uploaded file another address each time; others keep theirs.
        name = f"{self._number}/stops.csv" if kind == "uploaded" else f"{id}/stops.csv"
        url, more = f"https://{kind}.example/{name}", dict[str, Any]()
        self.files[url] = content
        if kind == "uploaded":
            more = {"filetype": "file", "checksum": sha1(content), "filesize": len(content)}
        elif kind == "crawled":
            date = f"2026-01-01T00:00:00.{self._number:06}+00:00"
            more = {"extras": {"analysis:last-modified-at": date}, "last_modified": date}
        self.resources[id] = resource(id, url, **more)

    def remove(self, id: str) -> None:
        self.resources.pop(id, None)

    def known(self) -> dict[str, str]:
        """The paths in the manifest, by the ids of resources."""
        manifest = Manifest.open(self.folder)
        found = {id: one.path for id, one in manifest.records.items() if one.at is not None}
        manifest.close()
        return found

    def alter(self, id: str, content: bytes | None) -> None:
        """Change a file in the folder, or remove it."""
        path = self.folder / self.known().get(id, "nothing")
        if not path.exists():
            return
        if content is None:
            path.unlink()
            return
        path.write_bytes(content)
        self._number += 1
        os.utime(path, ns=(0, 10**9 * self._number))

    def synchronize(self, killed_at: int | None = None) -> Report | None:
        """Synchronize, if wanted in a process that is killed after so many reports."""
        if killed_at is None:
            return self._synchronize(lambda _: None)
        if process := os.fork():
            _, status = os.waitpid(process, 0)
            assert status in (0, signal.SIGKILL)
            return None
        status, steps = 1, 0

        def progress(_: Report) -> None:
            nonlocal steps
            steps += 1
            if steps == killed_at:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            self._synchronize(progress)
            status = 0
        finally:
            os._exit(status)

    def _synchronize(self, progress: OnReport) -> Report:
        def answer(request: httpx.Request) -> httpx.Response:
            if request.url.host == "portal.example":
                resources = [one.to_dict() for one in self.resources.values()]
                return httpx.Response(200, json={"id": "velos", "resources": resources})
            content = self.files[str(request.url)]
            etag = f'"{hashlib.sha1(content).hexdigest()}"'
            if request.headers.get("If-None-Match") == etag:
                return httpx.Response(304)
            self.sent.append(str(request.url))
            return httpx.Response(200, content=content, headers={"ETag": etag})

        async def main() -> Report:
            transport = httpx.MockTransport(answer)
            async with client_of("https://portal.example/", transport=transport) as client:
                return await sync(client, "velos", self.folder, delete=True, progress=progress)

        return asyncio.run(main())


STEPS = st.one_of(
    st.tuples(
        st.just("publish"),
        st.sampled_from(IDS),
        st.sampled_from(["uploaded", "remote", "crawled"]),
        CONTENTS,
    ),
    st.tuples(st.just("remove"), st.sampled_from(IDS)),
    st.tuples(st.just("alter"), st.sampled_from(IDS), st.one_of(st.none(), CONTENTS)),
    st.tuples(st.just("synchronize"), st.one_of(st.none(), st.integers(1, 12))),
)


@settings(max_examples=60)
@given(st.lists(STEPS, max_size=12))
def test_after_any_history_the_folder_equals_the_source(steps: list[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as root:
        world = World(Path(root))
        for name, *arguments in steps:
            getattr(world, name)(*arguments)
        report = world.synchronize()
        assert report is not None
        assert report.complete
        assert report.listed == len(world.resources)
        kept = {one.path for one in report.outcomes if one.status == "kept"}
        found = {
            str(path.relative_to(world.folder)): path.read_bytes()
            for path in world.folder.rglob("*")
        }
        paths = world.known()
        for id, one in world.resources.items():
            assert found[paths[id]] == world.files[one.url]
        assert {*found} == {paths[id] for id in world.resources} | kept

        world.sent.clear()
        again = world.synchronize()
        assert again is not None
        assert world.sent == []
        assert {one.status for one in again.outcomes} <= {"unchanged", "kept"}
