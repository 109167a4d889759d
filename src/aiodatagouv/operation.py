"""What is known of an operation of the API, and one call of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args, get_origin, get_type_hints
from urllib.parse import quote

from attrs import Factory, evolve, field, frozen

from . import masks
from ._declared import alternatives
from ._encoding import fits, to_json

if TYPE_CHECKING:
    from ._body import Body
    from ._view import View
    from .masks import Mask
    from .types import Fields, Id, JsonObject

Kind: TypeAlias = Literal["json", "page", "empty", "redirect", "stream"]
"""The kind of an operation's answer."""

QueryValue: TypeAlias = str | int | bool | dt.date | Sequence[str] | None
"""A query parameter: repeated when it is a sequence, not sent when it is None."""


@frozen
class Order:
    """An order that a list can be had in.

    Attributes:
        sort: What is sent as ``sort`` to have it upwards; a minus before it is for downwards.
        date: The dotted path, in each item, of the date that it goes by.
        written: That of the date when it was written last, where the other may stay as it is then.
    """

    sort: str
    date: str
    written: str | None = None


@frozen
class Parameter:
    """A parameter of an operation.

    Attributes:
        name: Its name in Python.
        place: The part of the request that it goes to.
        type: Its type as its function writes it, without None.
        required: Whether it must be given.
        description: The API's description, empty if there is none.
        key: Its name in the API.
    """

    name: str
    place: Literal["path", "query", "body"]
    type: str
    required: bool = False
    description: str = ""
    key: str = field(default=Factory(lambda self: self.name, takes_self=True))


@frozen
class Operation:
    """One operation of the API, as :data:`aiodatagouv.OPERATIONS` lists it.

    Attributes:
        id: Its name in the API.
        method: The HTTP method, upper case.
        path: The path below the API's root, with its parameters in braces.
        tag: The group it belongs to; the module of its function in ``aiodatagouv.api``.
        kind: What it answers: JSON, a page of a list, nothing, a redirect, or a stream of bytes.
        summary: What it does, in a line.
        name: The name of its function: the id, unless ``openapi/names.toml`` has a better one.
        description: The API's description beyond the summary, empty if there is none.
        parameters: Its parameters, in the order of its function.
        item: The model of the objects in the answer, when they have one.
        media_type: The media type of the answer; ``*/*`` when the call decides.
        masked: Whether the answer can be narrowed down to some ``fields``.
        multipart: Whether the body is sent as a form with files; JSON otherwise.
        creates: Whether it creates content, which a portal in read-only mode refuses with a 423.
        created: The order of creation, of a list that can be had in it.
        changed: The order of the latest changes likewise.
        lost: Fields of the body that an update without them takes away; of a group one is enough.
        releases: The pinned releases of udata that serve it, newest first.
        deprecated: The release of udata that dropped it.
    """

    id: str
    method: str
    path: str
    tag: str
    kind: Kind
    summary: str
    name: str = field(default=Factory(lambda self: self.id, takes_self=True))
    description: str = field(default="", repr=False)
    parameters: tuple[Parameter, ...] = field(default=(), repr=False)
    item: str | None = None
    media_type: str = "application/json"
    masked: bool = False
    multipart: bool = False
    creates: bool = False
    created: Order | None = None
    changed: Order | None = None
    lost: tuple[tuple[str, ...], ...] = ()
    releases: tuple[str, ...] = ()
    deprecated: str | None = None

    @property
    def body(self) -> Parameter | None:
        """The parameter that is its body, None if it takes none."""
        return next((one for one in self.parameters if one.place == "body"), None)

    @property
    def function(self) -> Callable[..., Any]:
        """The function of ``aiodatagouv.api`` that calls it."""
        function: Callable[..., Any] = getattr(
            import_module(f"aiodatagouv.api.{self.tag}"), self.name
        )
        return function


def _kept(fields: Fields | None) -> Fields | None:
    """Fields that can be read more than once."""
    once = not isinstance(fields, str) and not masks.is_class(fields)
    return tuple(fields) if once and isinstance(fields, Iterable) else fields


@frozen
class Call:
    """One call of an operation: everything but the client that makes it."""

    operation: Operation
    path: Mapping[str, Id | int] = field(factory=dict[str, "Id | int"])
    query: Mapping[str, QueryValue] = field(factory=dict[str, QueryValue])
    body: Body | View | Sequence[Body | View] | str | None = field(default=None, repr=False)
    fields: Fields | None = field(default=None, converter=_kept)

    def url(self) -> str:
        """The path below the API's root, with its parameters filled in.

        Raises:
            ValueError: A parameter would lead to another path.
        """
        values = {name: self._segment(name, value) for name, value in self.path.items()}
        return self.operation.path.lstrip("/").format_map(values)

    def query_pairs(self) -> list[tuple[str, str]]:
        """The query parameters as they are sent.

        Raises:
            ValueError: A parameter is none.
        """
        return [
            (name, self._query_text(name, one))
            for name, value in self.query.items()
            for one in _several(value)
        ]

    def mask(self) -> Mask | None:
        """The fields that are wanted, None for all.

        Raises:
            MaskError: They cannot be had.
        """
        return None if self.fields is None else masks.read(self.fields, self.operation)

    def answer_mask(self) -> Mask | None:
        """The fields that are wanted of the whole answer: of a page, those of its items."""
        mask = self.mask()
        return {"data": mask, "*": None} if mask and self.operation.kind == "page" else mask

    def check(self) -> None:
        """Refuse a call that cannot be made.

        Raises:
            MaskError: The fields that are wanted cannot be had.
            ValueError: A parameter is none.
        """
        self.url()
        self.query_pairs()
        self.mask()

    def json(self) -> Any:
        """The body as it is sent, None if the operation takes none.

        Raises:
            TypeError: The operation takes another body.
            ValueError: An update would take away what the body does not mention.
        """
        if not self._takes_body():
            return None
        body = to_json(self.body, is_id=False)
        missing = [group for group in self.operation.lost if not _has_one(body, group)]
        if missing:
            named = " and ".join(" or ".join(group) for group in missing)
            ways = f"give what is there, as {type(self.body).__name__}.of(...) does"
            if all(len(group) == 1 for group in missing):
                ways += ", or say None or []"
            raise ValueError(
                f"{self.operation.id}: the body is without {named}, which the portal would take "
                f"away: {ways}"
            )
        return body

    def _takes_body(self) -> bool:
        """Whether the operation takes a body, which must then be one of its own."""
        taken = None if self.operation.method == "GET" else _body_type(self.operation)
        if taken is not None and not fits(self.body, taken):
            one = get_args(taken)[0] if get_origin(taken) is Sequence else taken
            model = getattr(alternatives(one)[0], "__name__", str(one))
            what = model if one is taken else f"list of {model}"
            raise TypeError(f"{self.operation.id}: the body is a {what}, not {self.body!r:.80}")
        return taken is not None

    def with_fields(self, fields: Fields) -> Call:
        """The same call for other fields."""
        return evolve(self, fields=fields)

    def with_query(self, **query: QueryValue) -> Call:
        """The same call with other query parameters."""
        return evolve(self, query={**self.query, **query})

    def _query_text(self, name: str, value: object) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, dt.date):
            return value.isoformat()
        if isinstance(value, str | int):
            return str(value)
        raise ValueError(
            f"{self.operation.id}: the parameter {name} is {value!r}: give text, a number, a date "
            "or a truth value, or leave it out"
        )

    def _segment(self, name: str, value: object) -> str:
        text = str(value) if isinstance(value, str | int) else ""
        if text in ("", ".", "..") or "/" in text or "\\" in text:
            raise ValueError(
                f"{self.operation.id}: the path parameter {name} is {value!r}, which does not name "
                "anything: give an id or a slug, not empty, no dots alone and no slash"
            )
        return quote(text, safe="")


@cache
def _body_type(operation: Operation) -> Any:
    """The type of the body that an operation's function takes, None if it takes none."""
    return get_type_hints(operation.function).get("body")


def _has_one(body: JsonObject, group: Sequence[str]) -> bool:
    """Whether a body has a field of a group; of alternatives one must be more than null."""
    return any(key in body and (len(group) == 1 or body[key] is not None) for key in group)


def _several(value: QueryValue) -> Sequence[object]:
    if value is None:
        return []
    return value if isinstance(value, Sequence) and not isinstance(value, str | bytes) else [value]
