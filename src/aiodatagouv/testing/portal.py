"""The portal in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from copy import deepcopy
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve

from .. import _http
from .._encoding.parameters import QueryValue
from .._fields import mask as masks
from .._http import Cut, Reply
from .._views.view import View
from ..client import Client
from ..errors import DecodeError, MaskError
from ..models import Site
from ..operation import Operation
from ..types import JsonObject
from . import _lists, _writes
from ._masks import masked
from ._objects import Objects, check_names
from ._recorded import RecordedRequest, recorded_of
from ._refusals import RefusedError
from ._roles import Act, acts, kinds, place_of, route
from ._script import (
    Fault,
    Stated,
    body_of_fault,
    check_fault,
    known,
    plain,
    plain_url,
    reply_of,
    state,
    target_of,
)
from .errors import UnansweredError

if TYPE_CHECKING:
    from .._events import OnResponse, OnRetry
    from ..rate import Rate
    from ..retry import RetryPolicy

V = TypeVar("V", bound=View)

_NOT_FOUND = {"message": "The requested URL was not found on the server."}
_NO_KEY = {"message": "The server could not verify that you are authorized to access the URL."}


class FakePortal:
    """A portal in memory, for tests: no network, no other process.

    >>> portal = FakePortal()
    >>> portal.add(models.Dataset, title="Vélos")
    >>> async with portal.client() as client:
    ...     dataset = await api.datasets.get_dataset(client, "velos")

    Its key is an administrator's: with it, private, archived and deleted objects are seen too. An
    operation that it cannot carry out as a real portal does raises an :class:`UnansweredError`,
    until a test states the answer.

    Attributes:
        url: The root of the portal.
        api_key: The key that it accepts.
        requests: The requests that it has received.
        transport: The httpx transport, for ``Client(transport=...)``.
    """

    def __init__(self) -> None:
        self.url = "https://portal.example/"
        self.api_key = "fake-api-key"
        self.requests: list[RecordedRequest] = []
        self.transport = _http.MemoryTransport(self._answer)
        self._objects = Objects(self.url)
        self._faults: list[Fault] = []
        self._stated: list[Stated] = []
        # What a portal says of itself: a harvest into a table asks for it.
        release = known("get_site").releases[0]
        self.answer("get_site", self._objects.whole(Site, {"title": "Portal", "version": release}))
        for version in (1, 2):
            self.answer(f"GET {self.url}api/{version}/swagger.json", _NOT_FOUND, status=404)

    def client(
        self,
        *,
        api_key: str | None = None,
        retry: RetryPolicy | None = None,
        rate: float | Rate | None = None,
        timeout: float | None = 30,
        max_connections: int = 16,
        on_response: OnResponse | None = None,
        on_retry: OnRetry | None = None,
    ) -> Client:
        """Make a client of the portal, which by default has no rate limit and makes no call again.

        A client with other arguments is ``Client(base_url=portal.url, transport=portal.transport)``
        with them.

        Args:
            api_key: The key; None for no key, whatever the environment says.
            retry: As of :class:`Client`.
            rate: As of :class:`Client`.
            timeout: As of :class:`Client`.
            max_connections: As of :class:`Client`.
            on_response: As of :class:`Client`.
            on_retry: As of :class:`Client`.
        """
        return Client(
            api_key=api_key or "",
            base_url=self.url,
            transport=self.transport,
            retry=retry,
            rate=rate,
            timeout=timeout,
            max_connections=max_connections,
            on_response=on_response,
            on_retry=on_retry,
        )

    def replacing_network(self) -> AbstractContextManager[None]:
        """Answer all clients without a transport of their own, for code that makes its client.

        >>> with portal.replacing_network():
        ...     await code_under_test()
        """
        return _http.replaced(self.transport)

    def add(self, model: type[V] | V, /, **fields: Any) -> V:
        """Add an object: of a model with some fields, or one as a portal has answered it.

        >>> portal.add(models.Dataset, title="Vélos", tags=["velo"], organization=nantes)
        >>> portal.add(models.Dataset.from_dict(recorded))
        >>> portal.add(velos, title="Trains")

        Args:
            model: The model; or an object, which is kept as it is but for the fields that are
                given, in place of the one with its id.
            fields: The fields, as JSON or as the client's own values; those of an object inside
                it as a dictionary: ``resources=[{"title": "Stops"}]``. All others get the value
                that they usually have: null, nothing, an id, a slug, a date.

        Returns:
            The object as it is answered.

        Raises:
            ValueError: The portal has no such objects, or a field is unknown or of another type.
        """
        owner = model if isinstance(model, type) else type(model)
        kind = next((name for name, one in kinds().items() if issubclass(owner, one)), None)
        if kind is None:
            place = place_of(owner)
            known = f"add one of {', '.join(sorted(kinds()))}"
            hint = f"give its fields in {place}, or {known}" if place else known
            raise ValueError(f"no operation reads a {owner.__name__} by its id: {hint}")
        check_names(owner, fields)
        if isinstance(model, type):
            added = self._objects.make(kind, fields, has_texts=True)
        else:
            added = {**model.to_dict(), **self._objects.changed(owner, fields)}
            if fields:
                moment = {key: self._objects.now() for key in _writes.CHANGED if key in added}
                added |= {key: one for key, one in moment.items() if key not in fields}
        view = owner.from_dict(added)
        try:
            view.check()
        except DecodeError as error:
            raise ValueError(f"{owner.__name__}: {error}") from None
        if not isinstance(added.get("id"), str):
            raise ValueError(f"{owner.__name__}: an object to add needs its id")
        plain(added, f"{owner.__name__}: ")  # Raises an error for what is no JSON.
        # A copy: the caller has the object as it is now.
        self._objects.put(kind, deepcopy(added))
        return view

    def answer(
        self,
        target: str,
        answer: Any,
        /,
        *,
        status: int | None = None,
        parameters: Mapping[str, QueryValue] | None = None,
    ) -> None:
        """State the answer of an operation, or of any URL.

        >>> portal.answer("suggest_tags", [{"text": "velo"}])
        >>> portal.answer("v2.search_datasets", [velos], parameters={"q": "vélo"})
        >>> portal.answer("GET https://files.example/stops.csv", b"name;lat")

        The answers stated last count.

        Args:
            target: The name of an operation, or a method and a URL. One without a query is for all
                queries.
            answer: Models or JSON, as they are now; text or bytes for a stream; the objects of all
                pages for a list; the target for a redirect.
            status: The status; None for the usual one, with which a redirect redirects.
            parameters: The values of parameters in the path or query, as the function of the
                operation takes them; only calls with them get the answer.

        Raises:
            ValueError: There is no such operation, it has no such parameters, the URL is none, the
                answer is not JSON, or there is no such status.
        """
        self._stated.insert(0, state(target, answer, status, parameters or {}))

    def script(
        self,
        operation: str | None,
        *,
        status: int = 0,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        retry_after: int | None = None,
        cut: Cut | None = None,
        delay: float = 0.0,
        times: int | None = None,
    ) -> None:
        """Let an operation fail, or be slow.

        >>> portal.script("get_dataset", status=429, retry_after=2, times=1)
        >>> portal.script("list_datasets", cut="body", times=1)

        Faults of one operation take turns in the order in which they are stated.

        Args:
            operation: Its name, or a method and a URL as for :meth:`answer`; None for all requests.
            status: The status instead of an answer, with ``json`` as its body; nothing is carried
                out.
            json: The body that comes with the status.
            headers: The headers that come with the status, such as ``X-RateLimit-Remaining``.
            retry_after: The seconds of ``Retry-After``.
            cut: The part of the answer in which the connection closes: ``"head"`` or ``"body"``.
                Without a status, the operation has been carried out before.
            delay: The seconds until the answer, by the clock of the event loop. Beyond the
                client's timeout, it has a timeout.
            times: The number of calls, None for all.

        Raises:
            ValueError: There is no such operation, nothing to happen, or no such status, header,
                cut, delay or number of times.
        """
        check_fault(status, headers, retry_after, cut, delay, times)
        if not status and cut is None and not delay:
            raise ValueError("script: give a status, a cut or a delay")
        if not status and not (json is None and headers is None and retry_after is None):
            raise ValueError("script: json, headers and retry_after need a status")
        given = dict(headers or {})
        if retry_after is not None:
            given["Retry-After"] = str(retry_after)
        reply = reply_of(status, body_of_fault(status) if json is None else plain(json), given)
        target = None if operation is None else target_of(operation)
        self._faults.append(Fault(target, evolve(reply, delay=delay, cut=cut), times))

    def _answer(self, request: _http.Request) -> Reply:
        found = route(request.method, request.url.raw_path.decode().partition("?")[0])
        recorded = recorded_of(request, found)
        self.requests.append(recorded)
        # Addresses first: another host may have the paths of a portal.
        addresses = [f"{request.method} {one}" for one in (plain_url(request.url), recorded.url)]
        targets = [*addresses, recorded.operation or ""]
        fault = next((one for one in self._faults if one.takes(targets)), None)
        if fault is not None and fault.reply.status:
            return fault.reply
        reply = self._without_fault(request, recorded, found[0] if found else None, targets)
        # The time by the clock of the objects: a harvest asks for the changes since.
        date = format_datetime(self._objects.clock(), usegmt=True)
        reply = evolve(reply, headers={"Date": date, **reply.headers})
        if fault is not None:
            reply = evolve(reply, delay=fault.reply.delay, cut=fault.reply.cut)
        return reply

    def _without_fault(
        self,
        request: _http.Request,
        recorded: RecordedRequest,
        operation: Operation | None,
        targets: Sequence[str],
    ) -> Reply:
        key = request.headers.get("X-API-KEY")
        if operation is not None and key not in (None, self.api_key):
            return reply_of(401, {"message": "Invalid API token"})
        target = operation.name if operation else f"{recorded.method} {recorded.url}"
        given = {**recorded.query, **{name: [one] for name, one in recorded.parameters.items()}}
        fitting = (one for each in targets for one in self._stated if one.is_for(each, given))
        stated = next(fitting, None)
        act = acts().get(target)
        try:
            if stated is not None:
                return self._as_stated(stated, operation, recorded)
            if operation is None or act is None:
                others = any(one.target == target for one in self._stated)
                raise UnansweredError(
                    f"the portal in memory cannot answer {target}: state its answer by "
                    f"FakePortal.answer({target!r}, ...)"
                    + ("; those stated are for other parameters" if others else "")
                )
            status, value = self._carried_out(act, recorded)
            return Reply(204) if value is None else _masked(status, value, recorded.fields)
        except RefusedError as error:
            return reply_of(error.status, error.body)
        except MaskError as error:
            return reply_of(400, {"message": f"Mask error: {error}"})

    def _as_stated(
        self, stated: Stated, operation: Operation | None, recorded: RecordedRequest
    ) -> Reply:
        answer, status = stated.answer, stated.status or 200
        if answer is None:
            return Reply(stated.status or 204)
        if operation is not None and operation.kind == "redirect" and status < 400:
            return Reply(stated.status or 302, {"Location": str(answer)})
        if isinstance(answer, bytes) or (
            isinstance(answer, str) and (operation is None or operation.kind == "stream")
        ):
            media_type = operation.media_type if operation else "application/octet-stream"
            content = answer if isinstance(answer, bytes) else answer.encode()
            return Reply(status, {"Content-Type": media_type}, content)
        if operation is not None and operation.kind == "page" and isinstance(answer, list):
            answer = _lists.page_of(answer, recorded.query, recorded.url)
            if answer is None:
                return reply_of(404, _NOT_FOUND)
        return _masked(status, answer, recorded.fields)

    def _carried_out(self, act: Act, recorded: RecordedRequest) -> tuple[int, Any]:
        """Carry an operation out: the status and the JSON of its answer, None for an empty one."""
        body, role = recorded.body, act.role
        if role in ("create", "update", "delete") and not recorded.has_key:
            return 401, _NO_KEY
        if role == "list":
            objects = self._objects.of(act.kind)
            seen = [one for one in objects if recorded.has_key or _lists.is_public(one)]
            found = _lists.listed(act.operation, act.model, seen, recorded.query)
            page = _lists.page_of(found, recorded.query, recorded.url)
            return (404, _NOT_FOUND) if page is None else (200, page)
        names = list(recorded.parameters.values())
        if not names:
            return 201, _writes.create(self._objects, act, None, body)
        value = self._objects.find(act.kind, names[0])
        if value is None or (value.get("private") and not recorded.has_key):
            return 404, _NOT_FOUND
        if _lists.is_deleted(value) and not recorded.has_key:
            raise _writes.gone(act)
        if act.field is not None and role == "create":
            return 201, _writes.create(self._objects, act, value, body)
        parent, part = (value, value) if act.field is None else (value, _part(value, act, names[1]))
        if part is None:
            return 404, _NOT_FOUND
        if role == "update":
            return 200, _writes.update(self._objects, act, part, body)
        if role == "delete":
            _writes.delete(self._objects, act, parent, part)
            return 204, None
        return 200, part


def _part(value: JsonObject, act: Act, id_: str) -> JsonObject | None:
    parts: list[JsonObject] = value.get(act.field or "") or []
    return next((one for one in parts if one["id"] == id_), None)


def _masked(status: int, value: Any, fields: str | None) -> Reply:
    if fields and status < 400:  # Errors are whole.
        value = masked(value, masks.parse(fields))
    return reply_of(status, value)
