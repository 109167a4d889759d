"""The pieces in which a body is read from the sockets."""

from __future__ import annotations

from typing import Any

from httpx_aiohttp.transport import AiohttpResponseStream

LONGEST = 1 << 20
"""The most bytes of a body that are read at once."""


def lengthen(stream: object) -> None:
    """Have a body read in long pieces: by default they are short, and each takes its time."""
    if isinstance(stream, AiohttpResponseStream):
        setting: Any = stream
        setting.CHUNK_SIZE = LONGEST
