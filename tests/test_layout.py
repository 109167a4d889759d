"""The layout of the package: its layers, its imports, the size of its modules."""

from __future__ import annotations

import ast
import graphlib
from pathlib import Path

import aiodatagouv

PACKAGE = "aiodatagouv"
ROOT = Path(aiodatagouv.__file__).parent

LAYERS = [
    ["version", "_environment", "_renamed", "_unset", "_checks", "types", "_disk", "rate"],
    ["_http"],
    ["operation", "errors"],
    ["retry", "_ownership", "_names"],
    ["_events"],
    ["_decoding"],
    ["_views"],
    ["_encoding"],
    ["links"],
    ["models"],
    ["_fields", "_limits", "portal", "_missing"],
    ["_call"],
    ["client"],
    ["_walk"],
    ["pagination", "streams"],
    ["api", "generated"],
    ["bulk", "files"],
    ["_meter", "_dlt"],
    ["dask", "dlt", "otel", "cli", "testing", "__init__"],
    ["__main__"],
]
"""The top-level modules and packages, from the lowest layer to the highest."""

CALL_PATH = ("client.py", "_call/*.py", "_decoding/*.py")
"""The modules that a call passes through, in this order."""


TYPED_AHEAD = {"aiodatagouv.links", "aiodatagouv.models", "aiodatagouv.models.v2"}
"""The modules of which imports for type checkers do not count.

A link returns a list, which is of a higher layer. Models name each other as members of their
package, which loads them when they are used.
"""


def name_of(path: Path) -> str:
    parts = [PACKAGE, *path.relative_to(ROOT).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in ROOT.rglob("*.py")}


def imports_of(name: str) -> set[str]:
    """Return the modules of the package that a module imports, anywhere in its code."""
    path, found = MODULES[name], set[str]()
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if name in TYPED_AHEAD:
        tree.body = [node for node in tree.body if not is_for_type_checkers(node)]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1])
            target = f"{base}.{node.module}" if node.module else base
            for alias in node.names:
                full = f"{target}.{alias.name}"
                found.add(full if full in MODULES else target)
    return found - {name}


def is_for_type_checkers(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


GRAPH = {name: imports_of(name) for name in MODULES}


def layer_of(name: str) -> int:
    top = "__init__" if name == PACKAGE else name.split(".")[1]
    return next(level for level, names in enumerate(LAYERS) if top in names)


def test_every_module_has_a_layer() -> None:
    tops = {"__init__" if name == PACKAGE else name.split(".")[1] for name in MODULES}
    assert tops == {name for names in LAYERS for name in names}


def test_no_module_imports_from_a_higher_layer() -> None:
    upwards = [
        f"{name} imports {target}"
        for name, targets in GRAPH.items()
        for target in targets
        if layer_of(target) > layer_of(name)
    ]
    assert upwards == []


def test_packages_of_one_layer_do_not_import_each_other() -> None:
    sideways = [
        f"{name} imports {target}"
        for name, targets in GRAPH.items()
        for target in targets
        if layer_of(target) == layer_of(name) and name.count(".") + target.count(".") > 2
        if name.split(".")[1] != target.split(".")[1]
    ]
    assert sideways == []


def test_there_is_no_import_cycle() -> None:
    for _ in graphlib.TopologicalSorter(GRAPH).static_order():  # Raises a CycleError.
        pass


def test_only_one_package_imports_an_http_library() -> None:
    libraries = {"httpx", "aiohttp", "httpx_aiohttp", "yarl", "httpcore"}
    users = {
        name
        for name, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for one in [getattr(node, "module", None), *(alias.name for alias in node.names)]
        if one and one.split(".")[0] in libraries
    }
    assert {name.split(".")[1] for name in users} == {"_http"}


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_modules_are_short() -> None:
    generated = {"api", "models"}
    written = [
        path for path in ROOT.rglob("*.py") if path.relative_to(ROOT).parts[0] not in generated
    ]
    assert max(map(lines, written)) <= 400
    paths = [path for pattern in CALL_PATH for path in ROOT.glob(pattern)]
    assert sum(map(lines, paths)) < 2000
