"""Rounds of decoding the page of datasets by one library: `python -m contenders.decoder NAME PAGE`.

For each line on standard input, the page is decoded once, after orjson has parsed it; the ratio of
both times is printed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

import orjson
from measures import turn

from .models import Field, Models

Decode: TypeAlias = Callable[[bytes], Any]


def msgspec_structs() -> Decode:
    """Decode to structs of msgspec, without a dict in between."""
    msgspec: Any = import_module("msgspec")

    def make(name: str, fields: list[Field]) -> Any:
        described = [
            (one.name, one.type) if one.required else (one.name, one.type | None, None)
            for one in fields
        ]
        return msgspec.defstruct(name, described, rename={one.name: one.key for one in fields})

    decoder = msgspec.json.Decoder(Models(make).model("DatasetPage"))
    decode: Decode = decoder.decode
    return decode


def cattrs_classes() -> Decode:
    """Decode to classes of attrs by cattrs, and the JSON by orjson."""
    attrs, cattrs = import_module("attrs"), import_module("cattrs")
    gen, preconf = import_module("cattrs.gen"), import_module("cattrs.preconf.orjson")
    converter: Any = preconf.make_converter(detailed_validation=False)

    def make(name: str, fields: list[Field]) -> Any:
        described = {
            one.name: attrs.field(type=one.type)
            if one.required
            else attrs.field(type=one.type | None, default=None)
            for one in fields
        }
        made = attrs.make_class(name, described)
        keys = {one.name: cattrs.override(rename=one.key) for one in fields}
        hook = gen.make_dict_structure_fn(made, converter, **keys)
        converter.register_structure_hook(made, hook)
        return made

    page = Models(make).model("DatasetPage")
    return lambda content: converter.loads(content, page)


def pydantic_models() -> Decode:
    """Decode to models of pydantic, without a dict in between."""
    page = import_module("contenders.pydantic_models").models().model("DatasetPage")
    decode: Decode = page.model_validate_json
    return decode


def stock_classes() -> Decode:
    """Decode as the output of openapi-python-client does, the JSON by the standard library."""
    page: Any = import_module("stock_client.models").DatasetPage
    return lambda content: page.from_dict(json.loads(content))


DECODERS: dict[str, Callable[[], Decode]] = {
    "msgspec": msgspec_structs,
    "cattrs": cattrs_classes,
    "pydantic": pydantic_models,
    "stock": stock_classes,
}


def main(name: str, page: str) -> None:
    """Decode until standard input ends."""
    decode, content = DECODERS[name](), Path(page).read_bytes()
    assert len(decode(content).data) == len(orjson.loads(content)["data"])
    for _ in sys.stdin:
        print(turn(lambda: decode(content), lambda: orjson.loads(content)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
