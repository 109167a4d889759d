"""A server of recorded answers, where nginx is not installed: `static_portal.py PORT FOLDER`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import cast

HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n"
MISSING = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


def answers_in(folder: Path) -> dict[bytes, bytes]:
    """Return the whole answer of each path."""
    answers = dict[bytes, bytes]()
    for file in folder.rglob("index.json"):
        content = file.read_bytes()
        path = f"/{file.parent.relative_to(folder).as_posix()}/".encode()
        answers[path] = HEAD.format(len(content)).encode() + content
    return answers


class Connection(asyncio.Protocol):
    """A connection, which stays open. Requests have no body.

    Args:
        answers: The answer of each path.
    """

    def __init__(self, answers: dict[bytes, bytes]) -> None:
        self._answers = answers
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        *heads, self._received = (self._received + data).split(b"\r\n\r\n")
        for head in heads:
            path = head.split(b" ", 2)[1].partition(b"?")[0]
            self._transport.write(self._answers.get(path, MISSING))


async def serve(port: int, folder: Path) -> None:
    """Serve until the process is stopped."""
    answers = answers_in(folder)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(answers), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
