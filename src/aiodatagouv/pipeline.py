"""The one way that every call goes: paced, sent, redirected, made again when that helps, logged."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from attrs import frozen

from . import _http, auth, errors, masks, redirects
from ._model import to_json
from .types import File

if TYPE_CHECKING:
    from .operation import Call
    from .options import Options

_log = logging.getLogger("aiodatagouv")


@frozen
class Pipeline:
    """How calls reach a portal.

    Attributes:
        portal: The root of the portal's API.
        key: The key for it.
        session: The connections to it.
        options: What the caller wants of them.
    """

    portal: _http.URL
    key: auth.ApiKey
    session: _http.Session
    options: Options

    async def request(self, call: Call) -> _http.Response:
        """Make a call and read the whole answer."""

        async def whole(attempt: int) -> _http.Response:
            async with self._answer(call, attempt) as response:
                await self.session.read(response)
                return response

        response = _http.rewritten(await self._persist(call, whole), self.key.struck_out)
        self._hand_out(response)
        return response

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncGenerator[_http.Response]:
        """Make a call and leave the body of the answer to be read."""
        async with AsyncExitStack() as stack:

            async def begun(attempt: int) -> _http.Response:
                return await stack.enter_async_context(self._answer(call, attempt))

            response = await self._persist(call, begun)
            self._hand_out(response)
            yield response

    async def _persist(
        self, call: Call, make: Callable[[int], Awaitable[_http.Response]]
    ) -> _http.Response:
        """Make a call until it succeeds or the policy gives up."""
        policy = self.options.retry if _can_be_repeated(call) else None
        clock = asyncio.get_running_loop().time
        failed: float | None = None
        attempt = 1
        while True:
            try:
                return await make(attempt)
            except (errors.APIError, errors.NetworkError) as error:
                wait = None
                failed = clock() if failed is None else failed
                if policy is not None:
                    wait = policy.wait(
                        call.operation,
                        error,
                        attempt=attempt,
                        elapsed=clock() - failed,
                        jitter=random.random(),
                    )
                if wait is None:
                    raise
            await self.session.until_closed(partial(asyncio.sleep, wait))
            attempt += 1

    @asynccontextmanager
    async def _answer(self, call: Call, attempt: int) -> AsyncGenerator[_http.Response]:
        """The answer to a call, wherever the portal redirects to, its body still to be read."""
        url = self._url(call)
        headers, content = _headers(call), _content(call)
        key = self.key
        for hops in count():
            sent = self._send(call, attempt, url, key, headers=headers, **content)
            async with sent as response:
                target = redirects.next_url(call.operation, response, self.portal, hops)
                if target is None:
                    if not _is_answer(call, response):
                        raise await self._failure(call, response)
                    yield response
                    return
            if not _can_be_repeated(call):
                raise redirects.refused(
                    call.operation, response, self.portal, "redirected after its file was read"
                )
            if auth.origin(target) != auth.origin(self.portal):
                # Nor does the key come back for an address that another origin has chosen.
                key = auth.ApiKey("")
            url = target

    @asynccontextmanager
    async def _send(
        self, call: Call, attempt: int, url: _http.URL, key: auth.ApiKey, **content: Any
    ) -> AsyncGenerator[_http.Response]:
        """Send one request when its turn comes, and log what became of it."""
        if self.options.limiter is not None:
            await self.session.until_closed(self.options.limiter.wait)
        operation = call.operation
        request = self.session.request(
            operation.id, operation.method, url, timeout=self.options.timeout, **content
        )
        outcome, size = "no answer", 0
        start = time.perf_counter()
        try:
            async with self.session.send(request, key.headers(url, self.portal)) as response:
                outcome = str(response.status_code)
                try:
                    yield response
                finally:
                    size = response.num_bytes_downloaded
        finally:
            took = (time.perf_counter() - start) * 1000
            line = "%s: %s, attempt %d, %.0f ms, %d bytes"
            _log.debug(line, operation.id, outcome, attempt, took, size)

    async def _failure(self, call: Call, response: _http.Response) -> errors.APIError:
        await self.session.read(response)
        response = _http.rewritten(response, self.key.struck_out)
        self._hand_out(response)
        url = auth.shown(response.url, self.portal)
        return errors.from_response(call.operation, response, url)

    def _url(self, call: Call) -> _http.URL:
        url = self.portal.join(call.url())
        pairs = call.query_pairs()
        if self.options.lang is not None:
            pairs.append(("lang", self.options.lang))
        return url.copy_with(params=pairs) if pairs else url

    def _hand_out(self, response: _http.Response) -> None:
        if self.options.on_response is not None:
            self.options.on_response(response)


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


def _can_be_repeated(call: Call) -> bool:
    """Whether its body is still there after it was sent: a file may be one that cannot go back."""
    if call.body is None or not call.operation.multipart:
        return True
    values = to_json(call.body).values()
    contents = [one.content for one in values if isinstance(one, File)]
    return all(isinstance(one, bytes) or one.seekable() for one in contents)


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
