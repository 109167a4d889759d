"""Which udata this is, for the few places where releases differ."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

RELEASE = version("udata")
IS_17 = int(RELEASE.split(".")[0]) >= 17
"""Whether it is 17.18.0, else 14.13.0."""


def drop_unknown_fields(document_class: Any, values: dict[str, Any], **_: Any) -> None:
    """Let a document be made with fields of a newer release: a receiver of `pre_init`."""
    for name in values.keys() - {*document_class._fields, "id", "pk", "_cls", "_text_score"}:
        del values[name]
