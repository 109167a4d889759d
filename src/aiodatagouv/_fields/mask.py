"""Masks: the fields wanted of an answer, as the ``X-Fields`` header states them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NoReturn

from .._decoding.declared import Model, declared
from .._decoding.grammar import alternatives
from ..errors import MaskError, one_line
from ..operation import Operation
from ..types import Fields, Mask

HEADER = "X-Fields"

_ENVELOPE = "page,page_size,total,next_page,previous_page"
"""The fields of a page that pagination needs besides its items."""

_NAME = re.compile(r"[\w:*-]+", re.ASCII)
_TOKEN = re.compile(rf"[{{}},]|{_NAME.pattern}|\S", re.ASCII)

_DEPTH = 32
"""The deepest nesting of a mask; no answer is as deep."""

LONGEST = 800
"""The longest message about a mask: it may list the fields of a model."""


def read(fields: Fields, operation: Operation) -> Mask:
    """Parse the fields wanted of an operation's answer, and check them against its model.

    Raises:
        MaskError: The answer cannot be narrowed down to them.
    """
    try:
        if isinstance(fields, type) or not isinstance(fields, Iterable):
            raise MaskError("give a mask or dotted paths; a class goes to `into`")
        model = model_of(operation)
        # A dot means nothing to the server.
        is_paths = not isinstance(fields, str) or ("." in fields and "{" not in fields)
        if isinstance(fields, str):
            mask = from_paths(_split(fields)) if is_paths else parse(fields)
        else:
            mask = from_paths(path for one in fields for path in _split(one))
        if operation.kind == "page" and "data" in mask and "data" not in declared(model):
            raise MaskError("it applies to the items of a page: leave out data{...} around them")
        check(mask, model, is_paths=is_paths)
    except MaskError as error:
        text = f"{operation.name}: fields={fields!r:.200}: {error}"
        raise MaskError(one_line(text, LONGEST)) from None
    return mask


def _split(text: str) -> Iterator[str]:
    """The dotted paths in a text: paths separated by commas, or a mask in the server's syntax."""
    if not isinstance(text, str):
        yield text  # To be refused.
    elif "{" in text:
        yield from _paths(parse(text))
    else:
        paths = [one.strip() for one in text.split(",")]
        yield from [one for one in paths if one] or paths


def _paths(mask: Mask) -> Iterator[str]:
    for name, inside in mask.items():
        yield from [name] if inside is None else (f"{name}.{one}" for one in _paths(inside))


def parse(text: str) -> Mask:
    """Parse a mask in the server's own syntax, ``id,organization{name}``, as the server does.

    Of a field that is named twice, the last one counts. Text that the server would skip silently,
    such as a dot, is an error here.

    Raises:
        MaskError: The server would refuse the mask, or skip a part of it.
    """
    text = text.strip()
    if text.startswith("{"):
        if not text.endswith("}"):
            raise MaskError(f"the first brace of {text!r:.200} is not closed at its end")
        text = text[1:-1]
    mask: Mask = {}
    here, outer, previous = mask, list[Mask](), ""
    for found in _TOKEN.finditer(text):
        token = found.group()
        match token:
            case "{" if previous not in here:
                _unexpected(found, "it follows a field")
            case "{":
                inside: Mask = {}
                here[previous] = inside
                outer.append(here)
                here = inside
                if len(outer) > _DEPTH:
                    raise MaskError(f"{text[:40]!r}... is more than {_DEPTH} braces deep")
            case "}" if not outer:
                _unexpected(found, "there is none to close")
            case "}":
                here = outer.pop()
            case "," if previous in ("", ",", "{"):
                _unexpected(found, "it follows a field")
            case ",":
                pass
            case ".":
                _unexpected(
                    found,
                    "use either dotted paths or braces: organization.name, or organization{name}. "
                    "A key with a dot cannot be masked: ask for the whole of its object",
                )
            case _ if not _NAME.fullmatch(token):
                _unexpected(found, "the API's fields have plain names")
            case _:
                here[token] = None
        previous = token
    if outer:
        raise MaskError(f"{len(outer)} of the braces in {text!r:.200} are not closed")
    return mask


def from_paths(paths: Iterable[str]) -> Mask:
    """Make a mask of dotted paths: ``["id", "organization.name"]``.

    A path to a field includes the whole of it, whatever other paths select from it.

    Raises:
        MaskError: One of them is not a path.
    """
    mask: Mask = {}
    for path in paths:
        names = path.split(".") if isinstance(path, str) else []
        wrong = [name for name in names if not _NAME.fullmatch(name)]
        if wrong or not names:
            raise MaskError(f"{path!r} is not a path of plain names separated by dots")
        if len(names) > _DEPTH:
            raise MaskError(f"{path[:40]!r}... is more than {_DEPTH} names deep")
        *above, last = names
        here: Mask | None = mask
        for name in above:
            here = None if here is None else here.setdefault(name, {})
        if here is not None:
            here[last] = None
    return mask


def model_of(operation: Operation) -> type[Model]:
    """The model that the masks of an operation apply to.

    Raises:
        MaskError: The operation does not support masks.
    """
    if not operation.masked or operation.model is None:
        raise MaskError("the portal always sends all fields")
    return operation.model


def check_key(key: str, where: str) -> None:
    """Check a key of free-form JSON, which may contain more than a mask can express.

    Raises:
        MaskError: A mask cannot name it.
    """
    if not _NAME.fullmatch(key):
        raise MaskError(
            f"{where}{key} cannot be masked because of its dots or other characters: ask for the "
            f"whole of {where.rstrip('.')}"
        )


def check(mask: Mask, model: type[Model], where: str = "", *, is_paths: bool = False) -> None:
    """Check a mask against a model.

    Args:
        mask: The mask.
        model: The model.
        where: The fields above, each followed by a dot.
        is_paths: Whether it was written as dotted paths, where a dot may be part of a key.

    Raises:
        MaskError: It names an unknown field, selects from a field without parts, or is empty.
    """
    if not mask:
        raise MaskError(
            f"no field of {where.rstrip('.')} is named: name some, or leave the braces out"
            if where
            else "no field is named: name some, or leave it out to get them all"
        )
    known = declared(model)
    for name, inside in mask.items():
        if name not in known and name != "*":
            raise unknown(name, model, where)
        if inside is None:
            continue
        below = None if name == "*" or known[name].whole else _below(known[name].type)
        if below is None:
            raise MaskError(f"{where}{name} is only sent as a whole: leave out the part after it")
        if below is not Any:
            check(inside, below, f"{where}{name}.", is_paths=is_paths)
        elif not inside:
            raise MaskError(f"no field of {where}{name} is named: leave the braces out to get all")
        elif is_paths and any(inside.values()):
            raise MaskError(
                f"{where}{name} takes one key: a key with a dot cannot be masked, ask for the "
                f"whole of {name}; an object in it is asked for as {name}{{key{{key}}}}"
            )


def unknown(name: str, model: type[Model], where: str = "") -> MaskError:
    """The error for a field that a model does not have."""
    from difflib import get_close_matches

    known = {one.lower(): one for one in declared(model)}
    near = get_close_matches(name.lower(), known, n=1)
    hint = (
        f"did you mean {where}{known[near[0]]}?"
        if near
        else f"its fields are {','.join(sorted(known.values()))}"
    )
    return MaskError(f"{where}{name:.80} is not a field of {model.__name__}: {hint}")


def write(mask: Mask) -> str:
    """Write a mask in the server's syntax."""
    return ",".join(
        name if inside is None else f"{name}{{{write(inside)}}}" for name, inside in mask.items()
    )


def including(mask: Mask, path: Sequence[str]) -> Mask:
    """Extend a mask by the field at a path."""
    name, *below = path
    inside = mask.get(name)
    if name not in mask and "*" not in mask:
        return {**mask, name: including({}, below) if below else None}
    return {**mask, name: including(inside, below)} if inside is not None and below else mask


def strip(item: dict[str, Any], mask: Mask, path: Sequence[str]) -> None:
    """Remove the field at a path from an object, unless a mask includes it."""
    name, *below = path
    inside = mask.get(name)
    if name not in mask and "*" not in mask:
        item.pop(name, None)
    elif inside is not None and below and isinstance(item.get(name), dict):
        strip(item[name], inside, below)


def header(mask: Mask, operation: Operation) -> str:
    """The value of the header; for a page, the mask of its items with the page's own fields."""
    text = write(mask)
    if operation.kind != "page":
        return text
    facets = "" if operation.window is None else ",facets"
    return f"data{{{text}}},{_ENVELOPE}{facets}"


def _below(type_: Any) -> Any:
    """The type that a sub-mask applies to: a model, Any for free-form JSON, None for scalars."""
    for one in alternatives(type_):
        below = _below(one.item) if one.kind == "list" else None
        if one.kind in ("any", "object", "model") or below is not None:
            return below or (one.type if one.kind == "model" else Any)
    return None


def _unexpected(found: re.Match[str], hint: str) -> NoReturn:
    raise MaskError(
        f"unexpected {found.group()!r} at character {found.start() + 1} of "
        f"{found.string!r:.200}: {hint}"
    )
