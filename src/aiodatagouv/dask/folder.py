"""The folder of a harvest by a cluster: its files, its checkpoints, its manifest.

    part-00000.parquet, ...     the items
    part=00000.parquet, ...     instead of these, the folders of a partitioned table
    _metadata                   the row groups of all Parquet files, once all are complete
    _harvest.json               the manifest, written last
    _checkpoints/split.json     the dates that the list was split at, written first
    _checkpoints/part-...       the checkpoint and the temporary files of each part

Programs that read a folder as one table ignore names that begin with an underscore.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

from .._disk import sync_folder, written
from .._ownership import foreign, locked, release
from ..bulk._journal.checkpoint import compare
from ..bulk._journal.finished import Finished
from ..bulk._journal.storage import CHECKPOINTS, MANIFEST, SPLIT
from ..bulk._table.tree import FILE, METADATA, check_ours, remove
from ..bulk.partition import Part
from ..bulk.report import Report
from ..bulk.sinks import SUFFIXES
from ..errors import CheckpointError, DestinationError
from ..version import __version__

CHANGES = "changes"

_ASIDE = re.compile(r"(part[-=]\d{5,}\.|split\.json|changes).*")
"""The names in the folder of the checkpoints."""

_PART = re.compile(rf"part-\d{{5,}}({'|'.join(map(re.escape, SUFFIXES))})")

_TABLE = re.compile(r"part=\d{5,}\.parquet")
"""The folder of a part that is partitioned: for readers, the part is one partition more.

Spark refuses folders that are named otherwise above those of partitions.
"""


@frozen
class Folder:
    """The folder of a harvest by a cluster, on a disk that all workers share.

    Attributes:
        path: Its path.
        suffix: The suffix of the files of parts.
        is_partitioned: Whether each part is a folder of files, partitioned as Hive does.
    """

    path: Path
    suffix: str
    is_partitioned: bool = False

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints."""
        return self.path / CHECKPOINTS

    @property
    def changes(self) -> Path:
        """The path of the changes of the whole list, while its parts are updated.

        They stay after an update that has failed, and so tell that it is not complete.
        """
        return self.checkpoints / CHANGES

    def part(self, number: int) -> Path:
        """The path of the file of a part, or of its folder if it is partitioned."""
        sign = "=" if self.is_partitioned else "-"
        return self.path / f"part{sign}{number:05}{self.suffix}"

    def check(self) -> None:
        """Check that the folder is missing, empty, or that of a harvest by a cluster.

        Raises:
            DestinationError: The suffix is unknown, or there is something else.
        """
        if self.suffix not in SUFFIXES:
            raise DestinationError(f"suffix is {self.suffix!r}: choose of {', '.join(SUFFIXES)}")
        if not self.path.exists():
            return
        if not self.path.is_dir():
            raise DestinationError(f"{self.path} is not a folder")
        is_ours = (self.checkpoints / SPLIT).is_file()
        strange = [one for one in self.path.iterdir() if not self._is_known(one, is_ours=is_ours)]
        if is_ours:
            strange += [one for one in self.checkpoints.iterdir() if not _ASIDE.match(one.name)]
        if strange:
            raise foreign(min(strange), "is not a file of a harvest by a cluster")

    def _is_known(self, path: Path, *, is_ours: bool) -> bool:
        """Whether a harvest has written a file or folder of this name."""
        if path.is_symlink():
            return False
        if path.name == CHECKPOINTS:
            # It is new if the list was not split yet.
            return path.is_dir() and (is_ours or all(_is_lock(one) for one in path.iterdir()))
        if is_ours and path.is_dir() and _TABLE.fullmatch(path.name):
            check_ours(path)
            return True
        is_named = path.name in (MANIFEST, METADATA) or _PART.fullmatch(path.name)
        return is_ours and bool(is_named) and path.is_file()

    @contextmanager
    def locked(self) -> Generator[None]:
        """Create the folder, and keep other harvests away from it.

        Raises:
            CheckpointError: Another harvest is under way there.
        """
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        in_use = CheckpointError(f"{self.path} is in use: another harvest is under way there")
        lock = locked(self.checkpoints / SPLIT, in_use)
        try:
            yield
        finally:
            release(lock)

    def clear(self) -> None:
        """Remove the files of earlier harvests, the manifest first."""
        self.withdraw()
        for path in self.path.iterdir():
            if _PART.fullmatch(path.name):
                path.unlink()
            elif _TABLE.fullmatch(path.name):
                remove(path)
        for path in sorted(self.checkpoints.rglob("*"), reverse=True):
            if path.is_dir():
                path.rmdir()
            elif not _is_lock(path):
                path.unlink()

    @property
    def is_complete(self) -> bool:
        """Whether there is a manifest."""
        try:
            # A network file system may list a file that another machine has removed, but not open.
            with (self.path / MANIFEST).open("rb"):
                return True
        except FileNotFoundError:
            return False

    @property
    def is_half_updated(self) -> bool:
        """Whether an update has begun and not ended: some parts may be older than others."""
        return self.changes.exists() and not self.is_complete

    def withdraw(self) -> None:
        """Remove what says that the folder is complete, before a file in it changes."""
        (self.path / MANIFEST).unlink(missing_ok=True)
        (self.path / METADATA).unlink(missing_ok=True)
        sync_folder(self.path)

    def read_split(self, whole: Part, query: Mapping[str, Any]) -> list[Part] | None:
        """Read the parts that the list was split into; None if it was not yet.

        Args:
            whole: A part with the call of the list.
            query: The identity of the harvest.

        Raises:
            CheckpointError: They are those of another harvest, or the file is damaged.
        """
        path = self.checkpoints / SPLIT
        if not path.exists():
            return None
        try:
            content = json.loads(path.read_bytes())
            known: Mapping[str, Any] = content["query"]
            parts = [
                Part(
                    whole.call,
                    whole.into,
                    _date(one["low"]),
                    _date(one["high"]),
                    int(one["start"]),
                    int(one["end"]),
                )
                for one in content["parts"]
            ]
        except (ValueError, LookupError, TypeError) as error:
            raise CheckpointError(
                f"{path} is damaged ({error}): harvest all anew, without resuming"
            ) from None
        compare(self.path, known, query)
        return parts

    def write_split(self, parts: Sequence[Part], query: Mapping[str, Any]) -> None:
        """Record the parts that the list is split into, before anything of them is written."""
        cuts = [{**part.to_dict(), "start": part.start, "end": part.end} for part in parts]
        self._write(self.checkpoints / SPLIT, {"query": query, "parts": cuts})

    def complete(self, done: Sequence[Finished], parts: Sequence[Part], report: Report) -> None:
        """Describe the files of all parts, the manifest last.

        Args:
            done: The files.
            parts: The parts.
            report: The sum of their reports.
        """
        self.changes.unlink(missing_ok=True)
        if self.suffix == ".parquet":
            self._write_metadata(len(parts))
        files = [
            {
                "file": self.part(number).name,
                **part.to_dict(),
                "rows": one.seal.items,
                "size": one.seal.size,
                "sha256": one.seal.sha256,
            }
            for number, (part, one) in enumerate(zip(parts, done, strict=True))
        ]
        query = {
            key: value for key, value in done[0].query.items() if key not in parts[0].to_dict()
        }
        manifest = {
            "version": __version__,
            "query": query,
            "parts": files,
            "report": report.to_dict(),
        }
        self._write(self.path / MANIFEST, manifest)

    def _write_metadata(self, parts: int) -> None:
        """Write the row groups of all Parquet files, with the names of the files, to one file."""
        import pyarrow.parquet as pq

        whole = None
        for number in range(parts):
            part = self.part(number)
            for path in sorted(part.rglob(FILE)) if self.is_partitioned else [part]:
                metadata = pq.read_metadata(path)
                metadata.set_file_path(path.relative_to(self.path).as_posix())
                if whole is None:
                    whole = metadata
                else:
                    whole.append_row_groups(metadata)
        assert whole is not None  # There is one part at least.
        with written(self.path / METADATA) as file:
            whole.write_metadata_file(file)

    @staticmethod
    def _write(path: Path, content: Mapping[str, Any]) -> None:
        with written(path) as file:
            file.write(json.dumps(content, indent=1, ensure_ascii=False).encode() + b"\n")


def _date(text: str | None) -> dt.datetime | None:
    return None if text is None else dt.datetime.fromisoformat(text)


def _is_lock(path: Path) -> bool:
    """Whether a file is the lock of the folder."""
    return path.name == f"{SPLIT}.lock"
