"""The version of a file that an answer has: what tells it from others, and whether it goes on."""

from __future__ import annotations

import re

from attrs import evolve

from ..._decoding.dates import read_http_date
from ..._http.outside import Answer
from .part import Source

_STRONG = re.compile(r'"[\x21\x23-\x7e]*"')

_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.ASCII)


def version_of(answer: Answer, source: Source) -> Source:
    """The version of a file that an answer has from the first byte on."""
    etag, modified = _header(answer, "ETag"), _header(answer, "Last-Modified")
    validator: str | None = None
    # The bytes of a compressed body are not those of the file.
    if not answer.is_coded and answer.headers.get("Accept-Ranges", "").lower() != "none":
        if etag is not None and _STRONG.fullmatch(etag):
            validator = etag
        elif modified is not None and _is_settled(modified, answer):
            validator = modified
    size = None if answer.is_coded else answer.size
    return evolve(source, etag=etag, modified=modified, validator=validator, size=size)


def end_of_range(answer: Answer, source: Source, start: int) -> tuple[int, Source] | None:
    """The end of an answer that has the rest of a version, and the version, whose size may be new.

    Args:
        answer: An answer with status 206.
        source: The version.
        start: The first byte that was asked for.

    Returns:
        The position after the last byte; None if it is another version, or another part of it.
    """
    parts = _RANGE.fullmatch(answer.headers.get("Content-Range", "").strip())
    if parts is None or answer.is_coded or int(parts[1]) != start:
        return None
    end, size = int(parts[2]) + 1, source.size
    if parts[3] != "*":
        size = int(parts[3])
    is_sound = end > start and (size is None or end <= size)
    if not is_sound or (source.size not in (None, size)) or answer.size not in (None, end - start):
        return None
    etag, modified = _header(answer, "ETag"), _header(answer, "Last-Modified")
    # The other one may be left out. Hosts that do not know If-Range send the rest of any version.
    if source.validator not in (etag, modified):
        return None
    if etag not in (source.etag, None) or modified not in (source.modified, None):
        return None
    return end, evolve(source, size=size)


def _header(answer: Answer, name: str) -> str | None:
    """A header that can be sent back, None if there is none."""
    text = answer.headers.get(name, "").strip()
    return text if text and len(text) < 1000 and text.isascii() and text.isprintable() else None


def _is_settled(modified: str, answer: Answer) -> bool:
    """Whether a file cannot have changed again within the second that dates its version."""
    moment, date = read_http_date(modified), read_http_date(answer.headers.get("Date", ""))
    return moment is not None and (date is None or moment < date)
