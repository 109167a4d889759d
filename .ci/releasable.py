"""Check that the checkout is that of a release: its tag, version, changelog and repository agree.

The version is written in ``src/aiodatagouv/version.py`` and nowhere else.
"""

from __future__ import annotations

import os
import re
import runpy
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent


def problems(root: Path, tag: str, repository: str) -> Iterator[str]:
    """Yield one line for each reason not to release a checkout.

    Args:
        root: The folder of the checkout.
        tag: The tag: ``v1.2.0``.
        repository: The URL of the repository that releases; empty if it is not known.
    """
    version = runpy.run_path(str(root / "src" / "aiodatagouv" / "version.py"))["__version__"]
    if tag != f"v{version}":
        yield f"the tag is {tag}, but the version is {version}"
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    if not re.search(rf"^## {re.escape(version)} \(\d{{4}}-\d\d-\d\d\)$", changelog, flags=re.M):
        yield f"CHANGELOG.md has no section of {version} with a date"
    fragments = {one.name for one in (root / "changes").iterdir()} - {"README.md"}
    if fragments:
        yield f"changes/ has changes that are not in CHANGELOG.md: {', '.join(sorted(fragments))}"
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    source = project["urls"]["Source"]
    if repository not in ("", source):
        yield f"the repository is {repository}, but pyproject.toml says {source}"


if __name__ == "__main__":
    sys.exit("\n".join(problems(ROOT, sys.argv[1], os.environ.get("REPOSITORY", ""))) or None)
