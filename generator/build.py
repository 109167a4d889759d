"""Run the steps from the pinned documents to the declarations, without reading or writing files."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from attrs import define, evolve

from . import combine, corrections, document, releases, renaming
from .adapt import Shared, Unapplied, apply_possible, hide_secrets
from .convert import convert
from .corrections import Correction
from .declarations import View
from .pin import PinError, Release
from .view import operation_ids, view


def build(
    pins: list[tuple[Release, dict[str, Any]]],
    fixes: list[Correction],
    renames: Mapping[str, str],
    aliases: Mapping[str, str] = MappingProxyType({}),
    shared: Shared | None = None,
) -> View:
    """Return the declarations to generate.

    Args:
        pins: The pinned documents with their entries, the newest release and API v1 first.
        fixes: The entries of ``openapi/corrections.toml``.
        renames: The operation ids and function names of ``openapi/names.toml``.
        aliases: The old and new function names there.
        shared: The façade's own corrections and names, for the package of another portal: those
            that apply to its release come first.

    Raises:
        GenerationError: Code cannot be generated from the documents.
    """
    swagger = _merged(pins)
    if shared is not None:
        swagger = shared.correct(swagger)
    swagger = corrections.apply(swagger, fixes)
    hide_secrets(swagger, fixes)
    document.check(swagger, merged=True)
    converted = convert(swagger)
    if shared is not None:
        renames = shared.renames(operation_ids(converted), renames)
    seen = view(converted, renames)
    renaming.check_aliases(aliases, seen.functions)
    return evolve(seen, aliases={**aliases})


@define(frozen=True)
class Attempt:
    """The declarations of any release.

    Attributes:
        view: The declarations.
        unapplied: The corrections that have no place or no effect in it, without the shared ones.
        overwritten: What the other corrections overwrote, by their names and places.
        unnamed: Why each renaming and each alias that has no place in it was left out.
    """

    view: View
    unapplied: list[Unapplied]
    overwritten: dict[tuple[str, ...], Any]
    unnamed: list[str]


def attempt(
    pins: list[tuple[Release, dict[str, Any]]],
    fixes: list[Correction],
    renames: Mapping[str, str],
    aliases: Mapping[str, str] = MappingProxyType({}),
    shared: Shared | None = None,
) -> Attempt:
    """Build the declarations of releases that the corrections and names were not written for.

    The parameters are those of :func:`build`.

    Raises:
        GenerationError: Code cannot be generated from the documents.
    """
    swagger = _merged(pins)
    if shared is not None:
        swagger = shared.correct(swagger)
    applied = apply_possible(swagger, fixes)
    document.check(applied.swagger, merged=True)
    converted = convert(applied.swagger)
    ids = operation_ids(converted)
    names, unnamed = renaming.possible(ids, renames)
    if shared is not None:
        names = shared.renames(ids, names)
    seen = view(converted, names)
    kept, unaliased = renaming.possible_aliases(aliases, seen.functions)
    overwritten = {**(shared.overwritten if shared else {}), **applied.overwritten}
    return Attempt(evolve(seen, aliases=kept), applied.unapplied, overwritten, unnamed + unaliased)


def _merged(pins: list[tuple[Release, dict[str, Any]]]) -> dict[str, Any]:
    if not pins:
        raise PinError("no release is pinned: run `make pin`")
    return releases.merge(combine.by_release(pins))
