"""``fields``: which parts of an answer are wanted, as the ``X-Fields`` header says it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import (
    TYPE_CHECKING,
    Any,
    NoReturn,
    TypeAlias,
    TypeGuard,
    get_args,
    get_origin,
)

from ._declared import Model, declared, is_model
from .errors import MaskError, one_line

if TYPE_CHECKING:
    from .operation import Operation
    from .types import Fields

HEADER = "X-Fields"

Mask: TypeAlias = dict[str, "Mask | None"]
"""Each field that is wanted -> what is wanted of it, or None for all. ``*`` is all other fields."""

_ENVELOPE = "page,page_size,total,next_page,previous_page"
"""What pagination needs of a page besides its items."""

_NAME = re.compile(r"[\w:*-]+", re.ASCII)
_TOKEN = re.compile(rf"[{{}},]|{_NAME.pattern}|\S", re.ASCII)

_DEPTH = 32
"""How deep a mask may go; no answer does."""


def read(fields: Fields, operation: Operation) -> Mask:
    """What a caller wants of an operation's answer, checked against its model.

    Raises:
        MaskError: It cannot be had.
    """
    if is_class(fields):
        # Imported here because it is slow to import, and builds on this module.
        from .projection import projection

        return projection(fields, operation).mask
    try:
        if not isinstance(fields, Iterable):
            raise MaskError("give a mask, a list of dotted paths, or a class")
        model = model_of(operation)
        mask = parse(fields) if isinstance(fields, str) else from_paths(fields)
        if operation.kind == "page" and "data" in mask and "data" not in declared(model):
            raise MaskError("it is for the items of a page: leave out data{...} around them")
        check(mask, model, paths=not isinstance(fields, str))
    except MaskError as error:
        what = f"{operation.id}: fields={fields!r:.200}: {error}"
        raise MaskError(one_line(what)) from None
    return mask


def is_class(fields: object) -> TypeGuard[type[Any]]:
    """Whether fields are those that a class declares; a generic one has parameters."""
    is_annotated = hasattr(fields, "__metadata__")
    is_generic = isinstance(get_origin(fields), type) and not is_annotated
    return isinstance(fields, type) or is_generic


def parse(text: str) -> Mask:
    """Parse a mask in the server's own syntax, ``id,organization{name}``, as the server does.

    A field that is named twice is what it was last. Only what the server would skip in silence,
    such as dots, is an error here.

    Raises:
        MaskError: The server would refuse it, or skip a part of it.
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
                    'write organization{name}, or a list: ["organization.name"]. A key that has a '
                    "dot cannot be masked: ask for all of its object",
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

    A path to a field takes all of it, whatever other paths pick out of it.

    Raises:
        MaskError: A path is none.
    """
    mask: Mask = {}
    for path in paths:
        names = path.split(".") if isinstance(path, str) else []
        wrong = [name for name in names if not _NAME.fullmatch(name)]
        if wrong or not names:
            raise MaskError(f"{path!r} is no path of plain names with dots between them")
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
    """The model that the masks of an operation are for.

    Raises:
        MaskError: It takes none.
    """
    if not operation.masked or operation.item is None:
        raise MaskError("the portal always answers all fields")
    model: type[Model] = getattr(import_module("aiodatagouv.models"), operation.item)
    return model


def check_key(key: str, where: str) -> None:
    """Check a key of free-form JSON, which may be any but not of any characters.

    Raises:
        MaskError: A mask cannot say it.
    """
    if not _NAME.fullmatch(key):
        raise MaskError(
            f"{where}{key} cannot be masked, for its dots or other characters: ask for all of "
            f"{where.rstrip('.')}"
        )


def check(mask: Mask, model: type[Model], where: str = "", *, paths: bool = False) -> None:
    """Check a mask against the model of what it is for.

    Args:
        mask: The mask.
        model: The model.
        where: The fields above, each with a dot after it.
        paths: The mask was written as dotted paths, where a dot may have been meant for a key.

    Raises:
        MaskError: It names a field that is not there, picks something out of one that has no
            parts, or wants nothing.
    """
    if not mask:
        raise MaskError(
            f"it wants nothing of {where.rstrip('.')}: name the fields, or leave the braces out"
            if where
            else "it wants nothing: name the fields, or leave it out to get them all"
        )
    known = declared(model)
    for name, inside in mask.items():
        if name not in known and name != "*":
            raise unknown(name, model, where)
        if inside is None:
            continue
        below = None if name == "*" or known[name].whole else _below(known[name].type)
        if below is None:
            raise MaskError(f"{where}{name} can only be had as a whole: leave out what follows it")
        if below is not Any:
            check(inside, below, f"{where}{name}.", paths=paths)
        elif not inside:
            raise MaskError(f"it wants nothing of {where}{name}: leave the braces out to get all")
        elif paths and any(inside.values()):
            raise MaskError(
                f"{where}{name} takes one key: a key that has a dot cannot be masked, ask for all "
                f"of {name}; an object in it is asked for as {name}{{key{{key}}}}"
            )


def unknown(name: str, model: type[Model], where: str = "") -> MaskError:
    """The error for a field that a model has not."""
    known = {one.lower(): one for one in declared(model)}
    nearest = get_close_matches(name.lower(), known, n=1, cutoff=0)
    hint = f": did you mean {where}{known[nearest[0]]}?" if nearest else ""
    return MaskError(f"{where}{name:.80} is no field of {model.__name__}{hint}")


def write(mask: Mask) -> str:
    """Write a mask in the server's syntax."""
    return ",".join(
        name if inside is None else f"{name}{{{write(inside)}}}" for name, inside in mask.items()
    )


def including(mask: Mask, path: Sequence[str]) -> Mask:
    """A mask that wants what is at a path too: the names that lead to it."""
    name, *below = path
    inside = mask.get(name)
    if name not in mask and "*" not in mask:
        return {**mask, name: including({}, below) if below else None}
    return {**mask, name: including(inside, below)} if inside is not None and below else mask


def strip(item: dict[str, Any], mask: Mask, path: Sequence[str]) -> None:
    """Take out of an object what is at a path, unless a mask wants it."""
    name, *below = path
    inside = mask.get(name)
    if name not in mask and "*" not in mask:
        item.pop(name, None)
    elif inside is not None and below and isinstance(item.get(name), dict):
        strip(item[name], inside, below)


def header(mask: Mask, operation: Operation) -> str:
    """What to send: for a page, the mask is for its items, and the page's own fields are added."""
    text = write(mask)
    return f"data{{{text}}},{_ENVELOPE}" if operation.kind == "page" else text


def _below(type_: Any) -> Any:
    """What a sub-mask of a field applies to: a model, Any for free-form JSON, None for scalars."""
    origin = get_origin(type_)
    if type_ is Any or origin is dict:
        return Any
    if origin is list:
        return _below(get_args(type_)[0])
    if is_model(type_):
        return type_
    return next((below for one in get_args(type_) if (below := _below(one))), None)


def _unexpected(found: re.Match[str], hint: str) -> NoReturn:
    raise MaskError(
        f"unexpected {found.group()!r} at character {found.start() + 1} of "
        f"{found.string!r:.200}: {hint}"
    )
