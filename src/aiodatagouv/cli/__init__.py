"""The command line: ``aiodatagouv``, with the extra ``cli``.

What it offers is derived from :data:`aiodatagouv.OPERATIONS`: there is nothing here to be changed
when the API changes. Neither the models nor the HTTP libraries are loaded before it is known what
is to be done, so that help and completion come at once.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import find_spec

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: What follows the name of the command; those of this process when None.

    Returns:
        The exit status, as ``docs/cli.md`` lists them.
    """
    missing = [name for name in ("click", "rich") if find_spec(name) is None]
    if missing:
        print(
            f"Error: the command line needs {' and '.join(missing)}: "
            "pip install 'aiodatagouv[cli]'",
            file=sys.stderr,
        )
        return 1
    try:
        from .app import run

        return run(arguments)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
