"""The output of openapi-python-client, as it comes, for the document of this client."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

DOCUMENT, PACKAGE = "openapi.json", "stock_client"


def generate(folder: Path) -> None:
    """Write the document and the package to a folder."""
    root = Path(__file__).parents[1]
    document = folder.resolve() / DOCUMENT
    subprocess.run(
        [sys.executable, "-m", "benchmarks.api_document", str(document)], cwd=root, check=True
    )
    # Formatting the code takes longer than generating it, and changes nothing here.
    (folder / "stock.yml").write_text("post_hooks: []\n")
    program = Path(sys.executable).with_name("openapi-python-client")
    command = [str(program), "generate", "--path", DOCUMENT, "--output-path", PACKAGE]
    command += ["--meta", "none", "--overwrite", "--config", "stock.yml"]
    subprocess.run(command, cwd=folder, check=True)
