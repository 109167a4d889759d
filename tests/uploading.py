"""A portal in memory that takes uploads as the real one does, and fails by a script."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import itertools
import json
from collections import Counter
from collections.abc import Callable
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl

import httpx

from aiodatagouv import Client

from .clients import client_of

EPOCH = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)

JSON = dict[str, Any]

_numbers = itertools.count()


class Scripted:
    """A dataset named ``velos``, and what becomes of the requests for it.

    Attributes:
        script: The kind of a request (``part``, ``create``, ``look``, ``title``, ``delete``) -> the
            fates of the first ones of that kind, in this order; the others are answered.
        done: How many requests of each kind there were.
        resources: The resources, newest first.
        contents: The id of a resource -> the content of its file.
        parts: The parts that are there: their upload and their index -> their content.

    The fates: ``lost`` (before it arrives), ``unanswered`` (carried out, without an answer),
    ``late`` (carried out three seconds after the connection has broken), ``slow`` (carried out
    after three seconds), ``held`` (carried out, and answered after three seconds), ``wrong``
    (another content is stored), ``overtaken`` (another program makes the same request before, in
    this second), ``failed`` (carried out, and answered with the status 500), or a status, with
    which it is refused.
    """

    def __init__(self, **script: list[str | int]) -> None:
        self.script = script
        self.done: Counter[str] = Counter()
        self.resources: list[JSON] = []
        self.contents: dict[str, bytes] = {}
        self.parts: dict[tuple[str, int], bytes] = {}
        self.extensions = ["csv", "zip"]
        self._paths: set[str] = set()
        self._made = 0
        self._url = f"https://portal{next(_numbers)}.example"

    def client(self, **options: Any) -> Client:
        """A client of the portal, with the usual retry policy unless another one is given."""
        transport = httpx.MockTransport(self._answer)
        options = {"retry": None, "rate": None, "api_key": "the-key", **options}
        return client_of(self._url, transport=transport, **options)

    def add(self, content: bytes, name: str, title: str | None = None) -> JSON:
        """Create a resource; two files of one name are refused within a second."""
        path = f"{self._now():%Y%m%d-%H%M%S}/{name}"
        if path in self._paths:
            raise FileExistsError(path)
        self._paths.add(path)
        self._made += 1
        resource = {
            "id": f"r{self._made}",
            "title": title or name,
            "created_at": self._now().isoformat(),
            **self._file(content, path),
        }
        self.contents[resource["id"]] = content
        self.resources.insert(0, resource)
        return resource

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        kind, act = self._action(request, body)
        self.done[kind] += 1
        fates = self.script.get(kind, [])
        fate = fates[self.done[kind] - 1] if self.done[kind] <= len(fates) else "answered"
        if isinstance(fate, int):
            return self._says(fate, {"message": "refused"})
        if fate == "lost":
            raise httpx.ReadError("lost")
        if fate == "late":
            asyncio.get_running_loop().call_later(3, self._tried, act)
            raise httpx.ReadError("broken")
        if fate == "slow":
            await asyncio.sleep(3)
        answer = self._tried(act)
        if fate == "held":
            await asyncio.sleep(3)
        if fate == "overtaken":
            return self._tried(act)
        if fate == "failed":
            return self._says(500, {"message": "Internal Server Error"})
        if fate == "unanswered":
            raise httpx.ReadError("unanswered")
        if fate == "wrong" and answer.is_success:
            resource = json.loads(answer.content)
            self.contents[resource["id"]] = b"wrong"
            resource |= self._file(b"wrong", resource["url"])
            self.resources = [
                resource if one["id"] == resource["id"] else one for one in self.resources
            ]
            return self._says(201, resource)
        return answer

    def _tried(self, act: Callable[[], JSON | list[str] | None]) -> httpx.Response:
        try:
            answer = act()
        except (FileExistsError, KeyError):
            return self._says(500, {"message": "Internal Server Error"})
        except LookupError:
            return self._says(404, {"message": "not there"})
        return self._says(200, answer)

    def _action(
        self, request: httpx.Request, body: bytes
    ) -> tuple[str, Callable[[], JSON | list[str] | None]]:
        method, path = request.method, request.url.path.removeprefix("/api/1/datasets/")
        if path == "extensions/":
            return "extensions", lambda: self.extensions
        if path == "velos/":
            return "look", lambda: {"id": "velos", "resources": self.resources}
        _, *rest = path.strip("/").split("/")
        id = rest[1] if len(rest) > 1 else None
        if rest[-1] == "upload":
            form = _form(request.headers["Content-Type"], body)
            if "partindex" in form:
                return "part", lambda: self._keep(form)
            return "create", lambda: self._store(form, id)
        assert id is not None
        if method == "GET":
            return "get", lambda: self._found(id)
        if method == "PUT":
            return "title", lambda: self._changed(id, json.loads(body))
        assert method == "DELETE"
        return "delete", lambda: self._removed(id)

    def _keep(self, form: dict[str, bytes]) -> JSON:
        part = form["uuid"].decode(), int(form["partindex"])
        if part in self.parts:
            raise FileExistsError(part)
        assert len(form["file"]) == int(form["chunksize"])
        assert int(form["totalparts"]) > 1
        self.parts[part] = form["file"]
        return {"success": True}

    def _store(self, form: dict[str, bytes], id: str | None) -> JSON:
        name = (form.get("filename") or form["file name"]).decode().lower()
        if "file" in form:
            content = form["file"]
        else:
            keys = [(form["uuid"].decode(), index) for index in range(int(form["totalparts"]))]
            content = b"".join([self.parts[key] for key in keys])
        if id is None:
            resource = self.add(content, name)
        else:
            path = f"{self._now():%Y%m%d-%H%M%S}/{name}"
            resource = self._changed(id, {"title": name, **self._file(content, path)})
            self.contents[id] = content
        if "file" not in form:
            for key in keys:
                del self.parts[key]
        return {**resource, "success": True}

    def _file(self, content: bytes, path: str) -> JSON:
        return {
            "url": f"{self._url}/files/{path}",
            "filesize": len(content),
            "checksum": {"type": "sha1", "value": hashlib.sha1(content).hexdigest()},
        }

    def _found(self, id: str) -> JSON:
        found = [one for one in self.resources if one["id"] == id]
        if not found:
            raise LookupError(id)
        return found[0]

    def _changed(self, id: str, changes: JSON) -> JSON:
        self._found(id).update(changes)
        return self._found(id)

    def _removed(self, id: str) -> None:
        self.resources.remove(self._found(id))

    def _now(self) -> dt.datetime:
        return EPOCH + dt.timedelta(seconds=asyncio.get_running_loop().time())

    def _says(self, status: int, answer: JSON | list[str] | None) -> httpx.Response:
        headers = {"Date": format_datetime(self._now(), usegmt=True)}
        return httpx.Response(status, json=answer, headers=headers)


def _form(kind: str, body: bytes) -> dict[str, bytes]:
    """Parse a form; the name of a file is under ``file name``."""
    if kind == "application/x-www-form-urlencoded":  # Without a file.
        return {name.decode(): value for name, value in parse_qsl(body)}
    boundary = b"--" + kind.partition("boundary=")[2].encode()
    form = dict[str, bytes]()
    for one in body.split(boundary)[1:-1]:
        head, _, content = one.partition(b"\r\n\r\n")
        name = head.partition(b'name="')[2].partition(b'"')[0].decode()
        form[name] = content[:-2]
        if b'filename="' in head:
            form["file name"] = head.partition(b'filename="')[2].partition(b'"')[0]
    return form
