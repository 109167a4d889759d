"""Run the steps from the pinned documents to the declarations, without reading or writing files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import corrections, document, releases
from .adapt import Shared
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
    shared: Shared | None = None,
) -> View:
    """Return the declarations to generate.

    Args:
        pins: The pinned releases and their documents, newest first.
        fixes: The entries of ``openapi/corrections.toml``.
        renames: The operation ids and function names of ``openapi/names.toml``.
        shared: The façade's own corrections and names, for the package of another portal: those
            that apply to its release come first.

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
    swagger = releases.merge(pins)
    if shared is not None:
        swagger = shared.correct(swagger)
    swagger = corrections.apply(swagger, fixes)
    document.check(swagger, merged=True)
    if shared is not None:
        renames = shared.renames(document.ids(swagger), renames)
    return view(convert(swagger), renames)
