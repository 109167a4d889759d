"""The recorded answers, and a server of them: nginx, or a small one of ours without it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen
from nginx import find, free_port, nginx, running, version

STATIC = """
    server {{
        listen 127.0.0.1:{port};
        access_log off;
        root "{www}";
        index index.json;
        types {{ }}
        default_type application/json;
        open_file_cache max=10;
    }}
"""
"""The configuration of nginx."""


@frozen
class Recorded:
    """The folder that `record.py` wrote."""

    folder: Path

    @property
    def www(self) -> Path:
        """The root of the files."""
        return self.folder / "www"

    @property
    def page(self) -> Path:
        """The page of 100 datasets."""
        return self.www / "api" / "1" / "datasets" / "index.json"

    @property
    def dataset(self) -> Path:
        """The answer with a single dataset, in a folder that is named after its slug."""
        (found,) = self.page.parent.glob("*/index.json")
        return found

    @property
    def slug(self) -> str:
        """The slug of that dataset."""
        return self.dataset.parent.name

    @contextmanager
    def served(self) -> Iterator[str]:
        """Serve the answers during the block, and yield the URL of the portal."""
        if find() is None:
            port, script = free_port(), Path(__file__).with_name("static_portal.py")
            with running(port, sys.executable, str(script), str(port), str(self.www)):
                yield f"http://127.0.0.1:{port}/"
        else:
            with nginx(STATIC, www=self.www.resolve()) as (url, _):
                yield f"{url}/"

    def check(self) -> None:
        """Exit if nothing was recorded yet."""
        if not self.page.exists():
            sys.exit(f"{self.folder} has no recorded answers: run `make {self.folder}/recorded`")


def server() -> str:
    """Return a description of the server."""
    if find() is None:
        return "a small asyncio server, because nginx is not installed"
    return f"nginx {version()}"
