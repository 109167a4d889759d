"""The names of classes in declarations, and in code.

In declarations, ``V2Topic`` of API v2 becomes ``v2.Topic``. In code, ``Dataset`` also becomes
``models.Dataset``: a model is then loaded when a call or a field needs it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeAlias

from attrs import evolve

from .declarations import Argument, Enum, Model, Operation, Switch, View
from .versions import CLASS, MARK, is_second

MODELS = "models."
"""The start of the name of a class of API v1 in code."""

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


def _model(model: Model, code: Code = _code) -> Model:
    return evolve(
        model,
        name=_code(model.name),
        read=None if model.read is None else code(model.read),
        fields=[evolve(one, annotation=code(one.annotation)) for one in model.fields],
        classes=sorted(map(code, model.classes)),
        enums=sorted(map(code, model.enums)),
    )


def in_class(model: Model) -> Model:
    """Return a model whose fields name classes of API v1 as ``models.Dataset``."""
    return _model(model, _members([*model.classes, *model.enums]))


def in_function(operation: Operation) -> Operation:
    """Return an operation whose function names classes of API v1 as ``models.Dataset``."""
    switched = [] if operation.switch is None else operation.switch.classes
    return _operation(operation, _members([*operation.classes, *operation.enums, *switched]))


def _members(names: Iterable[str]) -> Code:
    """Return the function that puts ``models.`` before some classes, unless they are of API v2."""
    first = sorted({one for one in names if not is_second(one)})
    named = re.compile(rf"(?<![\w.])(?:{'|'.join(first)})\b") if first else None
    return lambda code: named.sub(rf"{MODELS}\g<0>", code) if named else code


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
