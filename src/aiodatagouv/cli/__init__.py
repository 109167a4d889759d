"""The command line: ``aiodatagouv``, installed by the extra ``cli``.

Its commands are derived from :data:`aiodatagouv.OPERATIONS` and the generated functions, so it
needs no change when the API changes, and works as well with those of a package that was generated
for another portal. Models and HTTP libraries are loaded only to make a call:
help and completion stay fast.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from ..version import __version__

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None, *, package: str = "aiodatagouv") -> int:
    """Run the command line.

    Args:
        arguments: The arguments after the command's name; those of this process when None.
        package: The package whose operations are the commands.

    Returns:
        The exit status, as listed in ``docs/cli.md``.
    """
    missing = [name for name in ("click", "rich") if find_spec(name) is None]
    if missing:
        print(
            f"Error: the command line needs {' and '.join(missing)}: "
            "pip install 'aiodatagouv[cli]'",
            file=sys.stderr,
        )
        return 1
    given = sys.argv[1:] if arguments is None else [*arguments]
    if given == ["--version"] and _has_told_version():
        return 0
    # Arrow's own allocator keeps some 30 MB more than a harvest into Parquet needs.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    try:
        from .app import run

        return run(given, package)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130


def _has_told_version() -> bool:
    """Print the version, without Click, which takes a while to import; return whether it could."""
    try:
        print(f"aiodatagouv, version {__version__}", flush=True)
    except OSError:
        return False  # The command tries again, and reports the error.
    return sys.stdout is not None
