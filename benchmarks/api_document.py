"""Write the document that this client is generated from: `python -m benchmarks.api_document FILE`.

It is the pinned Swagger with its corrections, as OpenAPI 3.1. The peers get the same one, because
with the Swagger as it is pinned, they could not read the answers.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from generator import combine, corrections, pin, releases
from generator.convert import convert

OPENAPI = Path(__file__).parents[1] / "openapi"


def main(file: Path) -> None:
    """Write the document."""
    pins = pin.read_pins(OPENAPI)
    swagger = releases.merge(combine.by_release(pins))
    fixes = corrections.for_newest(OPENAPI, pin.release_names(pins)[0])
    document = convert(corrections.apply(swagger, fixes))
    file.write_text(json.dumps(document), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
