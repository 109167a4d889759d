"""The client: its configuration, its life cycle, and the one way that every request goes."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from copy import copy
from itertools import count
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define, evolve, field, frozen

from . import _http, auth, errors, masks, redirects
from ._model import to_json
from .types import UNSET, File, Unset
from .version import __version__

if TYPE_CHECKING:
    from .operation import Call

PRODUCTION = "https://www.data.gouv.fr/api/1/"
"""The root of data.gouv.fr's API."""

DEMO = "https://demo.data.gouv.fr/api/1/"
"""The root of the demonstration portal's API, for trying writes."""

TIMEOUT = _http.Timeout(30, connect=10, pool=None)
"""Seconds: to connect 10, for the next bytes 30; waiting for a free connection has no limit."""

T = TypeVar("T")

_LANGUAGE = re.compile(r"[a-z]{2,3}([_-]\w{2,8})*", re.ASCII | re.IGNORECASE)

_log = logging.getLogger("aiodatagouv")


@frozen
class _Options:
    """What may be another for some calls; see :meth:`Client.with_options`."""

    timeout: _http.Timeout
    lang: str | None
    on_response: Callable[[_http.Response], object] | None


@define
class _Pool:
    """What a client shares with those that are made from it."""

    session: _http.Session | None = None
    loop: asyncio.AbstractEventLoop | None = None
    closed: bool = False
    tasks: set[asyncio.Task[Any]] = field(factory=set[asyncio.Task[Any]])

    def open(self) -> _http.Session:
        """The connections, for a call."""
        if self.session is None:
            state = "closed" if self.closed else "not open yet"
            raise RuntimeError(f"the Client is {state}: call it inside `async with Client() as c:`")
        if asyncio.get_running_loop() is not self.loop:
            raise RuntimeError(
                "the Client was opened in another event loop, which its connections belong to: "
                "open one in each loop"
            )
        return self.session


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
        lang: The language of labels and messages, as ``fr``; the portal's own when None.
        on_response: Is called with every answer as it came, an ``httpx.Response``, before it is
            decoded or raised as an error; that of a ``Stream`` before its body is read.

    Raises:
        ValueError: ``base_url`` is not a URL, the key cannot be sent or would travel in the clear,
            ``lang`` is no language, or a number is not positive.
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
        lang: str | None = None,
        on_response: Callable[[_http.Response], object] | None = None,
    ) -> None:
        self._portal = _root(base_url)
        self._key = auth.ApiKey.find(api_key)
        if self._key and not auth.is_private(self._portal):
            raise ValueError(
                f"base_url is {base_url!r}: an API key is only sent over https or to this machine"
            )
        if max_connections < 1:
            raise ValueError(f"max_connections is {max_connections!r}: at least 1 is needed")
        self._options = _Options(_timeout(timeout), _lang(lang), on_response)
        self._max_connections = max_connections
        self._transport = transport
        self._user_agent = user_agent
        self._pool = _Pool()
        self._is_derived = False

    def __repr__(self) -> str:
        return f"Client(base_url={str(self._portal)!r}, api_key={self._key!r})"

    @property
    def base_url(self) -> str:
        """The root of the portal's API, with a slash at its end."""
        return str(self._portal)

    def with_options(
        self,
        *,
        timeout: float | _http.Timeout | Unset = UNSET,
        lang: str | Unset | None = UNSET,
        on_response: Callable[[_http.Response], object] | Unset | None = UNSET,
    ) -> Self:
        """A client with other options and the same connections, for some calls or only one.

        >>> dataset = await datasets.get_dataset(client.with_options(timeout=5), "a-slug")

        It lives as long as the client that it is made from, and is not entered itself. The
        arguments are those of :class:`Client`; what is not given stays as it is.

        Raises:
            ValueError: ``lang`` is no language, or the timeout is not positive.
        """
        options = self._options
        if timeout is not UNSET:
            options = evolve(options, timeout=_timeout(timeout))
        if lang is not UNSET:
            options = evolve(options, lang=_lang(lang))
        if on_response is not UNSET:
            options = evolve(options, on_response=on_response)
        derived = copy(self)
        derived._options = options
        derived._is_derived = True
        return derived

    async def __aenter__(self) -> Self:
        if self._is_derived:
            raise RuntimeError("enter the Client that this one was made from: it is ready to use")
        if self._pool.session is not None or self._pool.closed:
            raise RuntimeError("a Client can be entered once only: make another one")
        self._pool.loop = asyncio.get_running_loop()
        self._pool.session = _http.Session(
            portal=self._portal,
            transport=self._transport,
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
        session = self._pool.open()
        self._pool.session, self._pool.closed = None, True
        tasks = [*self._pool.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await session.aclose()

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start a task of its own, which does not outlive the client."""
        task = asyncio.create_task(work)
        self._pool.tasks.add(task)
        task.add_done_callback(self._pool.tasks.discard)
        return task

    async def request(self, call: Call) -> _http.Response:
        """Make a call and read the whole answer.

        Raises:
            APIError: The portal says that it failed.
            NetworkError: There is no answer, or not all of it.
            MaskError: The fields that are wanted cannot be had.
            ValueError: A parameter is none.
            RuntimeError: The client is not open, or was opened in another event loop.
        """
        async with self._answer(call) as response:
            await self._pool.open().read(response)
            self._hand_out(response)
            return response

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncGenerator[_http.Response]:
        """Make a call and leave the body of the answer to be read; raises as :meth:`request`."""
        async with self._answer(call) as response:
            self._hand_out(response)
            yield response

    async def chunks(self, response: _http.Response) -> AsyncIterator[bytes]:
        """The body of an answer of :meth:`stream`, as it arrives.

        Raises:
            NetworkError: It breaks off.
        """
        async for chunk in self._pool.open().chunks(response):
            yield chunk

    @asynccontextmanager
    async def _answer(self, call: Call) -> AsyncGenerator[_http.Response]:
        """The answer to a call, wherever the portal redirects to, its body still to be read."""
        session = self._pool.open()
        url = self._url(call)
        headers, content = _headers(call), _content(call)
        for hops in count():
            async with self._exchange(session, call, url, headers, content) as response:
                target = redirects.next_url(call.operation, response, self._portal, hops)
                if target is None:
                    if not _is_answer(call, response):
                        raise await self._failure(session, call, response)
                    yield response
                    return
            url = target

    @asynccontextmanager
    async def _exchange(
        self,
        session: _http.Session,
        call: Call,
        url: _http.URL,
        headers: dict[str, str],
        content: dict[str, Any],
    ) -> AsyncGenerator[_http.Response]:
        """Send one request, and log what became of it."""
        operation = call.operation
        request = session.request(
            operation.id,
            operation.method,
            url,
            timeout=self._options.timeout,
            headers=headers,
            **content,
        )
        outcome, size = "no answer", 0
        start = time.perf_counter()
        try:
            async with session.send(request, self._key.headers(url, self._portal)) as response:
                outcome = str(response.status_code)
                try:
                    yield response
                finally:
                    size = response.num_bytes_downloaded
        finally:
            took = (time.perf_counter() - start) * 1000
            _log.debug("%s: %s, %.0f ms, %d bytes", operation.id, outcome, took, size)

    async def _failure(
        self, session: _http.Session, call: Call, response: _http.Response
    ) -> errors.APIError:
        await session.read(response)
        # A proxy may show what it was sent.
        response = _http.rewritten(response, self._key.struck_out)
        self._hand_out(response)
        url = auth.shown(response.url, self._portal)
        return errors.from_response(call.operation, response, url)

    def _url(self, call: Call) -> _http.URL:
        url = self._portal.join(call.url())
        pairs = call.query_pairs()
        if self._options.lang is not None:
            pairs.append(("lang", self._options.lang))
        return url.copy_with(params=pairs) if pairs else url

    def _hand_out(self, response: _http.Response) -> None:
        if self._options.on_response is not None:
            self._options.on_response(response)


def _timeout(timeout: float | _http.Timeout) -> _http.Timeout:
    if isinstance(timeout, _http.Timeout):
        return timeout
    if not timeout > 0:
        raise ValueError(f"timeout is {timeout!r}: it must be a number of seconds above 0")
    return _http.Timeout(timeout, pool=None)


def _lang(lang: str | None) -> str | None:
    # The portal ignores in silence what it does not know.
    if lang is not None and not _LANGUAGE.fullmatch(lang):
        raise ValueError(f"lang is {lang!r}: it must be the code of a language, such as 'fr'")
    return lang


def _root(base_url: str) -> _http.URL:
    url = _http.parse_url(base_url)
    if url.userinfo or url.query or url.fragment:
        raise ValueError("base_url must not contain a user, a password, a query or a fragment")
    path = url.path.rstrip("/") or "/api/1"
    return url.copy_with(path=f"{path}/")


def _headers(call: Call) -> dict[str, str]:
    headers = {"Accept": call.operation.media_type}
    mask = call.mask()
    if mask is not None:
        headers[masks.HEADER] = masks.header(mask, call.operation)
    return headers


def _is_answer(call: Call, response: _http.Response) -> bool:
    """Whether a call has succeeded: a redirect is an answer only to those who ask for one."""
    asked = call.operation.kind == "redirect" and redirects.is_redirect(response)
    return response.is_success or asked


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
