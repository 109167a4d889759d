"""Documents that are pinned without a portal."""

from __future__ import annotations

from pathlib import Path

from generator import pin


def stored(
    folder: Path,
    content: bytes,
    release: str,
    source: str = "here",
    *,
    second: bytes | None = None,
    force: bool = False,
) -> list[pin.Release]:
    """Pin the document of API v1, and that of API v2 if there is one, and return the entries."""
    contents = {1: content} if second is None else {1: content, 2: second}
    return pin.store(folder, contents, release, dict.fromkeys(contents, source), force=force)
