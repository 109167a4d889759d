"""The client: its configuration, its life cycle, and the one way that every request goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from . import _http, auth, errors, masks
from ._model import to_json
from .types import File
from .version import __version__

if TYPE_CHECKING:
    from .operation import Call

PRODUCTION = "https://www.data.gouv.fr/api/1/"
"""The root of data.gouv.fr's API."""

DEMO = "https://demo.data.gouv.fr/api/1/"
"""The root of the demonstration portal's API, for trying writes."""

TIMEOUT = _http.Timeout(30, connect=10, pool=None)
"""Seconds: to connect 10, for the next bytes 30; waiting for a free connection has no limit."""

_MAX_REDIRECTS = 5

T = TypeVar("T")


class Client:
    """A portal, and the connections to it. One for a whole program; usable from many tasks.

    >>> async with Client() as client:
    ...     dataset = await datasets.get_dataset(client, "a-slug")

    Args:
        api_key: The key for what needs one. When None, that of the environment variable
            ``DATAGOUV_API_KEY``; when empty, none.
        base_url: The root of the portal's API; ``/api/1/`` is added to a bare host.
        timeout: Seconds without any byte after which a call fails, or httpx's own ``Timeout``.
            Waiting for a free connection does not count, unless that ``Timeout`` says so.
        max_connections: How many connections may be open at once.
        transport: What sends the requests instead of httpx-aiohttp, for tests.
        user_agent: What the portal's logs show.

    Raises:
        ValueError: ``base_url`` is not a URL, the key cannot be sent or would travel in the clear,
            or a number is not positive.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str = PRODUCTION,
        timeout: float | _http.Timeout = TIMEOUT,
        max_connections: int = 16,
        transport: _http.AsyncBaseTransport | None = None,
        user_agent: str = f"aiodatagouv/{__version__}",
    ) -> None:
        self._portal = _root(base_url)
        self._key = auth.ApiKey.find(api_key)
        if self._key and not auth.is_private(self._portal):
            raise ValueError(
                f"base_url is {base_url!r}: an API key is only sent over https or to this machine"
            )
        if not isinstance(timeout, _http.Timeout):
            if not timeout > 0:
                raise ValueError(f"timeout is {timeout!r}: it must be a number of seconds above 0")
            timeout = _http.Timeout(timeout, pool=None)
        if max_connections < 1:
            raise ValueError(f"max_connections is {max_connections!r}: at least 1 is needed")
        self._timeout = timeout
        self._max_connections = max_connections
        self._transport = transport
        self._user_agent = user_agent
        self._http: _http.Session | None = None
        self._closed = False
        self._tasks: set[asyncio.Task[Any]] = set()

    def __repr__(self) -> str:
        return f"Client(base_url={str(self._portal)!r}, api_key={self._key!r})"

    @property
    def base_url(self) -> str:
        """The root of the portal's API, with a slash at its end."""
        return str(self._portal)

    async def __aenter__(self) -> Self:
        if self._http is not None or self._closed:
            raise RuntimeError("a Client can be entered once only: make another one")
        self._http = _http.Session(
            portal=self._portal,
            transport=self._transport,
            timeout=self._timeout,
            max_connections=self._max_connections,
            user_agent=self._user_agent,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._http is not None:
            http, self._http, self._closed = self._http, None, True
            tasks = [*self._tasks]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await http.aclose()

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start a task of its own, which does not outlive the client."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def request(self, call: Call) -> _http.Response:
        """Make a call and read the whole answer.

        Raises:
            APIError: The portal says that it failed.
            NetworkError: There is no answer, or not all of it.
            ValueError: A path parameter is not one.
            RuntimeError: The client is not open.
        """
        async with self.stream(call) as response:
            await self._open().read(response)
            return response

    async def chunks(self, response: _http.Response) -> AsyncIterator[bytes]:
        """The body of an answer of :meth:`stream`, as it arrives.

        Raises:
            NetworkError: It breaks off.
        """
        async for chunk in self._open().chunks(response):
            yield chunk

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncGenerator[_http.Response]:
        """Make a call and leave the body of the answer to be read; raises as :meth:`request`."""
        http = self._open()
        url = self._portal.join(call.url())
        pairs = call.query_pairs()
        url = url.copy_with(params=pairs) if pairs else url
        method = call.operation.method
        for _ in range(_MAX_REDIRECTS + 1):
            request = http.build_request(method, url, headers=_headers(call), **_content(call))
            secrets = self._key.headers(url, self._portal)
            async with http.send(request, secrets) as response:
                target = self._next_url(call, response)
                if target is None:
                    if not _is_answer(call, response):
                        await http.read(response)
                        raise errors.from_response(call.operation, response)
                    yield response
                    return
            url = target
        raise errors.NetworkError(f"{method} {url}: redirected more than {_MAX_REDIRECTS} times")

    def _open(self) -> _http.Session:
        if self._http is None:
            state = "closed" if self._closed else "not open yet"
            raise RuntimeError(f"the Client is {state}: call it inside `async with Client() as c:`")
        return self._http

    def _next_url(self, call: Call, response: _http.Response) -> _http.URL | None:
        """Where a redirect leads, or None when the answer is the one that was asked for."""
        status = response.status_code
        location = response.headers.get("Location")
        if status not in _http.REDIRECTS or location is None:
            return None
        # 308 is the portal tidying its own addresses (a slash, an old slug).
        if call.operation.kind == "redirect" and status != 308:
            return None
        try:
            url = _http.join(response.url, location)
        except ValueError as error:
            raise errors.NetworkError(
                f"GET {response.url}: redirected to what is {error}"
            ) from None
        same_origin = auth.origin(url) == auth.origin(self._portal)
        if call.operation.method != "GET" and not (same_origin and status in (307, 308)):
            raise errors.NetworkError(
                f"{call.operation.method} {response.url}: redirected to {url}, where a write is "
                "not repeated"
            )
        if not url.query and same_origin:
            # The portal's own redirects drop the query.
            url = url.copy_with(query=response.url.query or None)
        return url


def _root(base_url: str) -> _http.URL:
    url = _http.parse_url(base_url)
    if url.userinfo or url.query or url.fragment:
        raise ValueError("base_url must not contain a user, a password, a query or a fragment")
    path = url.path.rstrip("/") or "/api/1"
    return url.copy_with(path=f"{path}/")


def _headers(call: Call) -> dict[str, str]:
    headers = {"Accept": call.operation.media_type}
    if call.fields is not None:
        headers[masks.HEADER] = masks.mask(call.fields, paged=call.operation.kind == "page")
    return headers


def _is_answer(call: Call, response: _http.Response) -> bool:
    """Whether a call has succeeded: a redirect is an answer only to those who ask for one."""
    is_redirect = response.status_code in _http.REDIRECTS and "Location" in response.headers
    return response.is_success or (call.operation.kind == "redirect" and is_redirect)


def _content(call: Call) -> dict[str, Any]:
    """The body of a request, as httpx wants it."""
    if call.body is None:
        return {}
    body = to_json(call.body)
    if not call.operation.multipart:
        return {"json": body}
    parts: dict[str, Any] = {"files": {}, "data": {}}
    for name, value in body.items():
        if isinstance(value, File):
            kind = () if value.media_type is None else (value.media_type,)
            parts["files"][name] = (value.name, value.content, *kind)
        else:
            parts["data"][name] = str(value)
    return parts
