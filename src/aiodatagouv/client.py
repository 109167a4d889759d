"""The client: its configuration, and its life from `async with` to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from copy import copy
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from attrs import define, evolve, field

from . import _http, auth
from .limits import Limits
from .options import (
    RATE,
    RETRY,
    TIMEOUT,
    OnResponse,
    OnRetry,
    Options,
    read_lang,
    read_rate,
    read_retry,
    read_timeout,
)
from .pipeline import Pipeline
from .rate import Rate
from .retry import Retry, RetryPolicy
from .types import UNSET, Unset
from .version import __version__

if TYPE_CHECKING:
    from .operation import Call

PRODUCTION = "https://www.data.gouv.fr/api/1/"
"""The root of data.gouv.fr's API."""

DEMO = "https://demo.data.gouv.fr/api/1/"
"""The root of the demonstration portal's API, for trying writes."""

T = TypeVar("T")


@define
class _Pool:
    """What a client shares with those that are made from it."""

    limits: Limits
    session: _http.Session | None = None
    loop: asyncio.AbstractEventLoop | None = None
    closed: bool = False
    tasks: set[asyncio.Task[Any]] = field(factory=set[asyncio.Task[Any]])

    def forget(self, task: asyncio.Task[Any]) -> None:
        """Learn that a task has ended."""
        self.tasks.discard(task)
        if not task.cancelled():
            # Whoever waits for it is told how it failed. That nobody does is no reason for a log.
            task.exception()

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
    ...     dataset = await api.datasets.get_dataset(client, "a-slug")

    Args:
        api_key: The key for what needs one. When None, that of the environment variable
            ``DATAGOUV_API_KEY``; when empty, none.
        base_url: The root of the portal's API; ``/api/1/`` is added to a bare host.
        timeout: Seconds without any byte after which a call fails, or httpx's own ``Timeout``; None
            for none. Waiting for a free connection does not count, unless that ``Timeout`` says so.
        retry: When a call that failed is made again. When None, never, nor does any call wait
            because the portal asks for it: that is a ``RateLimitedError`` at once.
        rate: Requests a second that all calls together make at most. Up to ten of them may go at
            once after a time without any. With ``"auto"`` the client finds out how many the portal
            takes: it starts with 20 and sends more until some are answered 429. None is any number.
            A :class:`Rate` says how many go at once, too.
        max_connections: How many requests may be under way at once, each on its own connection.
        transport: What sends the requests instead of httpx-aiohttp, for tests.
        user_agent: What the portal's logs show.
        lang: The language of labels and messages, as ``fr``; the portal's own when None.
        on_response: Is called with every answer as it came, an ``httpx.Response``, before it is
            decoded or raised as an error; that of a ``Stream`` before its body is read.
        on_retry: Is called with a :class:`Retry` before each wait for another attempt.

    Raises:
        ValueError: ``base_url`` is not a URL, the key cannot be sent or would travel in the clear,
            ``lang`` is no language, or a number is not positive.
        TypeError: ``retry`` is no policy.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str = PRODUCTION,
        timeout: float | _http.Timeout | None = TIMEOUT,
        retry: RetryPolicy | None = RETRY,
        rate: float | Rate | Literal["auto"] | None = RATE,
        max_connections: int = 16,
        transport: _http.AsyncBaseTransport | None = None,
        user_agent: str = f"aiodatagouv/{__version__}",
        lang: str | None = None,
        on_response: OnResponse | None = None,
        on_retry: OnRetry | None = None,
    ) -> None:
        self._key = auth.ApiKey.find(api_key)
        del api_key  # A traceback shows the local variables.
        self._key.check()
        self._portal = _root(base_url)
        if self._key and not auth.is_private(self._portal):
            raise ValueError(
                f"base_url is {base_url!r}: an API key is only sent over https or to this machine"
            )
        if max_connections < 1:
            raise ValueError(f"max_connections is {max_connections!r}: at least 1 is needed")
        if not (user_agent.isascii() and user_agent.isprintable()):
            raise ValueError(f"user_agent is {user_agent!r}: a header is plain ASCII")
        self._options = Options(
            timeout=read_timeout(timeout),
            retry=read_retry(retry),
            line=read_rate(rate),
            lang=read_lang(lang),
            on_response=on_response,
            on_retry=on_retry,
        )
        self._max_connections = max_connections
        self._transport = transport
        self._user_agent = user_agent
        self._pool = _Pool(Limits(max_connections))
        self._is_derived = False

    def __repr__(self) -> str:
        # A traceback may show one that was refused.
        portal = str(getattr(self, "_portal", ""))
        return f"Client(base_url={portal!r}, api_key={getattr(self, '_key', None)!r})"

    @property
    def base_url(self) -> str:
        """The root of the portal's API, with a slash at its end."""
        return str(self._portal)

    def with_options(
        self,
        *,
        timeout: float | _http.Timeout | Unset | None = UNSET,
        retry: RetryPolicy | Unset | None = UNSET,
        rate: float | Rate | Literal["auto"] | Unset | None = UNSET,
        lang: str | Unset | None = UNSET,
        on_response: OnResponse | Unset | None = UNSET,
        on_retry: OnRetry | Unset | None = UNSET,
    ) -> Self:
        """A client with other options and the same connections, for some calls or only one.

        >>> dataset = await api.datasets.get_dataset(client.with_options(timeout=5), "a-slug")

        It lives as long as the client that it is made from, and is not entered itself. The
        arguments are those of :class:`Client`; what is not given stays as it is. A ``rate`` is for
        the calls of the new client alone, beside those of the other.

        Raises:
            ValueError: ``lang`` is no language, or a number is not positive.
        """
        options = self._options
        if timeout is not UNSET:
            options = evolve(options, timeout=read_timeout(timeout))
        if retry is not UNSET:
            options = evolve(options, retry=read_retry(retry))
        if rate is not UNSET:
            options = evolve(options, line=read_rate(rate))
        if lang is not UNSET:
            options = evolve(options, lang=read_lang(lang))
        if on_response is not UNSET:
            options = evolve(options, on_response=on_response)
        if on_retry is not UNSET:
            options = evolve(options, on_retry=on_retry)
        derived = copy(self)
        derived._options = options
        derived._is_derived = True
        return derived

    @property
    def has_key(self) -> bool:
        """Whether calls are made with an API key."""
        return bool(self._key)

    def observed(self, *, on_response: OnResponse, on_retry: OnRetry) -> Self:
        """A client as of :meth:`with_options` that calls these besides those that it has."""
        theirs = self._options

        def responded(response: _http.Response) -> None:
            on_response(response)
            if theirs.on_response is not None:
                theirs.on_response(response)

        def retried(retry: Retry) -> None:
            on_retry(retry)
            if theirs.on_retry is not None:
                theirs.on_retry(retry)

        return self.with_options(on_response=responded, on_retry=retried)

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
        try:
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            await session.aclose()

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start a task of its own, which does not outlive the client."""
        task = asyncio.create_task(work)
        self._pool.tasks.add(task)
        task.add_done_callback(self._pool.forget)
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
        return await self.read(call, lambda response: response)

    async def read(self, call: Call, read: Callable[[_http.Response], T]) -> T:
        """Make a call and read its answer, again if what has come is cut off.

        Args:
            call: What to call.
            read: Makes of the answer what is wanted, or raises a ``DecodeError``.

        Raises:
            DecodeError: What ``read`` raises.
            APIError, NetworkError, MaskError, ValueError, RuntimeError: See :meth:`request`.
        """
        return await self._pipeline().request(call, read)

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncGenerator[_http.Response]:
        """Make a call and leave the body of the answer to be read; raises as :meth:`request`."""
        async with self._pipeline().stream(call) as response:
            yield response

    async def chunks(self, response: _http.Response) -> AsyncIterator[bytes]:
        """The body of an answer of :meth:`stream`, as it arrives.

        Raises:
            NetworkError: It breaks off.
        """
        async for chunk in self._pool.open().chunks(response):
            yield chunk

    def _pipeline(self) -> Pipeline:
        session = self._pool.open()
        return Pipeline(self._portal, self._key, session, self._pool.limits, self._options)


def _root(base_url: str) -> _http.URL:
    url = _http.parse_url(base_url)
    if url.userinfo or url.query or url.fragment:
        raise ValueError("base_url must not contain a user, a password, a query or a fragment")
    path = url.path.rstrip("/") or "/api/1"
    return url.copy_with(path=f"{path}/")
