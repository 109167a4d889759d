"""Run the steps from the pinned documents to the declarations, without reading or writing files."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from attrs import evolve

from . import corrections, document, releases, renaming
from .canonical import canonical
from .convert import convert
from .corrections import Correction
from .declarations import View
from .document import DocumentError
from .pin import PinError, Release
from .view import view


def build(
    pins: list[tuple[Release, dict[str, Any]]],
    fixes: list[Correction],
    renames: Mapping[str, str],
    aliases: Mapping[str, str] = MappingProxyType({}),
) -> View:
    """Return the declarations to generate.

    Args:
        pins: The pinned releases and their documents, newest first.
        fixes: The entries of ``openapi/corrections.toml``.
        renames: The operation ids and function names of ``openapi/names.toml``.
        aliases: The old and new function names there.

    Raises:
        GenerationError: Code cannot be generated from the documents.
    """
    if not pins:
        raise PinError("no release is pinned: run `make pin`")
    for release, swagger in pins:
        try:
            document.check(swagger, merged=False)
        except DocumentError as error:
            raise DocumentError(f"{release.file} {error}") from None
    documents = [(release, canonical(swagger)) for release, swagger in pins]
    swagger = corrections.apply(releases.merge(documents), fixes)
    document.check(swagger, merged=True)
    seen = view(convert(swagger), renames)
    renaming.check_aliases(aliases, seen.functions)
    return evolve(seen, aliases={**aliases})
