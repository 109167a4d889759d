"""The transports of a client: to the portal, aiohttp's sockets by default, and to other hosts."""

from __future__ import annotations

import functools
import ssl
from collections.abc import Callable

import aiohttp
import yarl
from httpx import URL, AsyncBaseTransport
from httpx_aiohttp import AiohttpTransport

from .._checks import check_count, check_text
from .outside import Outside
from .proxied import ProxiedTransport, watch
from .proxies import Proxy
from .replacement import Replaceable
from .trust import Verify, context_of, default_context
from .urls import is_private


def transports(
    portal: URL,
    transport: AsyncBaseTransport | None,
    max_connections: int,
    user_agent: str,
    proxy: Proxy,
    verify: Verify,
    *,
    has_key: bool,
) -> tuple[Callable[[], AsyncBaseTransport], Outside]:
    """Check how a portal is to be reached.

    Returns:
        The function that makes the transport, and the connections to other hosts.

    Raises:
        TypeError: The transport is none, or none for asyncio.
        ValueError: The key would be sent in clear text, the proxy, the certificates or the user
            agent cannot be used, or the pool has no connection.
    """
    if has_key and not is_private(portal):
        raise ValueError(
            f"base_url: {portal}: an API key is only sent over https or to this machine"
        )
    check_text("user_agent", user_agent)
    if not (user_agent.isascii() and user_agent.isprintable()):
        raise ValueError(f"user_agent is {user_agent!r}: a header must be plain ASCII")
    check_count("max_connections", max_connections)
    if transport is not None:
        if not isinstance(transport, AsyncBaseTransport):
            raise TypeError(
                f"transport is {transport!r}: it must be an asynchronous transport of httpx"
            )
        if (proxy.is_given and proxy) or verify is not True:
            raise ValueError("proxy and verify have no effect on a transport: configure it instead")
        return lambda: transport, Outside(user_agent, transport=transport)
    used, context = proxy.check(portal.scheme, has_key=has_key), context_of(verify)
    outside = Outside(user_agent, proxy=proxy, context=context)
    make = functools.partial(default_transport, max_connections, used, context)
    return lambda: Replaceable(make), outside


def default_transport(
    max_connections: int, proxy: Proxy | None = None, context: ssl.SSLContext | None = None
) -> AsyncBaseTransport:
    """Make a transport; without a context it trusts the default authorities."""
    context = context or default_context()

    @functools.cache
    def session() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=max_connections, ssl=context),
            cookie_jar=aiohttp.DummyCookieJar(),
            # Else a .netrc file would add passwords of its own.
            trust_env=False,
            middlewares=(_quote_question_marks,),
            trace_configs=[] if proxy is None else [watch()],
        )

    direct = AiohttpTransport(verify=context, client=session)
    return direct if proxy is None else ProxiedTransport(proxy, direct, context, session)


async def _quote_question_marks(
    request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    # aiohttp does not escape those in a query, and udata 14.13.0 takes them for a second query.
    url = request.url
    if "?" in url.raw_query_string:
        request.url = yarl.URL.build(
            scheme=url.scheme,
            authority=url.raw_authority,
            path=url.raw_path,
            query_string=url.raw_query_string.replace("?", "%3F"),
            encoded=True,
        )
    return await send(request)
