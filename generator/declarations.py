"""The input of the templates: the functions, models and enums to generate."""

from __future__ import annotations

import re
from typing import Any

from attrs import define, field

from . import names, versions
from .descriptions import ended


@define
class Argument:
    """A parameter of a generated function."""

    name: str
    wire: str
    place: str
    annotation: str
    required: bool
    description: str
    note: str = ""
    """The entry under ``Args:`` in the docstring of the function; empty for none."""
    default: str = ""
    """The portal's default, as JSON; empty for none."""
    limits: dict[str, Any] = field(factory=dict[str, Any])
    """The limits of its values that its type does not show; see ``limits``."""

    @property
    def type(self) -> str:
        """The type without None."""
        return self.annotation.removesuffix(" | None")


@define
class Field:
    """A field of a generated model."""

    name: str
    annotation: str
    description: str
    declaration: str
    default: str = ""
    """The portal's default, as JSON; empty for none."""
    demanded: bool = False
    """Whether the API requires it in a body that creates, even if an update may omit it."""
    limits: dict[str, Any] = field(factory=dict[str, Any])
    """The limits of its values that its type does not show; see ``limits``."""


@define
class Model:
    """A generated class."""

    name: str
    description: str
    is_sent: bool
    is_page: bool
    read: str | None
    """The response model that corresponds to this request model."""
    fields: list[Field]
    classes: list[str]
    enums: list[str]
    mask: str = ""
    """The mask of a response without ``fields``, unless the function has its own; empty for all."""
    extension: str | None = None
    """The hand-written base class of a response that adds to ``View``, if it has one."""

    @property
    def base(self) -> str:
        """The base class."""
        if self.is_sent:
            return f"BodyOf[{self.read}]" if self.read else "Body"
        return self.extension or ("PageView" if self.is_page else "View")

    @property
    def documentation(self) -> str:
        """The text of the docstring."""
        if self.description:
            return self.description
        if self.read:
            return f"``{self.read}``, as it is sent."
        return names.sentence(self.short)

    @property
    def short(self) -> str:
        """The name in its module."""
        return versions.bare(self.name)

    @property
    def file(self) -> str:
        """The name of its module."""
        return names.module_name(self.short)

    @property
    def is_second(self) -> bool:
        """Whether only API v2 has it."""
        return versions.is_second(self.name)

    @property
    def up(self) -> str:
        """The way from its file up to the package, in dots."""
        return versions.up(self.name)

    @property
    def names_second(self) -> bool:
        """Whether it names models or enums of API v2."""
        return any(map(versions.is_second, [*self.classes, *self.enums]))

    @property
    def words(self) -> set[str]:
        """The names in the code of all fields."""
        return {*re.findall(r"\w+", self.code)}

    @property
    def code(self) -> str:
        """The code of all fields, from which the templates derive the imports."""
        return " ".join(f"{one.annotation} {one.declaration}" for one in self.fields)


@define
class Enum:
    """A generated ``Literal`` alias."""

    name: str
    values: list[str]

    @property
    def is_second(self) -> bool:
        """Whether only API v2 has it."""
        return versions.is_second(self.name)

    @property
    def short(self) -> str:
        """The name in its module."""
        return versions.bare(self.name)


@define
class Switch:
    """A parameter that, when true, is sent as a header, with which the answer is another model."""

    name: str
    wire: str
    description: str
    note: str
    answer: str
    page: str | None
    item: str

    place = "header"
    type = "bool"
    required = False

    @property
    def classes(self) -> list[str]:
        """The models of the answer."""
        return [self.item, *([self.page] if self.page else [])]

    @property
    def model(self) -> str:
        """The class that the answer is decoded into."""
        return self.page or self.answer


@define
class Operation:
    """A generated function."""

    id: str
    function: str
    method: str
    path: str
    tag: str
    kind: str
    media_type: str
    summary: str
    description: str
    path_arguments: list[Argument]
    query_arguments: list[Argument]
    body: Argument | None
    multipart: bool
    masked: bool
    creates: bool
    answer: str
    page: str | None
    item: str | None
    successes: list[tuple[str, str]]
    errors: list[tuple[str, str]]
    releases: list[str]
    dropped: str | None
    created: dict[str, str] | None
    changed: dict[str, str] | None
    lost: list[list[str]]
    deprecated: bool = False
    """Whether the API itself says so; not of an operation that newer releases dropped."""
    keyed: bool = False
    """Whether the API declares that it needs the API key."""
    mask: str = ""
    """The mask of the answer without ``fields``; empty for that of its model."""
    since: str | None = None
    """The first known release that serves it, None if the oldest one does; see ``served``."""
    until: str | None = None
    """The last known release that serves it, None if the newest one does."""
    limits: dict[str, Any] = field(factory=dict[str, Any])
    """The limits of the answer that its type does not show; see ``limits``."""
    window: int | None = None
    """The most items that can be reached, None for no limit."""
    switch: Switch | None = None
    classes: list[str] = field(factory=list)
    enums: list[str] = field(factory=list)

    @property
    def projected(self) -> str | None:
        """The return type when ``into`` is a class ``T``; None if ``into`` is not supported."""
        if not self.masked or self.kind != "json" or self.item is None:
            return None
        return self.answer.replace(self.item, "T")

    @property
    def switched(self) -> str:
        """The return type without ``into``, whatever a header says."""
        switched = [] if self.switch is None else [self.switch.answer]
        return " | ".join([self.answer, *switched])

    @property
    def either(self) -> str:
        """The return type whatever is given."""
        return " | ".join(filter(None, [self.switched, self.projected]))

    @property
    def sentence(self) -> str:
        """The first line of the docstring."""
        return ended(self.summary) or ended(names.sentence(self.short))

    @property
    def returned(self) -> list[str]:
        """The lines under ``Returns:``: details that the return type does not show."""
        lines = [f"``{status}``: {description}" for status, description in self.successes]
        if self.kind == "redirect":
            return ["The address that the portal redirects to; it is not called.", *lines]
        if self.kind == "stream" and self.media_type == "*/*":
            return ["The bytes of the answer, in the format asked for.", *lines]
        if self.kind == "stream":
            return [f"The bytes of the answer, ``{self.media_type}``.", *lines]
        return lines

    @property
    def constant(self) -> str:
        """The name of the operation's constant in ``api/ops.py``."""
        return self.short.upper()

    @property
    def constants(self) -> list[str]:
        """The names of its constants: a header adds one."""
        switched = [] if self.switch is None else [f"{self.constant}_{self.switch.name.upper()}"]
        return [self.constant, *switched]

    @property
    def short(self) -> str:
        """The name of the function in its module."""
        return versions.bare(self.function)

    @property
    def is_second(self) -> bool:
        """Whether it is one of API v2."""
        return versions.is_second(self.tag)

    @property
    def below(self) -> str:
        """The path below the root of its version of the API."""
        return versions.path_below(self.path)

    @property
    def arguments(self) -> list[Argument]:
        """All parameters, in the order of the function's signature."""
        body = [] if self.body is None else [self.body]
        return [*self.path_arguments, *body, *self.query_arguments]

    @property
    def noted(self) -> list[Argument | Switch]:
        """The parameters that have an entry under ``Args:``."""
        switches = [] if self.switch is None else [self.switch]
        return [*(one for one in self.arguments if one.note), *switches]

    @property
    def parameters(self) -> list[Argument | Switch]:
        """All parameters, those that are headers last."""
        return [*self.arguments, *([] if self.switch is None else [self.switch])]

    @property
    def code(self) -> str:
        """The types of the signature, from which the templates derive the imports."""
        switched = [] if self.switch is None else [self.switch.answer, "Literal"]
        return " ".join([self.answer, *switched, *(one.annotation for one in self.arguments)])


@define
class View:
    """Everything to generate."""

    models: list[Model]
    enums: list[Enum]
    tags: dict[str, list[Operation]]
    tag_descriptions: dict[str, str]
    aliases: dict[str, str] = field(factory=dict)
    keyed: bool = False
    """Whether the API declares the API key that the client sends."""

    @property
    def functions(self) -> dict[str, str]:
        """The ids of all operations, and the names of their functions."""
        return {one.id: one.function for those in self.tags.values() for one in those}

    @property
    def by_name(self) -> dict[str, Operation]:
        """The operations by the names of their functions, and by those that they had before."""
        named = {one.function: one for those in self.tags.values() for one in those}
        return {**{old: named[new] for old, new in self.aliases.items()}, **named}
