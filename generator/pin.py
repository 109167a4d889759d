"""Pin the Swagger of a release of udata: store the bytes as served, their hash and their source.

A release has a document for each version of its API: that of API v2 is optional.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from attrs import asdict, define
from packaging.version import InvalidVersion, Version

from .canonical import is_same
from .errors import GenerationError

METHODS = ("get", "put", "post", "delete", "patch", "head", "options")

MAX_LOST = 0.10
"""The largest share of operations that a new document may lack without ``--force``."""

RELEASE = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}){0,4}((a|b|rc|\.dev|\.post)[0-9]{1,9})?", re.ASCII)
"""A release number, as it may appear in file names, comments and docstrings."""

MAX_RELEASE = 64
"""Characters of a release number, with all that is around it."""

URL = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~/-]*)?", re.ASCII)
"""The URL of an API, without user, query and fragment."""

VERSIONS = (1, 2)
"""The versions of the API."""

Contents: TypeAlias = Mapping[int, bytes]
"""The documents of a release as they are served, by the version of the API."""


class PinError(GenerationError):
    """The document cannot be pinned, or a pinned file was modified."""


@define(frozen=True)
class Release:
    """One pinned document: an entry of pin.toml."""

    release: str
    file: str
    source: str
    date: dt.date
    sha256: str
    operations: int
    api: int = 1


def read_pins(folder: Path) -> list[tuple[Release, dict[str, Any]]]:
    """Return the pinned documents with their entries, the newest release and API v1 first.

    Raises:
        PinError: A document is not that of its entry.
    """
    pins = []
    for release in read_entries(folder):
        try:
            content = (folder / release.file).read_bytes()
        except OSError as error:
            raise PinError(f"cannot read {release.file}: {error.strerror}") from None
        if hashlib.sha256(content).hexdigest() != release.sha256:
            raise PinError(f"{release.file} does not match its sha256 in pin.toml")
        document = parse(content)
        found = len(operations(document))
        if release.operations != found:
            raise PinError(
                f"{release.file} has {found} operations, not {release.operations} as in pin.toml"
            )
        pins.append((release, document))
    return pins


def check_names(folder: Path) -> None:
    """Check that each document in a folder is pinned.

    Raises:
        PinError: One is not in pin.toml.
    """
    pinned = {entry.file for entry in read_entries(folder)}
    strays = {path.name for path in folder.glob("udata-*.json")} - pinned
    if strays:
        raise PinError(
            f"not in pin.toml, so delete it, or pin it by `make pin`: {', '.join(sorted(strays))}"
        )


def keep_only(folder: Path, kept: list[Release]) -> None:
    """Remove the other pinned documents."""
    for entry in read_entries(folder):
        if entry not in kept:
            (folder / entry.file).unlink()
    replace(folder / "pin.toml", _toml(kept).encode())


def release_names(pins: list[tuple[Release, dict[str, Any]]]) -> list[str]:
    """Return the releases of pinned documents, newest first."""
    return [*dict.fromkeys(entry.release for entry, _ in pins)]


def operations(document: dict[str, Any]) -> set[tuple[str, str]]:
    """Return the operations of a Swagger as pairs of method and path."""
    return {
        (method.upper(), path)
        for path, item in document["paths"].items()
        if isinstance(item, dict)
        for method in item
        if method in METHODS
    }


def release_number(text: str) -> str:
    """Return the release of a text such as ``v17.18.0``, ``17.18.0-rc1`` or ``17.18.0+abc123``.

    The local part, after the plus, tells the build of a portal and not its release.

    Raises:
        PinError: The text has no such meaning.
    """
    try:
        # It is part of file names and generated comments. Version accepts white space around it.
        if len(text) <= MAX_RELEASE and text == text.strip():
            release = Version(text).public
            if RELEASE.fullmatch(release):
                return release
    except InvalidVersion:
        pass
    raise PinError(f"{text[:MAX_RELEASE]!r} is not a release number such as 17.18.0")


def store(
    folder: Path, contents: Contents, release: str, sources: Mapping[int, str], *, force: bool
) -> list[Release]:
    """Pin the documents of a release.

    Args:
        folder: The folder of the pins.
        contents: The documents.
        release: The release, however a portal reports it.
        sources: Where each document comes from.
        force: Accept missing operations.

    Returns:
        Their entries, that of API v1 first. If the same is pinned already, those, and nothing is
        written: documents are compared without their host, and without the order of what has none.

    Raises:
        PinError: A document is no Swagger, or lacks operations.
    """
    release = release_number(release)
    documents = {api: _parsed(content, sources[api]) for api, content in contents.items()}
    entries = read_entries(folder)
    others = [entry for entry in entries if entry.release != release]
    older = [entry for entry in others if Version(entry.release) < Version(release)]
    same = [entry for entry in entries if entry.release == release]
    base = same or [entry for entry in older if entry.release == older[0].release]
    is_newest = bool(base) and base[0].release == entries[0].release
    if base:
        if (same or is_newest) and _are_same(folder, base, documents):
            return base
        _check_lost(folder, base, documents, sources[1], force=force)
    new = [
        Release(
            release=release,
            file=file_of(release, api),
            source=sources[api],
            date=dt.date.today(),
            sha256=hashlib.sha256(content).hexdigest(),
            operations=len(operations(documents[api])),
            api=api,
        )
        for api, content in contents.items()
    ]
    folder.mkdir(exist_ok=True)
    for entry in new:
        replace(folder / entry.file, contents[entry.api])
    for entry in same:
        if entry.api not in contents:
            (folder / entry.file).unlink()
    replace(folder / "pin.toml", _toml(_ordered([*others, *new])).encode())
    return new


def _are_same(folder: Path, pinned: list[Release], documents: dict[int, dict[str, Any]]) -> bool:
    """Return whether documents declare what the pinned ones of a release do."""
    if [entry.api for entry in pinned] != [*documents]:
        return False
    for entry in pinned:
        known = (folder / entry.file).read_bytes()
        # A document that was edited is not that of the release.
        is_whole = hashlib.sha256(known).hexdigest() == entry.sha256
        if not is_whole or not is_same(json.loads(known), documents[entry.api]):
            return False
    return True


def _check_lost(
    folder: Path,
    pinned: list[Release],
    documents: dict[int, dict[str, Any]],
    source: str,
    *,
    force: bool,
) -> None:
    """Check that documents have most operations of an older release.

    Raises:
        PinError: They lack many.
    """
    before = {
        (entry.api, *one)
        for entry in pinned
        for one in operations(json.loads((folder / entry.file).read_bytes()))
    }
    found = {(api, *one) for api, document in documents.items() for one in operations(document)}
    lost = before - found
    if len(lost) > MAX_LOST * len(before) and not force:
        _, method, path = min(lost)
        raise PinError(
            f"{source} lacks {len(lost)} of the {len(before)} operations of "
            f"{pinned[0].release}, such as {method} {path}: pass FORCE=1 to pin it anyway"
        )


def file_of(release: str, api: int) -> str:
    """Return the name of the file of a pinned document."""
    return f"udata-{release}.json" if api == 1 else f"udata-{release}-v{api}.json"


def _ordered(entries: list[Release]) -> list[Release]:
    """Return entries, the newest release first, and API v1 before v2."""
    ordered = sorted(entries, key=lambda entry: entry.api)
    return sorted(ordered, key=lambda entry: Version(entry.release), reverse=True)


def _parsed(content: bytes, source: str) -> dict[str, Any]:
    try:
        return parse(content)
    except PinError as error:
        raise PinError(f"{source}: {error}") from None


def parse(content: bytes) -> dict[str, Any]:
    """Read a Swagger.

    Raises:
        PinError: It is none, or it is truncated.
    """
    try:
        document = json.loads(content)
    except ValueError as error:
        raise PinError(f"not JSON, or truncated: {error}") from error
    except RecursionError:
        raise PinError("the document is nested too deeply") from None
    if not isinstance(document, dict) or document.get("swagger") != "2.0":
        raise PinError("not a Swagger 2.0 document")
    wrong = [
        key
        for key in ("paths", "definitions", "info")
        if not isinstance(document.get(key, {}), dict)
    ]
    if wrong:
        raise PinError(f"not an object: {', '.join(wrong)}")
    missing = [key for key in ("paths", "definitions", "info") if not document.get(key)]
    if missing:
        raise PinError(f"truncated: missing {', '.join(missing)}")
    return document


def read_entries(folder: Path) -> list[Release]:
    """Return the entries of pin.toml, newest first."""
    path = folder / "pin.toml"
    if not path.exists():
        return []
    try:
        values = tomllib.loads(path.read_text())["release"]
        entries = [Release(**entry) for entry in values]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise PinError(f"pin.toml is malformed: {error}") from None
    for entry in entries:
        for name, value in asdict(entry).items():
            # Not isinstance: to Python, true is an integer, and a time is a date.
            if type(value) is not type(EXAMPLES[name]):
                right = f"{name} = {_in_toml(EXAMPLES[name])}"
                raise PinError(f"pin.toml is malformed: {name} is {value!r}, not as in `{right}`")
        if entry.api not in VERSIONS:
            raise PinError(f"pin.toml is malformed: there is no API v{entry.api}")
        if entry.file != file_of(entry.release, entry.api):
            raise PinError(f"pin.toml is malformed: {entry.file!r} is not the file of its release")
        if not RELEASE.fullmatch(entry.release):
            raise PinError(f"pin.toml is malformed: {entry.release!r} is not a release number")
        if entry.api != 1 and file_of(entry.release, 1) not in {one.file for one in entries}:
            raise PinError(f"pin.toml is malformed: {entry.release} has no API v1")
    if len({entry.file for entry in entries}) != len(entries):
        raise PinError("pin.toml is malformed: a document has two entries")
    return _ordered(entries)


EXAMPLES = {
    "release": "17.18.0",
    "file": "udata-17.18.0.json",
    "source": "the package udata 17.18.0",
    "date": dt.date(2026, 11, 23),
    "sha256": "cfe39a8ace250976aded143b02c35d3e426424f41b7f70f3161a651d48a264a5",
    "operations": 247,
    "api": 1,
}
"""A value of each part of an entry: the others have the same types."""


def _in_toml(value: Any) -> str:
    return json.dumps(value) if isinstance(value, str) else str(value)


def _toml(entries: list[Release]) -> str:
    lines = [
        "# Made by `make pin`: the documents that the package is generated from, newest first."
    ]
    for entry in entries:
        lines += ["", "[[release]]"]
        for key, value in asdict(entry).items():
            lines.append(f"{key} = {_in_toml(value)}")
    return "\n".join(lines) + "\n"


def replace(path: Path, content: bytes) -> None:
    """Write a file so that it has either its old content or the new one."""
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(content)
    part.replace(path)
