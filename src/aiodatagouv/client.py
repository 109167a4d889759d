"""The client: its configuration, its life, and calls of endpoints that have no function."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from ._call.caller import Caller
from ._http.portals import DEMO, PRODUCTION, portal_of
from ._unset import UNSET, Unset
from .rate import RATE
from .version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from . import _http
    from ._encoding.parameters import QueryValue
    from ._events import OnResponse, OnRetry
    from ._http.trust import Verify
    from .portal import Portal
    from .rate import Rate
    from .retry import RetryPolicy

__all__ = ["DEMO", "PRODUCTION", "Client"]


class Client(Caller):
    """A portal and the connections to it. One for a whole program; usable from many tasks.

    >>> async with Client() as client:
    ...     dataset = await api.datasets.get_dataset(client, "a-slug")

    Without ``async with`` the first call opens it, and :meth:`aclose` closes it.

    Args:
        api_key: The API key. When None, that of the environment variable ``DATAGOUV_API_KEY``; when
            empty, none.
        base_url: The root of the portal, below which its APIs are (``api/1/`` at its end makes no
            difference), ``production`` or ``demo``. When None, the environment variable
            ``DATAGOUV_PORTAL``, or data.gouv.fr.
        timeout: Seconds without any byte after which an attempt fails, or httpx's own ``Timeout``;
            None for no limit. By default 10 to connect and 30 otherwise. Waiting for a free
            connection does not count, unless that ``Timeout`` says so.
        retry: When a failed call is made again, by default as ``RetryPolicy()`` says. None for
            never; then a time that the portal asks to wait is a ``RateLimitedError`` at once.
        rate: The requests a second that all calls together may make, 5 by default. After a pause
            some are sent at once, at most ten within a second; a :class:`Rate` says how many.
            ``"auto"`` finds out how many the portal accepts: it starts with 25 and sends more until
            some are answered 429. None for no limit.
        max_connections: How many requests may be in flight at once, each on its own connection.
        proxy: The URL of an http or https proxy, for every request. When None, that of the
            environment for https portals: ``HTTPS_PROXY`` or ``ALL_PROXY``, but for the hosts in
            ``NO_PROXY``; when empty, none.
        verify: The certificate authorities to trust, as a file, a directory or an ``SSLContext``.
            When True, ``SSL_CERT_FILE``, ``SSL_CERT_DIR``, ``REQUESTS_CA_BUNDLE``,
            ``CURL_CA_BUNDLE`` or certifi's; when False, no certificate is checked.
        transport: The httpx transport to use instead of httpx-aiohttp, for tests: that of
            ``aiodatagouv.testing.FakePortal``, or any other. respx and pytest-httpx do not see
            requests of the default one.
        user_agent: The ``User-Agent`` header.
        lang: The language of labels and messages, such as ``fr``; None for the portal's own.
        max_size: The most bytes, decompressed, of an answer that is read at once, 256 MiB by
            default; a longer one is a ``DecodeError``. None for no limit. A ``Stream`` has none.
        max_time: Seconds that an answer may take to arrive, 4 hours by default, however steadily
            it comes; the time in which the reader of a ``Stream`` does something else is left out.
            None for no limit.
        on_response: Called with the ``httpx.Response`` of every attempt before it is decoded or
            raised as an error; of a ``Stream`` before its body is read. Redirects that are followed
            are left out.
        on_retry: Called with a :class:`Retry` before the wait for another attempt.

    Raises:
        ValueError: ``base_url`` is not a URL, the key cannot be sent or would be sent in clear
            text, the proxy or the certificates cannot be used, ``lang`` is not the code of a
            language, or a number is not positive.
        TypeError: ``retry`` is not a policy.
    """

    _default_portal: ClassVar[str | None] = PRODUCTION
    """The portal when neither ``base_url`` nor the environment names one."""

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float | _http.Timeout | Unset | None = UNSET,
        retry: RetryPolicy | Unset | None = UNSET,
        rate: float | Rate | Literal["auto"] | None = RATE,
        max_connections: int = 16,
        proxy: str | None = None,
        verify: Verify = True,
        transport: _http.AsyncBaseTransport | None = None,
        user_agent: str = f"aiodatagouv/{__version__}",
        lang: str | None = None,
        max_size: int | None = 256 << 20,
        max_time: float | None = 4 * 3600.0,
        on_response: OnResponse | None = None,
        on_retry: OnRetry | None = None,
    ) -> None:
        # The HTTP libraries are slow to import: the first client loads them, not this module.
        from ._call.auth import ApiKey
        from ._call.options import Options
        from ._call.session import Session
        from ._call.shared import Shared
        from ._http.proxies import Proxy
        from ._http.transport import transports
        from ._limits.gate import Gate

        key, found = ApiKey.find(api_key), Proxy.find(proxy)
        del api_key, proxy  # A traceback shows the local variables.
        key.check()
        portal = portal_of(base_url, self._default_portal)
        make, outside = transports(
            portal, transport, max_connections, user_agent, found, verify, has_key=bool(key)
        )
        if portal.scheme == "http":
            key.hide(found.password)
        gate = Gate(max_connections)
        shared = Shared(gate, lambda: Session(portal, key, make(), user_agent), outside)
        queues = gate.queues(rate)
        options = Options(timeout, retry, lang, max_size, max_time, on_response, on_retry, queues)
        super().__init__(portal, key, shared, options)

    def __repr__(self) -> str:
        # A traceback may show a client whose arguments were refused.
        portal = str(getattr(self, "_portal", ""))
        return f"Client(base_url={portal!r}, api_key={getattr(self, '_key', None)!r})"

    @property
    def base_url(self) -> str:
        """The root of the portal, such as ``https://www.data.gouv.fr/``."""
        return str(self._portal)

    def with_options(
        self,
        *,
        timeout: float | _http.Timeout | Unset | None = UNSET,
        retry: RetryPolicy | Unset | None = UNSET,
        rate: float | Rate | Literal["auto"] | Unset | None = UNSET,
        lang: str | Unset | None = UNSET,
        max_size: int | Unset | None = UNSET,
        max_time: float | Unset | None = UNSET,
        on_response: OnResponse | Unset | None = UNSET,
        on_retry: OnRetry | Unset | None = UNSET,
    ) -> Self:
        """Derive a client with other options and the same connections.

        >>> dataset = await api.datasets.get_dataset(client.with_options(timeout=5), "a-slug")

        It lives as long as the client that it is derived from, and is not entered itself. The
        arguments are those of :class:`Client`; those not given stay as they are. A ``rate`` comes
        on top of this client's; clients derived from it with the same rate share that rate. None
        adds no limit.

        Raises:
            ValueError: ``lang`` is not the code of a language, or a number is not positive.
            TypeError: ``retry`` is not a policy.
        """
        own = self._options.queues
        return self._derived(
            timeout=timeout,
            retry=retry,
            lang=lang,
            max_size=max_size,
            max_time=max_time,
            on_response=on_response,
            on_retry=on_retry,
            queues=own if isinstance(rate, Unset) else self._shared.gate.queues(rate, own),
        )

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, QueryValue] | None = None,
        json: Any = None,
        version: int = 1,
    ) -> _http.Response:
        """Call an endpoint that has no function, as every other call is made.

        >>> response = await client.request("GET", "some/path/", params={"page": 2})
        >>> response.json()

        Args:
            method: The HTTP method.
            path: The path below that API, percent-encoded where needed.
            params: The query parameters.
            json: The JSON body.
            version: The version of the API: ``<base_url>api/<version>/`` is its root.

        Returns:
            The ``httpx.Response``, its body read, with a status of success.

        Raises:
            APIError: The portal answers that the call failed.
            NetworkError: There is no answer, or only a part of it.
            ValueError: The path leads out of the API, or a parameter has an unsupported type.
            RuntimeError: The client is closed, or was opened in another event loop.
        """
        from ._call.call import prepare_path

        call = prepare_path(method, path, params, json, version=version)
        return await self._read(call, lambda one: one)

    async def portal(self) -> Portal:
        """The portal: its title, its release of udata, and the operations that it serves.

        >>> portal = await client.portal()
        >>> portal.release, portal.serves(ops.LIST_VISUALIZATIONS)

        The portal is asked once, by three requests, for this client and those derived from it.
        Calls ask as well when an operation seems to be missing, and at no other time.

        Raises:
            APIError: The portal fails, or refuses the API key.
            NetworkError: There is no answer, or only a part of it.
            RuntimeError: The client is closed, or was opened in another event loop.
        """
        fetch = partial(self._pipeline().document, retry=self._options.retry)
        return await self._shared.known.portal(self.base_url, fetch)

    async def __aenter__(self) -> Self:
        self._check_original("enter")
        if self._shared.is_closed or self._shared.session is not None:
            raise RuntimeError(
                "the Client was opened before: enter it once only, and before its first call"
            )
        self._shared.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._shared.close()

    async def aclose(self) -> None:
        """Close the connections; calls under way raise ``RuntimeError``. A second time is fine."""
        self._check_original("close")
        await self._shared.close()

    def _check_original(self, verb: str) -> None:
        if self._is_derived:
            raise RuntimeError(f"{verb} the Client that this one was derived from instead")
