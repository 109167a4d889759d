"""The sink for a destination: a path or a URL, by its suffix."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._checks import is_utf8
from .._fields import mask as masks
from ..errors import DestinationError
from ._journal.storage import checkpoint_of
from ._lines.compression import needs
from ._lines.jsonlines import JsonLines
from ._lines.local import LocalFile
from .plan import Plan
from .sinks import SUFFIXES, FileSink, Sink

_NO_TABLE = "partition_by: only a destination that ends in .parquet can be partitioned"

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(://|::)")
"""The start of a URL, or of several that fsspec chains."""

_LOCAL = re.compile(r"(?:file|local)://(?=/)", re.IGNORECASE)
"""The start of the URL of a file of this machine."""


def is_url(destination: str) -> bool:
    """Whether a destination is in a store, and no file of this machine."""
    return _URL.match(path_of(destination)) is not None


def path_of(destination: str) -> str:
    """The path of a destination that is the URL of a file of this machine; any other unchanged."""
    return _LOCAL.sub("", destination, count=1)


def sink_of(
    destination: str | os.PathLike[str] | Sink,
    plan: Plan,
    storage_options: Mapping[str, Any] | None = None,
) -> Sink:
    """The sink for a destination.

    Args:
        destination: A path, a URL, or a sink already.
        plan: The plan of the harvest, whose fields are the columns of a table.
        storage_options: Options of the store that a URL is in.

    Raises:
        DestinationError: It cannot be a destination, or a package for it is missing.
        ValueError: There are options for a store, but no URL; or rows cannot be partitioned as
            asked.
    """
    if isinstance(destination, str) and is_url(destination):
        return _stored(destination, plan, storage_options)
    if storage_options is not None:
        raise ValueError("storage_options are those of a store: the destination must be its URL")
    if isinstance(destination, Sink):
        if plan.keys:
            raise ValueError(_NO_TABLE)
        return destination
    path = Path(path_of(destination) if isinstance(destination, str) else destination)
    path = path.resolve() if path.is_symlink() else path
    if not path.name.endswith(SUFFIXES):
        raise DestinationError(f"{path}: its suffix must be one of {', '.join(SUFFIXES)}")
    if not path.parent.is_dir():
        raise DestinationError(f"{path}: there is no folder {path.parent}")
    _check_kind(path, plan)
    if path.suffix != ".parquet":
        if plan.keys:
            raise ValueError(_NO_TABLE)
        return JsonLines(LocalFile(path), path, plan.key)
    if not is_utf8(str(path)):
        raise DestinationError(f"{str(path)!r}: the name of a Parquet file must be UTF-8")
    return _table(path, plan)


def _check_kind(path: Path, plan: Plan) -> None:
    """Check that what there is at a path is a folder if rows are partitioned, a file otherwise.

    Raises:
        DestinationError: It is something else.
    """
    if plan.keys and path.is_file():
        raise DestinationError(
            f"{path} is a file, and a partitioned table a folder: choose another name, or harvest "
            "without partition_by"
        )
    if not plan.keys and path.is_dir() and checkpoint_of(path).exists():
        raise DestinationError(
            f"{path} is the folder of a partitioned table: give the same partition_by, or choose "
            "another name"
        )
    if path.exists() and not (path.is_dir() if plan.keys else path.is_file()):
        raise DestinationError(f"{path} is not a {'folder' if plan.keys else 'file'}")


def _table(path: Path, plan: Plan) -> FileSink:
    """The sink for a table on this machine."""
    try:
        from ._table import columns
        from ._table.folders import ParquetFolder
        from ._table.parquet import Parquet
        from ._table.partitions import Partitions
    except ImportError:
        raise needs("pyarrow", "parquet", path) from None
    if plan.projection is not None:
        schema = columns.of_class(plan.projection.class_)
    else:
        call, flat = plan.listing.call, plan.flat
        model = masks.model_of(call.operation)
        if flat is not None:
            schema = columns.of_flat(model, flat.mask, flat.path, flat.prefix)
        else:
            schema = columns.of_model(model, call.mask)
    # Rows without an id stay in the order of the list.
    key = plan.key if columns.is_key(schema, plan.key) else None
    if plan.keys:
        partitions = Partitions(plan.keys, schema, key)
        is_part = plan.part is not None and not plan.part.is_whole
        return ParquetFolder(
            path, schema, partitions, key=key, query=plan.identity, is_part=is_part
        )
    return Parquet(path, schema, key=key, query=plan.identity)


def _stored(url: str, plan: Plan, options: Mapping[str, Any] | None) -> FileSink:
    """The sink for an object in a store."""
    from ._stores.pieces import StoredFile
    from ._stores.table import StoredTable
    from ._stores.target import Target

    if plan.keys:
        raise DestinationError(
            f"partition_by: {Target.of(url, options).url} is in a store, where the files of a "
            "folder cannot appear at once: partition a folder on a disk"
        )
    target = Target.of(url, options)
    if url.endswith(".parquet"):
        return StoredTable(target, lambda path: _table(path, plan))
    return JsonLines(StoredFile(target), url, plan.key)
