"""Execute generated files in this process, and fail if they do anything but declare.

Reads a file of JSON, a list of ``{file name: text}``; prints how many of the packages it imported.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.abc
import importlib.machinery
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

ROOMS = ("aiodatagouv.api", "aiodatagouv.models")
USED = [
    *("_call.answers", "_call.call", "_decoding.declared", "_encoding.body", "_views.page"),
    *("client", "operation", "pagination", "streams", "types"),
]
"""The modules that generated code imports; they are imported before anything is watched."""

FORBIDDEN = ("open", "os.", "subprocess.", "socket.", "shutil.", "ctypes.", "input", "canary")


class Generated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules of one generated package in memory."""

    def __init__(self) -> None:
        self.files: dict[str, Any] = {}

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Find a module of the two generated folders."""
        if not name.startswith(ROOMS):
            return None
        file = name.removeprefix("aiodatagouv.").replace(".", "/")
        is_package = f"{file}/__init__.py" in self.files
        found = f"{file}/__init__.py" if is_package else f"{file}.py"
        if found not in self.files:
            return None
        return importlib.machinery.ModuleSpec(name, self, loader_state=found, is_package=is_package)

    def exec_module(self, module: ModuleType) -> None:
        """Execute a module."""
        assert module.__spec__ is not None
        exec(self.files[module.__spec__.loader_state], module.__dict__)


def main() -> None:
    """Import every module of every package under an audit hook."""
    packages = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    compiled: dict[tuple[str, str], Any] = {}
    finder = Generated()
    sys.meta_path.insert(0, finder)
    watching = False

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if watching and (event.startswith(FORBIDDEN) or arguments[:1] == ("canary",)):
            raise SystemExit(f"generated code caused {event} {arguments}")

    sys.addaudithook(watch)
    before = {*dir(builtins)}
    for name in USED:
        importlib.import_module(f"aiodatagouv.{name}")
    for files in packages:
        for name, text in files.items():
            if (name, text) not in compiled:
                compiled[name, text] = compile(text, name, "exec", dont_inherit=True)
        finder.files = {name: compiled[name, text] for name, text in files.items()}
        for module in [one for one in sys.modules if one.startswith(ROOMS)]:
            del sys.modules[module]
        watching = True
        for name in files:
            importlib.import_module(
                "aiodatagouv."
                + name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            )
        watching = False
    assert {*dir(builtins)} == before
    print(len(packages))


if __name__ == "__main__":
    main()
