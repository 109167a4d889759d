"""The installed release of udata, for code that depends on it."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

RELEASE = version("udata")
IS_17 = int(RELEASE.split(".")[0]) >= 17
"""True for 17.18.0, false for 14.13.0."""


def drop_unknown_fields(document_class: Any, values: dict[str, Any], **_: Any) -> None:
    """Drop the fields that this release lacks from a new document; a receiver of `pre_init`."""
    for name in values.keys() - {*document_class._fields, "id", "pk", "_cls", "_text_score"}:
        del values[name]
