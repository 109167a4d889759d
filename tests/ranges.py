"""A local server of one file, which answers ranges of it and counts the bytes that it sends."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Served:
    """A file that is served, and what was asked for it."""

    content: bytes
    url: str = ""
    #: bytes of the file that were sent
    sent: int = 0
    #: method and range of each request
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    #: the headers of all requests
    headers: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def serving(content: bytes) -> Iterator[Served]:
    """Serve a file as an object storage does: its size by HEAD, ranges of it, no web page."""
    served = Served(content)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self.answer(0, len(content), 200)

        def do_GET(self) -> None:
            found = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
            if found is None:
                self.answer(0, len(content), 200)
            elif found[1]:
                end = min(int(found[2] or len(content)) + 1, len(content))
                self.answer(int(found[1]), end, 206)
            else:
                self.answer(len(content) - int(found[2]), len(content), 206)

        def answer(self, start: int, end: int, status: int) -> None:
            served.asked.append((self.command, self.headers.get("Range")))
            served.headers.append(dict(self.headers))
            self.send_response(status)
            self.send_header("Content-Type", "binary/octet-stream")
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Last-Modified", "Wed, 01 Jul 2026 10:00:00 GMT")
            self.send_header("Content-Length", str(end - start))
            if status == 206:
                self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(content)}")
            self.end_headers()
            if self.command == "GET":
                served.sent += end - start
                self.wfile.write(content[start:end])

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{server.server_port}/table.parquet"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
