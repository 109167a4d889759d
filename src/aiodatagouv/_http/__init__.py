"""HTTP: only this package imports the HTTP libraries.

httpx is the interface and aiohttp the sockets: httpx over aiohttp is several times faster than
httpx alone under concurrency, and its pool survives cancelled requests.

Both are slow to import: the module of each name is imported when the name is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .light import leave_out_command_line

if TYPE_CHECKING:
    from httpx import URL as URL
    from httpx import AsyncBaseTransport as AsyncBaseTransport
    from httpx import Request as Request
    from httpx import Response as Response
    from httpx import Timeout as Timeout

    from .coding import CodingError as CodingError
    from .failures import FAILURES as FAILURES
    from .failures import Failure as Failure
    from .failures import TooLongError as TooLongError
    from .failures import failure_of as failure_of
    from .memory import Cut as Cut
    from .memory import MemoryTransport as MemoryTransport
    from .memory import RefusingTransport as RefusingTransport
    from .memory import Reply as Reply
    from .messages import close as close
    from .messages import has_end as has_end
    from .messages import headers_of as headers_of
    from .messages import length_of as length_of
    from .messages import read as read
    from .messages import request_of as request_of
    from .messages import rewritten as rewritten
    from .messages import without_body as without_body
    from .replacement import replaced as replaced
    from .shield import Shield as Shield
    from .urls import join as join
    from .urls import parse_url as parse_url

_NAMES = {
    "httpx": "URL AsyncBaseTransport Request Response Timeout",
    ".coding": "CodingError",
    ".failures": "FAILURES Failure TooLongError failure_of",
    ".messages": "close has_end headers_of length_of read request_of rewritten without_body",
    ".memory": "Cut MemoryTransport RefusingTransport Reply",
    ".replacement": "replaced",
    ".shield": "Shield",
    ".urls": "join parse_url",
}
_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names.split()}

leave_out_command_line()

if not TYPE_CHECKING:  # A type checker that saw this function would accept any attribute.

    def __getattr__(name: str) -> object:
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(_MODULE_OF[name], __name__), name)
        globals()[name] = value
        return value
