"""Records in a file: lines of JSON, each with a checksum of itself and of the lines before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

_MARK = b', "sum": "'


def encoded(contents: Iterable[Mapping[str, Any]], before: str = "") -> tuple[bytes, str]:
    """Encode records.

    Args:
        contents: JSON objects.
        before: The checksum of the record before them; "" at the start of a file.

    Returns:
        The lines, and the checksum of the last one.
    """
    lines = bytearray()
    for content in contents:
        text = json.dumps(content, ensure_ascii=False).encode()
        before = _checksum(text, before)
        lines += b'%b%b%b"}\n' % (text[:-1], _MARK, before.encode())
    return bytes(lines), before


def decoded(lines: bytes) -> tuple[list[dict[str, Any]], str]:
    """Decode whole lines that :func:`encoded` returned.

    Returns:
        The records, and the checksum of the last one.

    Raises:
        ValueError: A line is not such a record, or was changed, added, moved or removed.
    """
    contents: list[dict[str, Any]] = []
    before = ""
    for number, line in enumerate(lines.split(b"\n")[:-1], start=1):
        start, _, end = line.rpartition(_MARK)
        text = start + b"}"
        before = _checksum(text, before)
        if end != before.encode() + b'"}':
            raise ValueError(f"line {number} does not match its checksum")
        contents.append(json.loads(text))
    return contents, before


def _checksum(text: bytes, before: str) -> str:
    return hashlib.sha256(before.encode() + text).hexdigest()
