"""The names of the classes of API v2 in declarations: ``V2Topic`` becomes ``v2.Topic``."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve

from .declarations import Argument, Enum, Field, Model, Operation, Switch, View
from .versions import CLASS, MARK


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
