"""The changes of models and their fields."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from ..declarations import Field, Model
from . import assignment, limits, masks
from .assignment import NONE, UNSET, Verdict
from .matching import Sides
from .rules import Change
from .usages import Usages, reached

OLDER = re.compile(r"Only of portals older than udata \S+\.$")
"""The end of the description of a field that the newest release no longer answers."""

ANSWERED = {
    Verdict.FITS: "field-narrowed",
    Verdict.UNTYPED: "field-untyped",
    Verdict.DIFFERS: "field-retyped",
}
SENT = {Verdict.FITS: "body-field-widened", Verdict.DIFFERS: "body-field-retyped"}


def changes(sides: Sides, usages: Usages) -> Iterator[Change]:
    """Yield the changes of all models."""
    before, after = reached(sides.old), reached(sides.new)
    for name, model in sides.old_models.items():
        if name not in sides.models:
            yield Change("model-removed", name, reached=tuple(sorted(before[name])))
            continue
        other = sides.new_models[sides.models[name]]
        functions = after[other.name] | before[name]
        yield from _model(model, other, functions, sides, usages)
    for name in sides.new_models.keys() - {*sides.models.values()}:
        yield Change("model-added", name, reached=tuple(sorted(after[name])))


def _model(
    old: Model, new: Model, functions: set[str], sides: Sides, usages: Usages
) -> Iterator[Change]:
    where = tuple(sorted(functions))
    if old.name != new.name:
        yield Change("model-renamed", new.name, "", old.name, new.name, where)
    if _base(old, sides.models) != _base(new, {}):
        is_added = old.base == "View" and new.extension is not None
        rule = "model-extended" if is_added else "model-rebased"
        yield Change(rule, new.name, "", old.base, new.base, where)
    if old.description != new.description:
        yield Change("model-described", new.name, "", old.description, new.description, where)
    yield from masks.changes(new.name, old.mask, new.mask, where)
    prefix = "body-" if new.is_sent else ""
    left = {one.name: one for one in old.fields}
    right = {one.name: one for one in new.fields}
    gone = [one for one in old.fields if one.name not in right]
    come = [one for one in new.fields if one.name not in left]
    for one, other in _twins(gone, come, sides):
        gone.remove(one)
        come.remove(other)
        yield Change(f"{prefix}field-renamed", new.name, other.name, one.name, other.name, where)
    for one in gone:
        yield Change(f"{prefix}field-removed", new.name, one.name, one.annotation, "", where)
    for one in come:
        needed = "-demanded" if one.demanded else ""
        needed = "-required" if new.is_sent and _required(one) else needed
        yield Change(f"{prefix}field-added{needed}", new.name, one.name, "", one.annotation, where)
    for name in left.keys() & right.keys():
        pair = left[name], right[name]
        before, after = (_taken(one.annotation) for one in pair)
        verdict = usages.compare(before, after, functions, is_sent=new.is_sent)
        found = _sent(*pair, verdict) if new.is_sent else _answered(*pair, verdict)
        before, after = (_key(one) for one in pair)
        if before != after:
            yield Change("field-key", new.name, name, before, after, where)
        both = left[name].limits, right[name].limits
        yield from limits.changes(f"{prefix}field", new.name, name, both, where)
        for rule, texts in found:
            yield Change(rule, new.name, name, *texts, where)


def _base(model: Model, models: dict[str, str]) -> str:
    read = models.get(model.read, model.read) if model.read else None
    return f"BodyOf[{read}]" if read else model.base


def _twins(gone: list[Field], come: list[Field], sides: Sides) -> list[tuple[Field, Field]]:
    """Return the pairs that have one type and description, and are the only ones that do."""

    def key(one: Field, names: dict[str, str]) -> tuple[object, str]:
        return assignment.renamed(assignment.parse(one.annotation), names), one.description

    pairs = []
    for one in gone:
        wanted = key(one, sides.models)
        same = [key(other, {}) == wanted for other in come]
        others = [key(other, sides.models) == wanted for other in gone]
        if one.description and sum(same) == sum(others) == 1:
            pairs.append((one, come[same.index(True)]))
    return pairs


def _taken(annotation: str) -> str:
    """Return the type of a field without ``Unset``, which tells only that it may be left out."""
    return annotation.removesuffix(" | Unset")


def _not_null(one: Field) -> assignment.Type:
    return assignment.parse(one.annotation) - {NONE, UNSET}


def _required(one: Field) -> bool:
    return UNSET not in assignment.parse(one.annotation)


Found = Iterator[tuple[str, tuple[str, str]]]
"""Rules, each with the texts before and after."""


def _answered(old: Field, new: Field, verdict: Verdict) -> Found:
    texts = old.annotation, new.annotation
    if verdict is not Verdict.SAME:
        may_be_null = assignment.parse(old.annotation) | {NONE}
        is_only_null = assignment.parse(new.annotation) == may_be_null
        yield "field-nullable" if is_only_null else ANSWERED[verdict], texts
    for flag, gained, lost in (
        ("absent", "field-absent", "field-always"),
        ("whole", "field-whole", "field-always"),
        ("secret", "field-secret", "field-secret"),
    ):
        is_flagged = [bool(_declared(one).get(flag)) for one in (old, new)]
        if is_flagged[0] != is_flagged[1]:
            yield gained if is_flagged[1] else lost, ("", "")
    if OLDER.search(new.description) and not OLDER.search(old.description):
        yield "field-older", ("", new.description)
    elif _said(old) != _said(new):
        yield "field-described", _said_by(old, new)


def _sent(old: Field, new: Field, verdict: Verdict) -> Found:
    texts = old.annotation, new.annotation
    # Whether null may be sent follows from whether it may be left out.
    is_due = old.demanded != new.demanded and _not_null(old) == _not_null(new)
    if verdict is not Verdict.SAME and not is_due:
        yield SENT[verdict], texts
    if _required(old) != _required(new):
        yield "body-field-required" if _required(new) else "body-field-optional", ("", "")
    elif old.demanded != new.demanded:
        yield "body-field-demanded" if new.demanded else "body-field-optional", ("", "")
    if old.default != new.default:
        yield "body-field-default", (old.default, new.default)
    if _arguments(old) != _arguments(new):
        yield "body-field-encoded", (old.declaration, new.declaration)
    if OLDER.search(new.description) and not OLDER.search(old.description):
        yield "body-field-older", ("", new.description)
    elif old.description != new.description:
        yield "field-described", (old.description, new.description)


def _key(one: Field) -> str:
    """Return the name of a field in the API."""
    return str(_declared(one).get("key", one.name))


def _arguments(one: Field) -> str:
    """Return what tells how a field of a body is sent, and sent back."""
    return repr({key: value for key, value in _declared(one).items() if key != "key"})


def _declared(one: Field) -> dict[str, object]:
    """Return the literal arguments of the declaration of a field."""
    call = ast.parse(one.declaration or "UNSET", mode="eval").body
    keywords = call.keywords if isinstance(call, ast.Call) else []
    return {
        str(each.arg): ast.literal_eval(each.value) for each in keywords if each.arg != "default"
    }


def _said(one: Field) -> tuple[str, str]:
    return one.description, one.default


def _said_by(old: Field, new: Field) -> tuple[str, str]:
    if old.description != new.description:
        return old.description, new.description
    return f"default {old.default}", f"default {new.default}"
