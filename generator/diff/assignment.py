"""Types of the generated code, and whether one can stand for another."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Set
from enum import Enum, auto
from functools import lru_cache

from attrs import frozen


@frozen
class Part:
    """One type of a union: a name, and the types in its brackets."""

    name: str
    inside: tuple[frozenset[Part], ...] = ()


Type = frozenset[Part]

ANY = Part("Any")
UNSET = Part("Unset")
NONE = Part("None")
TEXT = Part("str")

SUBTYPES = {("int", "float"), ("str", "Id"), ("Id", "str")}
"""Pairs of types of which the first can be used for the second.

Not bool for int, nor a date with a time for one without: the portal tells them apart.
"""


class Verdict(Enum):
    """The meaning of a changed type for code that was right before."""

    SAME = auto()
    FITS = auto()
    UNTYPED = auto()
    DIFFERS = auto()


@lru_cache(maxsize=10_000)  # A comparison asks for a few hundred annotations, some 10,000 times.
def parse(annotation: str) -> Type:
    """Return the type that an annotation of the generated code stands for."""
    return _read(ast.parse(annotation, mode="eval").body)


def _read(node: ast.expr) -> Type:
    if isinstance(node, ast.BinOp):
        return _read(node.left) | _read(node.right)
    if isinstance(node, ast.Subscript):
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        # A body takes any sequence, an answer has a list; neither is used for the other.
        name = ast.unparse(node.value).replace("Sequence", "list")
        return frozenset({Part(name, tuple(map(_read, inner)))})
    return frozenset({Part(ast.unparse(node))})


def names_in(type_: Type) -> Iterator[str]:
    """Yield the names in a type, in a fixed order."""
    for part in sorted(type_, key=repr):
        yield part.name
        for one in part.inside:
            yield from names_in(one)


def renamed(type_: Type, names: Mapping[str, str]) -> Type:
    """Return a type with other names."""
    return frozenset(
        Part(names.get(one.name, one.name), tuple(renamed(each, names) for each in one.inside))
        for one in type_
    )


def answered(old: Type, new: Type, enums: Set[str]) -> Verdict:
    """Compare what a caller got with what it gets: each new value must be one of the old type."""
    if old == new:
        return Verdict.SAME
    if _fits(new, old, enums):
        return Verdict.FITS
    return Verdict.UNTYPED if _fits(new, old, enums, from_any=True) else Verdict.DIFFERS


def sent(old: Type, new: Type, enums: Set[str], *, in_query: bool = False) -> Verdict:
    """Compare what a caller could pass with what it can: each old value must still be accepted.

    In a query, a text is also accepted where a list of texts is.
    """
    if old == new:
        return Verdict.SAME
    if in_query and Part("list", (frozenset({TEXT}),)) in new:
        new |= {TEXT}
    return Verdict.FITS if _fits(old, new, enums, to_any=True) else Verdict.DIFFERS


def _fits(
    narrow: Type, wide: Type, enums: Set[str], *, to_any: bool = False, from_any: bool = False
) -> bool:
    if (to_any and ANY in wide) or (from_any and ANY in narrow):
        return True

    def accepts(one: Part, other: Part) -> bool:
        if (one.name, other.name) in SUBTYPES or (one.name in enums and other.name == "str"):
            return True
        return (one.name, len(one.inside)) == (other.name, len(other.inside)) and all(
            _fits(a, b, enums, to_any=to_any, from_any=from_any)
            for a, b in zip(one.inside, other.inside, strict=True)
        )

    return all(any(accepts(one, other) for other in wide) for one in narrow)
