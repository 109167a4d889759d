"""What the generated functions take, read from their source.

Importing one of their modules loads dozens of models and the HTTP libraries, which takes longer
than anybody waits for the completion of a word. Their source says the same in a few milliseconds.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pkgutil import get_data

from attrs import frozen

from .. import api
from ..operation import Operation

_LIBRARY = ("client", "into")
"""What is for programs alone."""

_SECTION = re.compile(r"^(Args|Returns|Raises):$", re.MULTILINE)
_ARGUMENT = re.compile(r"^    (\w+): (.*(?:\n     .*)*)", re.MULTILINE)


@frozen
class Parameter:
    """A parameter of a generated function.

    Attributes:
        name: Its name there.
        type: Its type as it is written there, without None.
        help: What the API says of it.
        is_path: Whether it is a part of the path, and given by its position.
        is_required: Whether it must be given.
    """

    name: str
    type: str
    help: str
    is_path: bool
    is_required: bool

    @property
    def key(self) -> str:
        """Its name in the API: ``for``, where Python needs ``for_``."""
        return self.name.rstrip("_")


@frozen
class Signature:
    """What a generated function says of itself.

    Attributes:
        description: What it does, in paragraphs.
        parameters: What it takes.
    """

    description: str
    parameters: tuple[Parameter, ...]

    @property
    def body(self) -> Parameter | None:
        """What is sent, if anything."""
        return next((one for one in self.parameters if one.name == "body"), None)


def read(operation: Operation) -> Signature:
    """Read the signature of an operation's function."""
    function = _functions(operation.tag)[operation.id]
    description, *sections = _SECTION.split(ast.get_docstring(function) or "")
    named = dict(zip(sections[::2], sections[1::2], strict=True))
    helps = {name: " ".join(text.split()) for name, text in _ARGUMENT.findall(named["Args"])}
    places = [(one, True, True) for one in function.args.args]
    pairs = zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    places += [(one, False, default is None) for one, default in pairs]
    return Signature(
        description.strip(),
        tuple(
            Parameter(one.arg, _type(one), helps[one.arg], is_path, is_required)
            for one, is_path, is_required in places
            if one.arg not in _LIBRARY
        ),
    )


@cache
def _functions(tag: str) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    """The functions of a module by name: of one with overloads the last, which is itself."""
    tree = ast.parse(get_data(api.__name__, f"{tag}.py") or b"")
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {one.name: one for one in tree.body if isinstance(one, kinds)}


def _type(argument: ast.arg) -> str:
    assert argument.annotation is not None
    return ast.unparse(argument.annotation).removesuffix(" | None")
