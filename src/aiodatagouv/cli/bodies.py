"""Bodies of calls: read from JSON, and checked against their model before anything is sent."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn, cast

import click

from .._decoding.declared import Model, declared, required
from .._decoding.grammar import alternatives, is_nullable
from .._decoding.readers import reader_of
from .._encoding.body import Body
from ..errors import DecodeError
from ..operation import Operation
from ..types import File

_STDIN = "-"

_KINDS: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    dt.date: "date",
    dt.datetime: "date and time",
}
"""Types in words."""

_REFERENCE = "id, or object with an id"

_PLAIN: dict[str, Any] = {"str": str, "JsonObject": dict[str, Any]}
"""Types of bodies that are no models."""

_PLURALS = {"object": "objects", _REFERENCE: "ids, or objects with an id"}

_LITERALS = {"None": "null", "True": "true", "False": "false"}
"""Literals of Python, and how JSON spells them."""

_INPUT = click.Path(exists=True, dir_okay=False)


def options(operation: Operation) -> Sequence[click.Option]:
    """The options of a body: ``--body``, and ``--file`` for a form; none if it takes none."""
    body, is_form = operation.body, operation.multipart
    if body is None:
        return []
    option = click.Option(
        ["body", "--body"],
        metavar="JSON|@FILE|-",
        required=body.required and not is_form,
        help="The body: JSON, @ and the name of a file with it, or - for stdin.",
    )
    file = click.Option(["file", "--file"], type=_INPUT, help="The file to upload.")
    return [option, file] if is_form else [option]


def read(ctx: click.Context, operation: Operation) -> Any:
    """Read the body of a call.

    Args:
        ctx: The command's context.
        operation: An operation that takes a body.

    Raises:
        UsageError: It is missing, not JSON, or not of the parameter's type.
    """
    text, type_, is_form = _text(ctx), body_type(operation), operation.multipart
    data = {} if text is None else _parsed(ctx, text)
    if is_form:
        data = _with_file(ctx, data, type_)
    if problems := "; ".join(_problems(type_, data)):
        _fail(ctx, f"{problems}.")
    try:
        return reader_of(type_)(data, None)
    except DecodeError as error:
        found = _LITERALS.get(error.args[0], error.args[0])
        place = error.path.removeprefix("$").removeprefix(".")
        expected = error.expected.partition(" (")[0]
        _fail(ctx, f"{place or 'the body'} must be {expected}, not {found}.")


def body_type(operation: Operation) -> Any:
    """The type of an operation's body: a model, text or any object, or a list of one of them."""
    assert operation.body is not None
    written = operation.body.type
    # The first alternative is the type of JSON; the others are objects that only programs have.
    name = written.removeprefix("Sequence[").removesuffix("]").split(" | ")[0]
    type_: Any = _PLAIN.get(name) or operation.model_called(name)
    return list[type_] if written.startswith("Sequence[") else type_


def described(operation: Operation) -> tuple[str, Sequence[tuple[str, str]]]:
    """A title for the help of an operation's body, and its fields with their types."""
    type_ = body_type(operation)
    (one,) = alternatives(type_)
    if one.kind == "list" and alternatives(one.item)[0].kind == "model":
        return "Body: JSON, a list of objects with", [*_rows(one.item, "[].")]
    if one.kind == "model":
        return "Body: JSON, an object with", [*_rows(one.type)]
    return "Body: JSON", [(_kind(type_), operation.body.description if operation.body else "")]


def _rows(model: type[Model], place: str = "", above: Sequence[Any] = ()) -> Iterator[Any]:
    """The fields of a model and of the models in it: ``resources[].url``, for instance."""
    for key, field in declared(model).items():
        one = alternatives(field.type)[0]
        kind = "given as --file" if one.type is File else _kind(field.type)
        yield f"{place}{key}", f"{kind}{', required' if field.is_required else ''}"
        inner = alternatives(one.item)[0].type if one.kind == "list" else one.type
        if issubclass(inner, Body) and inner not in above:
            dot = "[]." if one.kind == "list" else "."
            yield from _rows(inner, f"{place}{key}{dot}", [*above, inner])


def _kind(type_: Any) -> str:
    """A type in words."""
    one, *others = alternatives(type_)
    if one.kind == "list":
        kind = _kind(one.item)
        return f"list of {_PLURALS.get(kind, kind)}"
    if one.values:
        return f"text, known: {', '.join(one.values)}"
    if one.type is str and any(other.kind == "model" for other in others):
        return _REFERENCE
    return "any JSON" if one.kind == "any" else _KINDS.get(one.type, "object")


def _text(ctx: click.Context) -> str | None:
    """The text of the body, from the command line, a file or stdin."""
    given: str | None = ctx.params["body"]
    try:
        if given == _STDIN:
            if sys.stdin is None:
                _fail(ctx, "stdin is closed.")
            return sys.stdin.buffer.read().decode("utf-8-sig")
        if given is not None and given.startswith("@"):
            option = next(one for one in ctx.command.params if one.name == "body")
            _INPUT.convert(given[1:], option, ctx)
            return Path(given[1:]).read_text(encoding="utf-8-sig")
    except OSError as error:
        _fail(ctx, f"{given}: {error.strerror}.")
    except UnicodeError:
        _fail(ctx, f"{given} is not UTF-8.")
    return given


def _parsed(ctx: click.Context, text: str) -> object:
    if not text.strip():
        _fail(ctx, "it is empty.")
    try:
        return cast("object", json.loads(text, parse_constant=_refuse_constant))
    except (ValueError, RecursionError) as error:
        _fail(ctx, f"it is not JSON: {error}.")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a value of JSON")


def _with_file(ctx: click.Context, data: object, type_: Any) -> dict[str, Any]:
    """Add ``--file`` to the other fields of a form."""
    if not isinstance(data, dict):
        _fail(ctx, "it must be an object with the other fields of the form.")
    if "file" in data:
        _fail(ctx, "file is not given in it, but as --file PATH.")
    if ctx.params["file"] is None:
        if "file" in required(type_):
            raise click.UsageError("Missing option '--file'.", ctx)
        return cast("dict[str, Any]", data)
    return {**data, "file": File.from_path(ctx.params["file"])}


def _problems(type_: Any, data: object, place: str = "") -> Iterator[str]:
    """Describe unknown and missing names, all of them, where decoding stops at the first."""
    kinds = alternatives(type_)
    if isinstance(data, list):
        items = [one.item for one in kinds if one.kind == "list"]
        for index, item in enumerate(cast("list[object]", data) if items else ()):
            yield from _problems(items[0], item, f"{place}[{index}]")
    model = next((one.type for one in kinds if one.kind == "model"), None)
    if model is None or not isinstance(data, dict):
        return
    known, above = declared(model), f"{place}." if place else ""
    # An object in the place of an id only stands for it, whatever else it has.
    is_body = issubclass(model, Body)
    for key, value in cast("dict[str, Any]", data).items() if is_body else ():
        if key in known:
            yield from _problems(known[key].type, value, f"{above}{key}")
            continue
        near = get_close_matches(key.lower(), known, n=1)
        hint = f" (did you mean {above}{near[0]}?)" if near else ""
        yield f"{above}{key} is not a field{hint}"
    missing = [
        f"{above}{key}"
        for key in (required(model) if is_body else ["id"])
        if data.get(key) is None and (key not in data or not is_nullable(known[key].type))
    ]
    if missing:
        yield f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"


def _fail(ctx: click.Context, message: str) -> NoReturn:
    raise click.BadParameter(message, ctx, param_hint="'--body'")
