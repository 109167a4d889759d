"""Check that generated files contain nothing but declarations.

Each file is parsed, not imported. A statement that has none of the known shapes is refused, so
importing the package cannot run anything that comes from the document.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from functools import cache

from . import names, safe
from .errors import GenerationError
from .target import OWN, Target

IMPORTS = {
    "__future__": {"annotations"},
    "collections.abc": {"Mapping", "Sequence"},
    "importlib": {"import_module"},
    "types": {"ModuleType"},
    "typing": {"TYPE_CHECKING", "Any", "Final", "Literal", "TypeAlias", "TypeVar", "overload"},
}
"""The modules of Python, and the names that are imported from them."""

RELEASES = re.compile(r"RELEASES(\[(-[0-9]+)?:(-[0-9]+)?\])?", re.ASCII)
"""All or some of the pinned releases."""

CALLS = {"Operation", "Order", "Parameter", "declare"}
"""The calls that may stand in an assignment; their arguments are literals or such calls."""

FIXED = {
    "def __dir__() -> list[str]:\n    return sorted(__all__)",
    "T = TypeVar('T')",
    "__all__ = [*_MODULES]",
    "OPERATIONS: Final[Mapping[str, Operation]] = "
    "{operation.id: operation for operation in ops.ALL}",
    "OPERATIONS: Final[Mapping[str, Operation]] = "
    "{operation.id: operation for operation in (*ops.ALL, *v2_ops.ALL)}",
    "ALIASES: Final[Mapping[str, str]] = ops.ALIASES",
    "ALIASES: Final[Mapping[str, str]] = {**ops.ALIASES, **v2_ops.ALIASES}",
    "from .v2 import ops as v2_ops",
    "__all__ = [*_MODULES, 'v2']",
    "if not TYPE_CHECKING:\n\n    def __getattr__(name: str) -> object:\n"
    "        if name == 'v2':\n"
    "            return import_module('.v2', __name__)\n"
    "        if name not in _MODULES:\n"
    "            raise AttributeError(f'module {__name__!r} has no attribute {name!r}')\n"
    "        value = getattr(import_module(f'.{_MODULES[name]}', __name__), name)\n"
    "        globals()[name] = value\n"
    "        return value",
    "if not TYPE_CHECKING:\n\n    def __getattr__(name: str) -> ModuleType:\n"
    "        if name not in __all__:\n"
    "            raise AttributeError(f'module {__name__!r} has no attribute {name!r}')\n"
    "        return import_module(f'.{name}', __name__)",
    "if not TYPE_CHECKING:\n\n    def __getattr__(name: str) -> object:\n"
    "        if name not in _MODULES:\n"
    "            raise AttributeError(f'module {__name__!r} has no attribute {name!r}')\n"
    "        value = getattr(import_module(f'.{_MODULES[name]}', __name__), name)\n"
    "        globals()[name] = value\n"
    "        return value",
}
"""The statements that are the same in every generation, as ``ast.unparse`` writes them."""

OLD_CONSTANTS = "__getattr__ = renamed_constants(globals(), ALIASES)"
"""The statement behind the constants of operations that were renamed."""

MAIN = {
    "import sys",
    "from aiodatagouv import cli",
    "def main() -> int:\n"
    '    """Run the command line with the operations of this package."""\n'
    "    return cli.main(package=PACKAGE)",
    "if __name__ == '__main__':\n    sys.exit(main())",
}
"""The statements that are the same in every ``__main__.py``."""

CLIENT = {
    "import aiodatagouv",
    "class Client(aiodatagouv.Client):\n"
    '    """A client of ``PORTAL``, unless ``base_url`` or the environment names another."""\n'
    "    _default_portal = PORTAL",
}
"""The statements that are the same in every ``client.py``."""

TOP = {".api.operations": {"OPERATIONS"}, ".client": {"Client", "PORTAL"}}
"""The modules, and their names, that the ``__init__.py`` of a package imports."""

ANSWERS = {
    "await answers.empty(client, call)",
    "return Stream(client, call)",
    "return await answers.json(client, call)",
    "return await answers.location(client, call)",
}


class VerifyError(GenerationError):
    """A generated file contains more than declarations."""


def files(texts: Mapping[str, str], target: Target = OWN) -> None:
    """Check files, given by their names below the package that they are generated for.

    Raises:
        VerifyError: One does not parse, or has a statement of an unknown shape.
    """
    modules = frozenset(one.removesuffix(".py").replace("/", ".") for one in texts)
    for name, text in texts.items():
        _file(name, text, modules, target)


@cache
def _file(name: str, text: str, modules: frozenset[str], target: Target) -> None:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise VerifyError(f"{name} does not parse: {error}") from None
    check = _Check(name, modules, target)
    for statement in tree.body:
        check.statement(statement)


class _Check:
    def __init__(self, file: str, modules: frozenset[str], target: Target) -> None:
        self._file = file
        self._room, _, name = file.rpartition("/")
        self._modules = modules
        self._imports = IMPORTS | target.checked
        is_fixed = name in ("enums.py", "operations.py", "ops.py", "__init__.py")
        self._has_functions = self._room in ("api", "api/v2") and not is_fixed
        self._has_classes = self._room in ("models", "models/v2") and not is_fixed
        own = {} if target.is_facade else {"client.py": CLIENT, "__main__.py": MAIN}
        self._fixed = FIXED | own.get(file, set())

    def statement(self, node: ast.stmt) -> None:
        checks: dict[type[ast.stmt], Callable[..., bool]] = {
            ast.AnnAssign: self._annotated,
            ast.Assign: self._assigned,
            ast.AsyncFunctionDef: self._function,
            ast.ClassDef: self._class,
            ast.Expr: self._text,
            ast.FunctionDef: self._function,
            ast.If: self._lazy,
            ast.Import: lambda node: ast.unparse(node) == "import datetime as dt",
            ast.ImportFrom: self._import,
        }
        check = checks.get(type(node))
        if ast.unparse(node) in self._fixed or (check is not None and check(node)):
            return
        raise VerifyError(f"{self._file}:{node.lineno} is no declaration: {ast.unparse(node)}")

    def _text(self, node: ast.stmt) -> bool:
        return (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        )

    def _import(self, node: ast.ImportFrom) -> bool:
        imported = {one.name for one in node.names}
        if any(one.asname not in (None, one.name) for one in node.names):
            return False
        source = self._source(node)
        if source in self._imports:
            return imported <= self._imports[source]
        if not self._room:
            return imported <= TOP.get(source, set())
        if source == ".":
            return imported == {"models"} and (self._has_functions or self._has_classes)
        module = source.removeprefix(".")
        if f"{module}.__init__" in self._modules:  # A package, and modules in it.
            inside = [{f"{module}.{one}", f"{module}.{one}.__init__"} for one in imported]
            return all(names_ & self._modules for names_ in inside)
        return "*" not in imported and module in self._modules and source.startswith(".models.")

    def _source(self, node: ast.ImportFrom) -> str:
        """Return the module that a statement imports from, after a dot if the package has it."""
        if not node.level:
            return node.module or ""
        rooms = self._room.split("/") if self._room else []
        above = rooms[: len(rooms) - (node.level - 1)]
        if node.level - 1 > len(rooms):
            return ""
        return "." + ".".join([*above, *([node.module] if node.module else [])])

    def _lazy(self, node: ast.If) -> bool:
        """Return whether a statement imports for types only, or has the old names of constants."""
        if ast.unparse(node.test) != "TYPE_CHECKING":
            return False
        if not node.orelse:
            return all(isinstance(one, ast.ImportFrom) and self._import(one) for one in node.body)
        return [ast.unparse(one) for one in node.orelse] == [OLD_CONSTANTS] and all(
            isinstance(one, ast.AnnAssign)
            and ast.unparse(one.annotation) == "Final"
            and isinstance(one.value, ast.Name)
            for one in node.body
        )

    def _assigned(self, node: ast.Assign) -> bool:
        targets = [ast.unparse(one) for one in node.targets]
        if self._has_functions and len(targets) == 1 and names.is_usable(targets[0]):
            return self._alias(targets[0], node.value)
        return targets in (["__all__"], ["_MODULES"]) and self._value(node.value)

    def _alias(self, name: str, node: ast.expr) -> bool:
        """Return whether a value is ``renamed(<function>, "<name>")``."""
        return (
            isinstance(node, ast.Call)
            and ast.unparse(node.func) == "renamed"
            and not node.keywords
            and len(node.args) == 2
            and isinstance(node.args[0], ast.Name)
            and isinstance(node.args[1], ast.Constant)
            and node.args[1].value == name
        )

    def _annotated(self, node: ast.AnnAssign) -> bool:
        if not isinstance(node.target, ast.Name) or node.value is None:
            return False
        type_ = ast.unparse(node.annotation)
        if type_ == "TypeAlias":
            literal = node.value
            return (
                isinstance(literal, ast.Subscript)
                and ast.unparse(literal.value) == "Literal"
                and self._value(literal.slice)
            )
        if type_ == "Final[tuple[Operation, ...]]":
            return isinstance(node.value, ast.Tuple) and all(
                isinstance(one, ast.Name) for one in node.value.elts
            )
        if type_ == "Final" and isinstance(node.value, ast.Call) and _is_variant(node.value):
            return True
        return type_ in ("Final", "Final[dict[str, str]]") and self._value(node.value)

    def _value(self, node: ast.expr) -> bool:
        """Return whether an expression consists of literals and of the known calls."""
        if isinstance(node, ast.Call):
            values = [*node.args, *(one.value for one in node.keywords)]
            return (
                isinstance(node.func, ast.Name)
                and node.func.id in CALLS
                and all(one.arg is not None for one in node.keywords)
                and all(map(self._value, values))
            )
        if isinstance(node, ast.List | ast.Tuple):
            return all(map(self._value, node.elts))
        if isinstance(node, ast.Dict):
            keys = [one for one in node.keys if one is not None]
            return len(keys) == len(node.keys) and all(map(self._value, [*keys, *node.values]))
        return isinstance(node, ast.Constant) or RELEASES.fullmatch(ast.unparse(node)) is not None

    def _class(self, node: ast.ClassDef) -> bool:
        keywords = [ast.unparse(one) for one in node.keywords]
        return (
            self._has_classes
            and not node.decorator_list
            and keywords in ([], ["init=False"])
            and len(node.bases) == 1
            and _is_type(node.bases[0])
            and all(self._text(one) or self._field(one) for one in node.body)
        )

    def _field(self, node: ast.stmt) -> bool:
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            return False
        value = node.value
        if value is not None:
            try:
                safe.declaration(ast.unparse(value))
            except safe.UnsafeError:
                return False
        return names.is_usable(node.target.id) and _is_type(node.annotation)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        arguments = node.args
        every = [*arguments.args, *arguments.kwonlyargs]
        decorators = [ast.unparse(one) for one in node.decorator_list]
        if not (
            self._has_functions
            and names.is_usable(node.name)
            and decorators in ([], ["overload"])
            and not (arguments.posonlyargs or arguments.vararg or arguments.kwarg)
            and not arguments.defaults
            and all(map(_is_default, arguments.kw_defaults))
            and all(one.annotation is not None and _is_taken(one.annotation) for one in every)
            and node.returns is not None
            and _is_type(node.returns)
        ):
            return False
        if decorators:
            return [ast.unparse(one) for one in node.body] == ["..."]
        if len(node.body) not in (3, 4):
            return False
        text, call, *switched, answer = node.body
        return (
            self._text(text)
            and self._call(call)
            and all(map(self._switched, switched))
            and self._answer(answer)
        )

    def _switched(self, node: ast.stmt) -> bool:
        """Return whether a statement is ``if full_objects: return <another answer>``."""
        if not isinstance(node, ast.If) or not isinstance(node.test, ast.Name) or node.orelse:
            return False
        return len(node.body) == 1 and self._answer(node.body[0])

    def _call(self, node: ast.stmt) -> bool:
        """Return whether a statement is ``call = prepare(ops.X, path=..., ...)``."""
        if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)):
            return False
        call = node.value
        return (
            [ast.unparse(one) for one in node.targets] == ["call"]
            and ast.unparse(call.func) == "prepare"
            and len(call.args) == 1
            and _is_operation(call.args[0])
            and all(
                self._arguments(one.value)
                if one.arg in ("path", "query")
                else one.arg in ("body", "fields") and ast.unparse(one.value) == one.arg
                for one in call.keywords
            )
        )

    def _arguments(self, node: ast.expr) -> bool:
        return (
            isinstance(node, ast.Dict)
            and all(one is not None and isinstance(one, ast.Constant) for one in node.keys)
            and all(isinstance(one, ast.Name) for one in node.values)
        )

    def _answer(self, node: ast.stmt) -> bool:
        if ast.unparse(node) in ANSWERS:
            return True
        if not isinstance(node, ast.Return):
            return False
        call = node.value.value if isinstance(node.value, ast.Await) else node.value
        if not isinstance(call, ast.Call) or call.keywords or len(call.args) < 3:
            return False
        first, type_, rest = call.args[:2], call.args[2], call.args[3:]
        return (
            ast.unparse(call.func) in ("Paginator", "answers.json")
            and [ast.unparse(one) for one in first] == ["client", "call"]
            and _is_type(type_)
            and [ast.unparse(one) for one in rest] in ([], ["into"])
        )


def _is_operation(node: ast.expr) -> bool:
    """Return whether an expression is ``ops.X``, or ``ops.Y if <argument> else ops.X``."""
    if isinstance(node, ast.IfExp):
        return isinstance(node.test, ast.Name) and all(map(_is_operation, [node.body, node.orelse]))
    return isinstance(node, ast.Attribute) and ast.unparse(node.value) == "ops"


def _is_variant(node: ast.Call) -> bool:
    """Return whether an expression is ``X.with_header("...", item="...")``."""
    values = [*node.args, *(one.value for one in node.keywords)]
    return (
        isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.attr == "with_header"
        and [one.arg for one in node.keywords] == ["item"]
        and len(node.args) == 1
        and all(isinstance(one, ast.Constant) for one in values)
    )


def _is_default(node: ast.expr | None) -> bool:
    """Return whether an argument has no default, or None or False."""
    return node is None or safe.is_constant(node, None) or safe.is_constant(node, False)


def _is_taken(node: ast.expr) -> bool:
    """Return whether an expression is the type of an argument."""
    return ast.unparse(node) in ("Literal[True]", "Literal[False]") or _is_type(node)


def _is_type(node: ast.expr) -> bool:
    try:
        safe.annotation(ast.unparse(node))
    except safe.UnsafeError:
        return False
    return True
