"""The names of API v2: how documents, functions and classes tell them from those of v1.

In the combined Swagger, paths start with ``/api/2``, ids and tags with ``v2.``, and the names of
v2's own definitions with ``V2``. The functions and classes are ``v2.list_topics`` and ``v2.Topic``:
what follows the dot is in a package ``v2`` of ``api`` and of ``models``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from attrs import evolve

from . import names
from .declarations import Argument, Enum, Field, Model, Operation, Switch, View

PATH = "/api/2"
MARK = "v2."
DEFINITION = "V2 "

CLASS = re.compile(r"\bV2(?=[A-Z])")
"""The start of a class of API v2 before :func:`qualified`."""


def is_second(name: str) -> bool:
    """Return whether an id, a tag, a function or a class is one of API v2."""
    return name.startswith(MARK)


def bare(name: str) -> str:
    """Return a name within its version: ``list_topics`` of ``v2.list_topics``."""
    return name.removeprefix(MARK)


def python_name(wire: str) -> str:
    """Return the name in Python of an id or a tag, which keeps its mark."""
    return f"{MARK if is_second(wire) else ''}{names.python_name(bare(wire))}"


def qualified(view: View) -> View:
    """Return declarations in which the classes of API v2 are called ``v2.Topic``."""
    return evolve(
        view,
        models=[_model(one) for one in view.models],
        enums=[Enum(_code(one.name), one.values) for one in view.enums],
        tags={tag: [_operation(one) for one in each] for tag, each in view.tags.items()},
    )


def _code(code: str) -> str:
    return CLASS.sub(MARK, code)


def _all(codes: Iterable[str]) -> list[str]:
    return sorted(map(_code, codes))


def _maybe(code: str | None) -> str | None:
    return None if code is None else _code(code)


def _model(model: Model) -> Model:
    return evolve(
        model,
        name=_code(model.name),
        read=_maybe(model.read),
        fields=[_field(one) for one in model.fields],
        classes=_all(model.classes),
        enums=_all(model.enums),
    )


def _field(field: Field) -> Field:
    return evolve(field, annotation=_code(field.annotation))


def _argument(argument: Argument) -> Argument:
    return evolve(argument, annotation=_code(argument.annotation))


def _operation(operation: Operation) -> Operation:
    return evolve(
        operation,
        path_arguments=[_argument(one) for one in operation.path_arguments],
        query_arguments=[_argument(one) for one in operation.query_arguments],
        body=None if operation.body is None else _argument(operation.body),
        answer=_code(operation.answer),
        page=_maybe(operation.page),
        item=_maybe(operation.item),
        switch=None if operation.switch is None else _switch(operation.switch),
        classes=_all(operation.classes),
        enums=_all(operation.enums),
    )


def _switch(switch: Switch) -> Switch:
    return evolve(
        switch,
        answer=_code(switch.answer),
        page=_maybe(switch.page),
        item=_code(switch.item),
    )
