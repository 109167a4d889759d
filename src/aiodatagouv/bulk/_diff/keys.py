"""The columns that identify a row of a harvest: as it was recorded, or guessed from a row."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from ...errors import CheckpointError, DestinationError
from .._journal.checkpoint import read
from .._journal.storage import CheckpointFile, checkpoint_of
from ..flat import snake_case
from .folders import manifest_of
from .rows import Harvested, query_in


def key_of(old: Harvested, new: Harvested) -> tuple[str, ...] | None:
    """The columns that identify a row of two harvests; None if they have no rows.

    Raises:
        HarvestFileError: A file is damaged.
    """
    for harvest in (old, new):
        query = _query_of(harvest)
        if query is not None and "explode" not in query:
            return ("id",)
        if query is not None and "row_key" in query:
            return (query["row_key"], "id")
    return _guessed(old) or _guessed(new)


def _query_of(harvest: Harvested) -> Mapping[str, Any] | None:
    """The identity of a harvest; None if it is not recorded."""
    manifest = manifest_of(harvest.path) if harvest.path.is_dir() else None
    if manifest is not None:
        query: Mapping[str, Any] = manifest["query"]
        return query
    first = harvest.files[0]
    return query_in(first) if harvest.format == "Parquet" else _query_recorded(first)


def _query_recorded(path: Path) -> Mapping[str, Any] | None:
    """The identity of the harvest of a file, as its checkpoint has it."""
    path = path.resolve()
    try:
        head, body, _ = read(CheckpointFile(checkpoint_of(path)))
    except (CheckpointError, DestinationError):
        return None  # The file may be whole all the same.
    # After an interruption, the checkpoint may be that of another harvest to the same file.
    seals = [*head.get("seals", []), *(line.get("seal") for line in body)]
    size = path.stat().st_size
    if not any(seal is not None and seal["size"] == size for seal in seals):
        return None
    query: Mapping[str, Any] = head["query"]
    return query


def _guessed(harvest: Harvested) -> tuple[str, ...] | None:
    """The columns that identify a row, by the first row; None if there is none."""
    with closing(harvest.rows()) as rows:
        first = next(rows, None)
    if first is None:
        return None
    names = first.read(msgspec.json.Decoder(dict[str, msgspec.Raw]).decode)
    items = [*names.keys() & _ids_of_items()]
    return (*items, "id") if len(items) == 1 else ("id",)


def _ids_of_items() -> set[str]:
    """The columns with the id of an item in harvests with ``explode``: ``dataset_id``, ..."""
    from ...api.operations import OPERATIONS  # Those of both versions of the API.

    lists = [one for one in OPERATIONS.values() if one.kind == "page"]
    models = {str(one.item).rpartition(".")[2] for one in lists}
    return {f"{snake_case(model)}_id" for model in models}
