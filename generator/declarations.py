"""What is generated, as the templates see it: functions, models and enums in Python's terms."""

from __future__ import annotations

from attrs import define, field


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
    """What the documentation of the function says of it."""

    @property
    def type(self) -> str:
        """Its type without None."""
        return self.annotation.removesuffix(" | None")


@define
class Field:
    """A field of a generated model."""

    name: str
    annotation: str
    description: str
    declaration: str


@define
class Model:
    """A generated class."""

    name: str
    module: str
    description: str
    is_sent: bool
    is_page: bool
    read: str | None
    """The model that is answered where this one is sent."""
    fields: list[Field]
    classes: list[str]
    enums: list[str]

    @property
    def base(self) -> str:
        """The class that it is a child of."""
        if self.is_sent:
            return f"BodyOf[{self.read}]" if self.read else "Body"
        return "PageView" if self.is_page else "View"

    @property
    def code(self) -> str:
        """All that its fields say, to see which imports they need."""
        return " ".join(f"{one.annotation} {one.declaration}" for one in self.fields)


@define
class Enum:
    """A generated alias of strings."""

    name: str
    values: list[str]


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
    classes: list[str] = field(factory=list)
    enums: list[str] = field(factory=list)

    @property
    def projected(self) -> str | None:
        """What it answers when decoded into a class T of the caller's; None if it cannot be."""
        if not self.masked or self.kind != "json" or self.item is None:
            return None
        return self.answer.replace(self.item, "T")

    @property
    def constant(self) -> str:
        """The name of the constant that describes it."""
        return self.function.upper()

    @property
    def arguments(self) -> list[Argument]:
        """All parameters, in the order of its function."""
        body = [] if self.body is None else [self.body]
        return [*self.path_arguments, *body, *self.query_arguments]

    @property
    def noted(self) -> list[Argument]:
        """The parameters of which the documentation says something."""
        return [one for one in self.arguments if one.note]

    @property
    def code(self) -> str:
        """All that its signature says, to see which imports it needs."""
        return " ".join([self.answer, *(one.annotation for one in self.arguments)])


@define
class View:
    """All that is generated."""

    models: list[Model]
    enums: list[Enum]
    tags: dict[str, list[Operation]]
    tag_descriptions: dict[str, str]
