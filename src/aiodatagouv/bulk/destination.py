"""The sink for a destination, by its suffix."""

from __future__ import annotations

import os
from pathlib import Path

from .._fields import mask as masks
from ..errors import DestinationError
from .local import LocalFile
from .plan import Plan
from .sinks import SUFFIXES, JsonLines, Sink, needs


def sink_of(destination: str | os.PathLike[str] | Sink, plan: Plan) -> Sink:
    """The sink for a destination.

    Args:
        destination: A path, or a sink already.
        plan: The plan of the harvest, whose fields are the columns of a table.

    Raises:
        DestinationError: It cannot be a destination, or a package for it is missing.
    """
    if isinstance(destination, Sink):
        return destination
    path = Path(destination).resolve() if Path(destination).is_symlink() else Path(destination)
    if not path.name.endswith(SUFFIXES):
        raise DestinationError(f"{path}: its suffix must be one of {', '.join(SUFFIXES)}")
    if not path.parent.is_dir():
        raise DestinationError(f"{path}: there is no folder {path.parent}")
    if path.exists() and not path.is_file():
        raise DestinationError(f"{path} is not a file")
    if path.suffix != ".parquet":
        return JsonLines(LocalFile(path), path)
    try:
        from . import columns
        from .parquet import Parquet
    except ImportError:
        raise needs("pyarrow", "parquet", path) from None
    if plan.projection is not None:
        return Parquet(path, columns.of_class(plan.projection.class_))
    call = plan.listing.call
    return Parquet(path, columns.of_model(masks.model_of(call.operation), call.mask))
