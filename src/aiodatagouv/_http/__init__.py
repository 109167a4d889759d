"""HTTP: only this package imports the HTTP libraries.

httpx is the interface and aiohttp the sockets: httpx over aiohttp is several times faster than
httpx alone under concurrency, and its pool survives cancelled requests.
"""

from httpx import URL, AsyncBaseTransport, Request, Response, Timeout

from .client import client_of, close, limit, rewritten, tidy_headers, without_body
from .coding import CodingError
from .failures import FAILURES, Failure, TooLongError, failure_of
from .urls import join, parse_url

__all__ = [
    "FAILURES",
    "URL",
    "AsyncBaseTransport",
    "CodingError",
    "Failure",
    "Request",
    "Response",
    "Timeout",
    "TooLongError",
    "client_of",
    "close",
    "failure_of",
    "join",
    "limit",
    "parse_url",
    "rewritten",
    "tidy_headers",
    "without_body",
]
