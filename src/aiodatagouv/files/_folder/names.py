"""Names of files: safe and unique on every file system, and readable."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import count
from urllib.parse import unquote, urlsplit

LONGEST = 120
"""Bytes of the longest name, decomposed: file systems take 143 to 255, and a download adds some."""

_ID = 8
"""Characters of an id that tell two files of one name apart."""

_RESERVED = re.compile(
    r"^(?:CON|PRN|AUX|NUL|CLOCK|CONIN|CONOUT|(?:COM|LPT)[0-9\u00b9\u00b2\u00b3])(?=\.|$)",
    re.IGNORECASE,
)
"""The names of devices on Windows, which a file has neither as its name nor before a dot."""

_TEMPORARY = re.compile(r"\.(part)(?=\.|$)", re.IGNORECASE)
"""A part of the names of the files that stand beside one while it is fetched."""

_KEPT = re.compile(r"[._+()-]")
"""The punctuation that a name may have."""

_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Letters and marks that some file systems ignore."""

_EXTENSION = re.compile(
    r"(?<=.)(\.[a-z0-9]{1,8}(?=\.(gz|bz2|xz|zst|zip|7z)$))?\.(?=[0-9]*[a-z])[a-z0-9]{1,10}$",
    re.IGNORECASE,
)
"""An extension: that of a compressed file has two parts."""

_FORMAT = re.compile(r"[a-z0-9]{1,10}(\.[a-z0-9]{1,10})?")
"""A format of a resource that is the extension of a file."""

_PROGRAMS = frozenset({"php", "asp", "aspx", "ashx", "jsp", "do", "cgi", "dll", "exe", "py", "pl"})
"""Extensions in addresses that are those of the program which answers, not of the file."""


def safe_name(text: str, extension: str = "") -> str:
    """A name that every file system takes, "" if nothing is left of the text.

    It has letters, digits, ``._+()-`` only, composed (NFC); it does not begin with a dot or a dash,
    nor end with a dot; it is no name of a device on Windows, and has 120 bytes at most.

    Args:
        text: The text: a title, or the last segment of an address.
        extension: The extension of the name, with its dot; that of the text when empty.
    """
    text = text if len(text) <= 4 * LONGEST else text[: 2 * LONGEST] + text[-2 * LONGEST :]
    stem = _plain(text).strip(".-")
    if not extension:
        stem, extension = split(stem)
    stem = _RESERVED.sub(r"\g<0>_", stem)
    return _fitting(stem, _plain(extension))


def name_of(*, url: str, title: str, format: str | None, id: str) -> str:
    """The name that the file of a resource should have.

    It is the last segment of the address, if that looks like the name of a file; else the title,
    with the format as its extension; else the id.
    """
    format = (format or "").lower()
    known = _FORMAT.fullmatch(format) is not None
    segment = _segment(url)
    _, extension = split(segment)
    is_program = extension[1:].lower() in _PROGRAMS and (known and extension[1:].lower() != format)
    if extension and not is_program and (name := safe_name(segment)):
        return name
    has_one = title.lower().endswith(f".{format}")
    extension = f".{format}" if known and not has_one else ""
    return safe_name(title, extension) or safe_name(id, extension) or "file"


def candidates(name: str, id: str) -> Iterator[str]:
    """The names to try in turn, until one is free: the name itself, with a part of the id, ..."""
    yield name
    stem, extension = split(name)
    id = re.sub(r"[^A-Za-z0-9-]", "", id)[:_ID].strip("-") or "file"
    yield _fitting(stem, extension, f"-{id}")
    for number in count(2):
        yield _fitting(stem, extension, f"-{id}-{number}")


def key_of(name: str) -> str:
    """The same text for all names that some file system takes for the same."""
    before = ""
    while name != before:
        before = name
        name = unicodedata.normalize("NFKD", name).upper().casefold()
    return name


def split(name: str) -> tuple[str, str]:
    """The stem of a name, and its extension: ``.csv``, ``.tar.gz``, or nothing."""
    found = _EXTENSION.search(name)
    return (name, "") if found is None else (name[: found.start()], found[0])


def _segment(url: str) -> str:
    try:
        path = urlsplit(url).path
    except ValueError:  # It is no address: fetching it fails, and says so.
        return ""
    return unquote(path.rstrip("/").rpartition("/")[2])


def _plain(text: str) -> str:
    """A text without the characters that some file system, shell or terminal does not take."""
    text = unicodedata.normalize("NFC", text)
    text = "".join(char if _is_kept(char) else "-" for char in text)
    return re.sub(r"--+", "-", re.sub(r"\.\.+", ".", text))


def _is_kept(char: str) -> bool:
    if _INVISIBLE.match(char):
        return False
    return bool(_KEPT.match(char)) or unicodedata.category(char)[0] in "LMN"


def _fitting(stem: str, extension: str, end: str = "") -> str:
    """A name, its stem cut so that it is not too long."""
    room = LONGEST - _size(end + extension)
    while stem and _size(stem) > room:
        stem = stem[:-1]
    name = stem.rstrip(".-") + end + extension
    return _TEMPORARY.sub(r"-\1", name) if name != extension else ""


def _size(text: str) -> int:
    return len(unicodedata.normalize("NFD", text).encode())
