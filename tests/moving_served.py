"""A simulated portal whose list changes, served over HTTP to other processes and threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from aiohttp import web

from .moving import MovingPortal


@contextmanager
def served(portal: MovingPortal) -> Iterator[str]:
    """Serve a portal in a thread during the block, and yield its URL."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def answer(request: web.Request) -> web.Response:
        headers = {key: value for key, value in request.headers.items() if key != "Host"}
        portal.requests += 1
        answered = await portal.answer(httpx.Request("GET", str(request.url), headers=headers))
        return web.Response(
            status=answered.status_code, body=answered.content, content_type="application/json"
        )

    async def start() -> tuple[web.AppRunner, str]:
        app = web.Application()
        app.router.add_get("/{path:.*}", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner, f"http://127.0.0.1:{runner.addresses[0][1]}/"

    runner, url = asyncio.run_coroutine_threadsafe(start(), loop).result()
    try:
        yield url
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
