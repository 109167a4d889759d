"""What is sent: JSON from the command line, a file or stdin, as the model that it is to be."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import NoneType
from typing import Any, Literal, cast, get_args, get_origin

import click

from .._declared import alternatives, declared, is_model, required
from ..decoding import decode
from ..errors import DecodeError
from ..types import File

STDIN = "-"

_KINDS: dict[Any, str] = {
    str: "text",
    int: "number",
    float: "number",
    bool: "true or false",
    dt.date: "date",
    dt.datetime: "date and time",
    Any: "anything",
}
"""What is a type of Python is not for everybody to read."""

BODY = click.Option(
    ["body", "--body"],
    metavar="JSON|@FILE|-",
    help="What to send: JSON, @ and a file of it, or - for stdin.",
)

FILE = click.Option(
    ["file", "--file"],
    type=click.Path(exists=True, dir_okay=False),
    help="The file to upload.",
)


def read(ctx: click.Context, operation: str, written: str) -> Any:
    """The body of a call in JSON.

    Args:
        ctx: The command line.
        operation: The id of the operation.
        written: The type of its body, as its function has it.

    Raises:
        UsageError: There is none, or it is not of that type.
    """
    text = _text(ctx)
    if text is None:
        what = written.removesuffix("]").split(" | ")[0]
        what += "]" if what.startswith("Sequence[") else ""
        raise click.UsageError(f"What is to be sent? Give a --body of JSON ({what}).", ctx)
    data = _parsed(ctx, text)
    type_ = body_type(written)
    _check_required(ctx, type_, data)
    try:
        return decode(operation, text.encode(errors="surrogatepass"), type_)
    except DecodeError as error:
        what = f"expected {error.expected} at {error.path}, got {error.args[0]}"
        raise click.UsageError(f"The body does not fit: {what}.", ctx) from None


def read_form(ctx: click.Context, written: str) -> Any:
    """The body of an upload: a file, and JSON for the other fields of the form.

    Raises:
        UsageError: Something is missing.
    """
    text = _text(ctx)
    data = {} if text is None else _parsed(ctx, text)
    if not isinstance(data, dict):
        raise click.UsageError("The body must be an object: the other fields of the form.", ctx)
    form = cast("dict[str, Any]", data)
    if ctx.params["file"] is not None:
        path = Path(ctx.params["file"])
        # Sent as it is read: it may be larger than the memory.
        form["file"] = File(ctx.with_resource(path.open("rb")), path.name)
    elif "file" in form:
        raise click.UsageError("The file cannot be in the body: give --file PATH.", ctx)
    type_ = body_type(written)
    if "file" in required(type_) and "file" not in form:
        raise click.UsageError("Which file is to be sent? Give --file PATH.", ctx)
    _check_required(ctx, type_, form)
    return type_.from_dict(form)


def body_type(written: str) -> Any:
    """The type of a body: a model, a list of them, or text."""
    if written == "str":
        return str
    # Objects that stand for a reference come from programs alone: JSON is the first of the types.
    name = written.removeprefix("Sequence[").removesuffix("]").split(" | ")[0]
    model: Any = getattr(import_module("aiodatagouv.models"), name)
    return list[model] if written.startswith("Sequence[") else model


def described(written: str) -> Sequence[tuple[str, str]]:
    """The fields of a body and what each is, for help."""
    type_ = body_type(written.removeprefix("Sequence[").removesuffix("]"))
    if not is_model(type_):
        return []
    return [
        (key, f"{_kind(field.type)}{', required' if field.is_required else ''}")
        for key, field in declared(type_).items()
        if field.type is not File
    ]


def _kind(type_: Any) -> str:
    """A type in words."""
    one = alternatives(type_)[0]
    if get_origin(one) in (list, Sequence):
        return f"list of {_kind(get_args(one)[0])}"
    if get_origin(one) is Literal:
        return f"text, known: {', '.join(get_args(one))}"
    if is_model(one):
        return f"object, as {one.__name__}"
    return _KINDS.get(one, "object")


def _text(ctx: click.Context) -> str | None:
    given: str | None = ctx.params["body"]
    try:
        if given == STDIN:
            if sys.stdin is None:
                raise click.UsageError("Stdin is closed: give JSON, or @ and a file of it.", ctx)
            return sys.stdin.buffer.read().decode("utf-8-sig")
        if given is not None and given.startswith("@"):
            return Path(given[1:]).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise click.UsageError(f"{given}: {error.strerror}.", ctx) from None
    except UnicodeError:
        raise click.UsageError(
            f"{given}: JSON is written in UTF-8, and this is not.", ctx
        ) from None
    return given


def _parsed(ctx: click.Context, text: str) -> object:
    try:
        return cast("object", json.loads(text))
    except (ValueError, RecursionError) as error:
        raise click.UsageError(f"The body is not JSON: {error}.", ctx) from None


def _check_required(ctx: click.Context, type_: Any, data: object) -> None:
    """Say all that is missing, where decoding stops at the first."""
    if not is_model(type_) or not isinstance(data, Mapping):
        return
    known = declared(type_)
    missing = [
        key
        for key in required(type_)
        if key not in data or (data[key] is None and NoneType not in alternatives(known[key].type))
    ]
    if missing:
        raise click.UsageError(
            f"The body needs {' and '.join(missing)}, which {type_.__name__} must have.", ctx
        )
