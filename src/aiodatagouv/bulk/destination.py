"""The sink for a destination, by its suffix."""

from __future__ import annotations

import os
from pathlib import Path

from .._fields import mask as masks
from ..errors import DestinationError
from .compression import needs
from .plan import Plan
from .sinks import SUFFIXES, JsonLines, Sink

_NO_TABLE = "partition_by: only a destination that ends in .parquet can be partitioned"


def sink_of(destination: str | os.PathLike[str] | Sink, plan: Plan) -> Sink:
    """The sink for a destination.

    Args:
        destination: A path, or a sink already.
        plan: The plan of the harvest, whose fields are the columns of a table.

    Raises:
        DestinationError: It cannot be a destination, or a package for it is missing.
        ValueError: Its rows cannot be partitioned as asked.
    """
    if isinstance(destination, Sink):
        if plan.keys:
            raise ValueError(_NO_TABLE)
        return destination
    path = Path(destination).resolve() if Path(destination).is_symlink() else Path(destination)
    if not path.name.endswith(SUFFIXES):
        raise DestinationError(f"{path}: its suffix must be one of {', '.join(SUFFIXES)}")
    if not path.parent.is_dir():
        raise DestinationError(f"{path}: there is no folder {path.parent}")
    if path.exists() and not (path.is_dir() if plan.keys else path.is_file()):
        raise DestinationError(f"{path} is not a {'folder' if plan.keys else 'file'}")
    if path.suffix != ".parquet":
        if plan.keys:
            raise ValueError(_NO_TABLE)
        return JsonLines(path, plan.key)
    try:
        from . import columns
        from .folders import ParquetFolder
        from .parquet import Parquet
        from .partitions import Partitions
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
        return ParquetFolder(path, schema, partitions, key=key, query=plan.identity)
    return Parquet(path, schema, key=key, query=plan.identity)
