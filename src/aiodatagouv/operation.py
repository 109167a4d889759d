"""The operations of the API, as data."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Literal, TypeAlias, get_args

from attrs import Factory, evolve, field, frozen

Kind: TypeAlias = Literal["json", "page", "empty", "redirect", "stream"]
"""The kind of an operation's answer."""


@frozen
class Order:
    """A sort order of a list.

    Attributes:
        sort: The value of the query parameter ``sort`` for ascending order; a minus before it is
            descending.
        date: The dotted path, in each item, of the date that it is sorted by.
        written: The dotted path of the date of the last write, if a write may leave ``date`` as it
            is. Releases that do not store ``date`` sort by it.
    """

    sort: str
    date: str
    written: str | None = None

    @property
    def dates(self) -> tuple[str, ...]:
        """The paths of both dates, or of the one that there is."""
        return (self.date,) if self.written is None else (self.date, self.written)


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
    place: Literal["path", "query", "body", "header"]
    type: str
    required: bool = False
    description: str = ""
    key: str = field(default=Factory(lambda self: self.name, takes_self=True))


@frozen
class Operation:
    """One operation of an API; :data:`aiodatagouv.OPERATIONS` lists those of this package.

    Attributes:
        id: Its name in the API.
        method: The HTTP method, in upper case.
        path: The path below ``api/<version>/``, with its parameters in braces.
        tag: The group that it belongs to, and the module of its function in ``<package>.api``:
            ``datasets``, or ``v2.datasets`` in version 2.
        kind: The kind of its answer: JSON, a page of a list, empty, a redirect, or a stream.
        summary: A description in one line.
        name: The name of its function: the id, unless ``openapi/names.toml`` has a better one. In
            version 2 it starts with ``v2.``, as the id does.
        version: The version of the API that it belongs to.
        description: The API's description beyond the summary, empty if there is none.
        parameters: Its parameters, in the order of its function.
        item: The model of the objects in the answer, if they have one: ``Dataset``, or
            ``v2.Dataset`` in ``<package>.models.v2``.
        media_type: The media type of the answer; ``*/*`` if a parameter chooses it.
        masked: Whether the answer can be narrowed down to some ``fields``.
        multipart: Whether the body is sent as a form with files; as JSON otherwise.
        creates: Whether it creates content, which a portal in read-only mode refuses with a 423.
        created: The sort order by creation, for a list that has it.
        changed: The sort order by the latest change, for a list that has it.
        lost: The fields of the body that an update without them deletes; each group needs one.
        releases: The pinned releases of udata that serve it, newest first.
        deprecated: The release of udata that dropped it.
        since: The first known release of udata that serves it, None if the oldest one does. The
            known ones are those of ``openapi/served.toml``: releases between them may differ.
        until: The last known release of udata that serves it, None if the newest one does.
        window: The most items of a list that can be reached, None for no limit.
        headers: The headers of every call of it, each with the value ``True``.
        package: The package that has its function and its models: this one, or one that was
            generated for another portal.
    """

    id: str
    method: str
    path: str
    tag: str
    kind: Kind
    summary: str
    name: str = field(default=Factory(lambda self: self.id, takes_self=True))
    version: int = 1
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
    since: str | None = None
    until: str | None = None
    window: int | None = None
    headers: tuple[str, ...] = ()
    package: str = field(default="aiodatagouv", repr=False)

    def with_header(self, header: str, *, item: str) -> Operation:
        """Return the same operation, sent with a header that changes the model of the answer."""
        return evolve(self, headers=(*self.headers, header), item=item)

    @property
    def body(self) -> Parameter | None:
        """The parameter that is its body, None if it takes none."""
        return next((one for one in self.parameters if one.place == "body"), None)

    @property
    def function(self) -> Callable[..., Any]:
        """The function that calls it."""
        module = import_module(f"{self.package}.api.{self.tag}")
        function: Callable[..., Any] = getattr(module, self.name.rpartition(".")[2])
        return function

    @property
    def model(self) -> type[Any] | None:
        """The model that :attr:`item` names."""
        return None if self.item is None else self.model_called(self.item)

    @property
    def client_class(self) -> type[Any]:
        """The client of the operation's package, which knows its default portal."""
        client: type[Any] = import_module(self.package).Client
        return client

    def model_called(self, name: str) -> type[Any]:
        """Return a model of the operation's package, by the name that a type gives it."""
        module, _, name = f"models.{name}".rpartition(".")
        model: type[Any] = getattr(import_module(f"{self.package}.{module}"), name)
        return model

    def known_values(self, name: str) -> tuple[str, ...]:
        """Return the values of an enum of the operation's package; empty if it is no enum."""
        module, _, name = f"models.{name}".rpartition(".")
        return get_args(getattr(import_module(f"{self.package}.{module}.enums"), name, None))
