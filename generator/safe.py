"""The filters through which every value reaches a template, and the check that it did.

A filter returns ``Code``. The templates refuse to print any other text, so a value of the
document that passes no filter is an error of the generator instead of code in the package.
"""

from __future__ import annotations

import ast
import json
import re
import textwrap
import unicodedata
from collections.abc import Iterable
from functools import cache

from markupsafe import Markup
from openapi_python_client.strings import safe_for_docstring

from . import names
from .descriptions import ended
from .errors import GenerationError, printable
from .pin import RELEASE, URL

WIDTH = 100

PATH = re.compile(r"(/([A-Za-z0-9_~:@.-]|\{[A-Za-z0-9_.-]+\})*)+")
"""A path template; its parameters are in braces."""

MEDIA_TYPE = re.compile(r"[A-Za-z0-9][\w!#$&^.+-]{0,99}/[A-Za-z0-9][\w!#$&^.+-]{0,99}|\*/\*", re.A)

VERSIONS = re.compile(r">=[0-9][0-9a-z.]*,<[0-9.]+", re.ASCII)
"""The versions of a dependency."""

TYPE_NODES = (ast.Expression, ast.Name, ast.Load, ast.BinOp, ast.BitOr, ast.Subscript, ast.Tuple)
VALUE_NODES = (ast.Expression, ast.Name, ast.Load, ast.Call, ast.keyword, ast.Constant, ast.List)


class UnsafeError(GenerationError):
    """A value does not have the form that the generated code needs."""


class Code(str):
    """Python source, or docstring text, that a filter has checked or escaped."""

    __slots__ = ()

    def __html__(self) -> str:
        """Tell the template engine that the text needs no further escaping."""
        return self


def finalize(value: object) -> object:
    """Refuse to print a value that passed no filter. The results of macros are ``Markup``."""
    if isinstance(value, Code | Markup):
        return value
    raise UnsafeError(f"a template prints {value!r}, which passed no filter")


def name(text: str) -> Code:
    """Check an identifier."""
    if not names.is_usable(text):
        raise UnsafeError(f"{text!r} is not usable as a name in Python")
    return Code(text)


def module(text: str) -> Code:
    """Check the name of a module, as an import statement has it: ``..types``."""
    if not text.strip(".") or not all(map(names.is_module, text.lstrip(".").split("."))):
        raise UnsafeError(f"{text!r} is not the name of a module")
    return Code(text)


def up(text: str) -> Code:
    """Check the dots of a relative import."""
    if not re.fullmatch(r"\.{1,3}", text):
        raise UnsafeError(f"{text!r} is not the start of a relative import")
    return Code(text)


def listed(texts: Iterable[str]) -> Code:
    """Check identifiers, and separate them by commas."""
    return Code(", ".join(name(text) for text in texts))


def module_name(class_: str) -> Code:
    """Return the checked module name of a class."""
    return name(names.module_name(class_))


@cache
def annotation(text: str) -> Code:
    """Check a type: names, those of ``models``, ``v2`` and ``dt``, None, unions, subscripts."""
    for node in ast.walk(_parsed(text)):
        if isinstance(node, ast.Attribute):
            code = ast.unparse(node)
            package, _, class_ = code.partition(".")
            is_member = package in ("models", "v2") and names.is_usable(class_)
            if code not in ("dt.date", "dt.datetime") and not is_member:
                raise UnsafeError(f"{text!r} is not a type")
        elif not isinstance(node, TYPE_NODES) and not is_constant(node, None):
            raise UnsafeError(f"{text!r} is not a type")
    return Code(text)


@cache
def declaration(text: str) -> Code:
    """Check the default of a field: ``UNSET``, or a call of ``declare`` with literals."""
    for node in ast.walk(_parsed(text)):
        if not isinstance(node, VALUE_NODES):
            raise UnsafeError(f"{text!r} is not a declaration")
        if isinstance(node, ast.Name) and node.id not in ("UNSET", "declare"):
            raise UnsafeError(f"{text!r} is not a declaration")
    return Code(text)


def is_constant(node: ast.AST | None, value: object) -> bool:
    """Return whether a node is the constant ``value``."""
    return isinstance(node, ast.Constant) and node.value is value


def _parsed(text: str) -> ast.Expression:
    try:
        return ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise UnsafeError(f"{text!r} is not an expression") from None


def quoted(text: str) -> Code:
    """Return a string literal, with invisible and bidirectional characters escaped."""
    if not isinstance(text, str):
        raise UnsafeError(f"{text!r} is not a text")
    return Code("".join(map(_escaped, json.dumps(text, ensure_ascii=False))))


def _escaped(one: str) -> str:
    if one != " " and unicodedata.category(one) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        return f"\\u{ord(one):04x}" if ord(one) < 0x10000 else f"\\U{ord(one):08x}"
    return one


def release(text: str) -> Code:
    """Check a release number."""
    if not RELEASE.fullmatch(text):
        raise UnsafeError(f"{text!r} is not a release number")
    return Code(text)


def span(served: list[str], releases: list[str]) -> Code:
    """Return some releases as a part of ``RELEASES``, counted from the oldest.

    A new release, which comes first, then changes no operation that it serves or lacks as the one
    before it does.
    """
    for text in served:
        release(text)
    start = -len(releases) + releases.index(served[0])
    end = start + len(served)
    if releases[start : end or None] != served:
        return Code(f"({''.join(f'{quoted(one)}, ' for one in served)})")
    first = "" if served[0] == releases[0] else f"{start}"
    last = f"{end or ''}"
    return Code(f"RELEASES[{first}:{last}]" if first or last else "RELEASES")


def url(text: str) -> Code:
    """Check the URL of an API."""
    if not URL.fullmatch(text):
        raise UnsafeError(f"{text!r} is not the URL of an API")
    return Code(text)


def distribution(text: str) -> Code:
    """Check the name of a distribution."""
    name(text.replace("-", "_"))
    return Code(text)


def version_range(text: str) -> Code:
    """Check a range of versions, as a dependency has it."""
    if not VERSIONS.fullmatch(text):
        raise UnsafeError(f"{text!r} is not a range of versions")
    return Code(text)


def number(value: int) -> Code:
    """Return a whole number."""
    if type(value) is not int:
        raise UnsafeError(f"{value!r} is not a whole number")
    return Code(str(value))


def path(text: str) -> Code:
    """Check a path template."""
    if not PATH.fullmatch(text):
        raise UnsafeError(f"{text!r} is not a path")
    return Code(text)


def docstring(text: str, indent: int = 4, before: str = '"""') -> Code:
    """Escape a text for a docstring, wrap it, and indent every line except the first.

    Args:
        text: A description from the API.
        indent: The indentation of the docstring, in spaces.
        before: The text that precedes this one on the first line.
    """
    paragraphs = str(safe_for_docstring(ended(printable(text)))).split("\n\n")
    wrapped = [
        textwrap.fill(
            " ".join(paragraph.split()),
            WIDTH - indent - len('."""'),
            initial_indent=" " * len(before),
            break_long_words=False,
            break_on_hyphens=False,
        ).lstrip()
        for paragraph in paragraphs
    ]
    lines = "\n\n".join(wrapped).replace("\n", "\n" + " " * indent)
    lines = "\n".join(line.rstrip() for line in lines.split("\n"))
    # A quote at the very end would close the docstring one character early.
    return Code(f"{lines} " if lines.endswith('"') else lines)


def text(text: str) -> Code:
    """Escape a text for one line of a docstring."""
    return Code(" ".join(str(safe_for_docstring(printable(text))).split()))


def stripped(macro: Markup) -> Markup:
    """Strip the result of a macro."""
    finalize(macro)
    return Markup(str(macro).strip())


FILTERS = {
    **{"annotation": annotation, "declaration": declaration, "distribution": distribution},
    **{"docstring": docstring, "range": version_range},
    **{"listed": listed, "module": module, "module_name": module_name, "name": name},
    **{"number": number, "path": path},
    **{"quoted": quoted, "release": release, "span": span, "stripped": stripped, "text": text},
    **{"up": up, "url": url},
}
"""All filters of the templates; the ones that come with Jinja are not available."""
