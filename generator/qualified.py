"""The names of classes in declarations, and in the signatures of functions.

In declarations, ``V2Topic`` of API v2 becomes ``v2.Topic``. In signatures, ``Dataset`` becomes
``models.Dataset`` as well: importing a function then loads no model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeAlias

from attrs import evolve

from .declarations import Argument, Enum, Field, Model, Operation, Switch, View
from .versions import CLASS, MARK, is_second

MODELS = "models."
"""The start of the name of a class of API v1 in a signature."""

Code: TypeAlias = Callable[[str], str]
"""Replaces the names of classes in code."""


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


def in_signature(operation: Operation) -> Operation:
    """Return an operation in which classes of API v1 are called ``models.Dataset``."""
    switched = [] if operation.switch is None else operation.switch.classes
    names = {one for one in [*operation.classes, *operation.enums, *switched] if not is_second(one)}
    if not names:
        return operation
    named = re.compile(rf"(?<![\w.])(?:{'|'.join(sorted(names))})\b")
    return _operation(operation, lambda code: named.sub(rf"{MODELS}\g<0>", code))


def _argument(argument: Argument, code: Code) -> Argument:
    return evolve(argument, annotation=code(argument.annotation))


def _operation(operation: Operation, code: Code = _code) -> Operation:
    def maybe(name: str | None) -> str | None:
        return None if name is None else code(name)

    def switched(switch: Switch) -> Switch:
        return evolve(
            switch,
            answer=code(switch.answer),
            page=maybe(switch.page),
            item=code(switch.item),
        )

    return evolve(
        operation,
        path_arguments=[_argument(one, code) for one in operation.path_arguments],
        query_arguments=[_argument(one, code) for one in operation.query_arguments],
        body=None if operation.body is None else _argument(operation.body, code),
        answer=code(operation.answer),
        page=maybe(operation.page),
        item=maybe(operation.item),
        switch=None if operation.switch is None else switched(operation.switch),
        classes=sorted(map(code, operation.classes)),
        enums=sorted(map(code, operation.enums)),
    )
