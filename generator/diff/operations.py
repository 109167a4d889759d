"""The changes of operations: their functions, parameters, bodies and answers."""

from __future__ import annotations

from collections.abc import Iterator

from ..declarations import Argument, Operation, Switch
from . import limits, masks
from .assignment import Verdict
from .matching import Sides
from .rules import Change
from .usages import Usages

ANSWERS = {
    Verdict.FITS: "answer-narrowed",
    Verdict.UNTYPED: "answer-untyped",
    Verdict.DIFFERS: "answer-retyped",
}
PARAMETERS = {Verdict.FITS: "parameter-widened", Verdict.DIFFERS: "parameter-retyped"}
BODIES = {Verdict.FITS: "body-widened", Verdict.DIFFERS: "body-retyped"}


def changes(sides: Sides, usages: Usages) -> Iterator[Change]:
    """Yield the changes of all operations."""
    for one in sides.removed:
        yield Change("operation-removed", one.function, before=_route(one))
    for one in sides.added:
        yield Change("operation-added", one.function, after=_route(one))
    for name in sides.old.aliases.keys() - {*sides.new.aliases, *sides.new.functions.values()}:
        yield Change("alias-removed", name, before=sides.old.aliases[name])
    yield from _replaced(sides)
    for old, new in sides.operations:
        if old.function != new.function:
            yield _rename(old.function, new.function, sides)
        yield from _identity(old, new)
        yield from _parameters(old, new, usages)
        yield from _body(old, new, usages)
        yield from _answer(old, new, usages)
        yield from _documentation(old, new)


def _replaced(sides: Sides) -> Iterator[Change]:
    """Yield the names that are those of other operations now: callers of one would call another."""
    same = {id(old): new for old, new in sides.operations}
    left, right = sides.old.by_name, sides.new.by_name
    for name in sorted(left.keys() & right.keys()):
        if same.get(id(left[name])) is not right[name]:
            yield Change("operation-replaced", name, "", _route(left[name]), _route(right[name]))


def _rename(old: str, new: str, sides: Sides) -> Change:
    if sides.new.aliases.get(old) == new:
        return Change("operation-aliased", new, before=old, after=new)
    # An alias may not have the name of another operation.
    alias = None if old in sides.new.by_name else (old, new)
    return Change("operation-renamed", new, before=old, after=new, alias=alias)


def _route(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


def _identity(old: Operation, new: Operation) -> Iterator[Change]:
    name = new.function
    if old.function == name and old.id != new.id:
        yield Change("operation-id", name, before=old.id, after=new.id)
    if old.tag != new.tag:
        yield Change("operation-moved", name, before=f"api.{old.tag}", after=f"api.{new.tag}")
    if old.method != new.method:
        yield Change("method-changed", name, before=_route(old), after=_route(new))
    elif _without_names(old) != _without_names(new):
        yield Change("path-changed", name, before=_route(old), after=_route(new))
    if new.dropped and not old.dropped:
        yield Change("operation-dropped", name, after=f"dropped by udata {new.dropped}")
    if old.dropped and not new.dropped:
        yield Change("operation-restored", name, before=f"dropped by udata {old.dropped}")
    if old.deprecated != new.deprecated:
        yield Change("operation-deprecated" if new.deprecated else "operation-undeprecated", name)
    if old.keyed != new.keyed:
        yield Change("key-required" if new.keyed else "key-optional", name)
    if old.creates != new.creates:
        yield Change("lock-declared", name, "", _lock(old), _lock(new))


def _lock(operation: Operation) -> str:
    return "creates content" if operation.creates else "creates nothing"


def _without_names(operation: Operation) -> str:
    """Return the path without the names of its parameters, whose changes are changes of those."""
    path = operation.path
    for one in operation.path_arguments:
        path = path.replace(f"{{{one.wire}}}", "{}")
    return path


def _parameters(old: Operation, new: Operation, usages: Usages) -> Iterator[Change]:
    before, after = old.path_arguments, new.path_arguments
    names = [one.name for one in before], [one.name for one in after]
    if len(before) != len(after):
        yield from _apart(before, after, new, usages)
    elif names[0] != names[1] and sorted(names[0]) == sorted(names[1]):
        yield Change(
            "parameters-reordered", new.function, "", ", ".join(names[0]), ", ".join(names[1])
        )
    else:
        for one, other in zip(before, after, strict=True):
            yield from _renamed(one, other, new, usages)
    yield from _apart(old.query_arguments, new.query_arguments, new, usages)
    yield from _switches(old.switch, new.switch, new.function, usages)


def _switches(
    old: Switch | None, new: Switch | None, owner: str, usages: Usages
) -> Iterator[Change]:
    """Compare the parameters that change the model of the answer."""
    if old is None or new is None:
        if old is not None:
            yield Change("parameter-removed", owner, old.name, before=old.type)
        if new is not None:
            yield Change("parameter-added", owner, new.name, after=new.type)
        return
    if old.name != new.name:
        yield Change("parameter-renamed", owner, new.name, old.name, new.name)
    elif old.wire != new.wire:
        yield Change("parameter-key", owner, new.name, old.wire, new.wire)
    verdict = usages.compare(old.answer, new.answer, {owner}, is_sent=False)
    if verdict is not Verdict.SAME:
        yield Change(ANSWERS[verdict], owner, new.name, old.answer, new.answer)
    if old.description != new.description:
        yield Change("parameter-described", owner, new.name, old.description, new.description)


def _apart(
    before: list[Argument], after: list[Argument], new: Operation, usages: Usages
) -> Iterator[Change]:
    """Compare parameters that are paired by their names in the API."""
    left = {one.wire: one for one in before}
    right = {one.wire: one for one in after}
    gone = [one for one in before if one.wire not in right]
    come = [one for one in after if one.wire not in left]
    for one, other in _twins(gone, come):
        gone.remove(one)
        come.remove(other)
        yield from _renamed(one, other, new, usages)
    for one in gone:
        yield Change("parameter-removed", new.function, one.name, before=one.type)
    for one in come:
        rule = "parameter-added-required" if one.required else "parameter-added"
        yield Change(rule, new.function, one.name, after=one.type)
    for wire in left.keys() & right.keys():
        yield from _renamed(left[wire], right[wire], new, usages)


def _twins(gone: list[Argument], come: list[Argument]) -> list[tuple[Argument, Argument]]:
    """Return the pairs with one name, or else the only ones with their type and description."""
    pairs = [(one, other) for one in gone for other in come if one.name == other.name]

    def is_alike(one: Argument, other: Argument) -> bool:
        return (one.annotation, one.description) == (other.annotation, other.description)

    for one in gone:
        same = [other for other in come if is_alike(one, other)]
        others = [other for other in gone if is_alike(one, other)]
        is_free = not any(one is left or same[:1] == [right] for left, right in pairs)
        if one.description and len(same) == len(others) == 1 and is_free:
            pairs.append((one, same[0]))
    return pairs


def _renamed(
    old: Argument, new: Argument, operation: Operation, usages: Usages
) -> Iterator[Change]:
    """Compare two parameters that are the same one, possibly under another name."""
    owner = operation.function
    if old.name != new.name:
        yield Change("parameter-renamed", owner, new.name, old.name, new.name)
    elif old.wire != new.wire:
        yield Change("parameter-key", owner, new.name, old.wire, new.wire)
    verdict = usages.compare(
        old.type, new.type, {owner}, is_sent=True, in_query=new.place == "query"
    )
    if verdict is not Verdict.SAME:
        yield Change(PARAMETERS[verdict], owner, new.name, old.type, new.type)
    yield from limits.changes("parameter", owner, new.name, (old.limits, new.limits))
    if old.required != new.required:
        rule = "parameter-required" if new.required else "parameter-optional"
        yield Change(rule, owner, new.name)
    if old.default != new.default:
        yield Change("parameter-default", owner, new.name, old.default, new.default)
    elif old.description != new.description:
        yield Change("parameter-described", owner, new.name, old.description, new.description)


def _body(old: Operation, new: Operation, usages: Usages) -> Iterator[Change]:
    owner = new.function
    if old.body is None or new.body is None:
        if old.body is not None:
            yield Change("body-removed", owner, before=old.body.annotation)
        if new.body is not None:
            yield Change("body-added", owner, after=new.body.annotation)
        return
    before, after = old.body.annotation, new.body.annotation
    verdict = usages.compare(before, after, {owner}, is_sent=True)
    if verdict is not Verdict.SAME:
        yield Change(BODIES[verdict], owner, "", before, after)
    yield from limits.changes("parameter", owner, "body", (old.body.limits, new.body.limits))
    if old.multipart != new.multipart:
        yield Change("body-encoded", owner, "", _encoding(old), _encoding(new))
    if old.body.description != new.body.description:
        yield Change(
            "parameter-described", owner, "body", old.body.description, new.body.description
        )


def _answer(old: Operation, new: Operation, usages: Usages) -> Iterator[Change]:
    owner = new.function
    if old.kind != new.kind:
        yield Change("kind-changed", owner, "", old.answer, new.answer)
    else:
        verdict = usages.compare(old.answer, new.answer, {owner}, is_sent=False)
        if verdict is not Verdict.SAME:
            yield Change(ANSWERS[verdict], owner, "", old.answer, new.answer)
        if old.kind == "stream" and old.media_type != new.media_type:
            yield Change("media-type-changed", owner, "", old.media_type, new.media_type)
    yield from limits.changes("answer", owner, "", (old.limits, new.limits))
    yield from masks.changes(owner, old.mask, new.mask)
    if old.masked != new.masked:
        yield Change("mask-added" if new.masked else "mask-removed", owner)
    for name in ("created", "changed"):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield Change("order-changed" if after else "order-removed", owner, name)
    if old.lost != new.lost:
        groups = [group for group in new.lost if group not in old.lost]
        yield Change("update-refused" if groups else "update-allowed", owner)


def _encoding(operation: Operation) -> str:
    return "a form" if operation.multipart else "JSON"


def _documentation(old: Operation, new: Operation) -> Iterator[Change]:
    before, after = (f"{one.summary}\n{one.description}".strip() for one in (old, new))
    if before != after:
        yield Change("operation-described", new.function, "", before, after)
    # Their order is that of the document.
    before, after = (
        ", ".join(sorted(f"{name}: {text}" for name, text in [*one.successes, *one.errors]))
        for one in (old, new)
    )
    if before != after:
        yield Change("responses-described", new.function, "", before, after)
