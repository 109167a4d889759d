"""The models of the API for the libraries of peers, made of the document of this client's models.

Where a field may be one of several models, it is any JSON; all other fields have their types.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from keyword import iskeyword
from pathlib import Path
from types import GenericAlias
from typing import Any, TypeAlias

DOCUMENT = Path("openapi.json")
"""The document, in the folder in which contenders are run."""

PLAIN = {"string": str, "integer": int, "number": float, "boolean": bool, "object": dict[str, Any]}
DATES = {"date": date, "date-time": datetime}

SHADOWING = {"schema"}
"""Names that models of pydantic have for themselves."""


@dataclass(frozen=True)
class Field:
    """A field of a model.

    Attributes:
        key: Its name in JSON.
        type: Its type.
        required: Whether it is always there.
    """

    key: str
    type: Any
    required: bool

    @property
    def name(self) -> str:
        """Its name in Python."""
        return f"{self.key}_" if iskeyword(self.key) or self.key in SHADOWING else self.key


Make: TypeAlias = Callable[[str, list[Field]], Any]
"""Make the class of a model of its name and its fields, those that are always there first."""


class Models:
    """The models of the document.

    Args:
        make: Makes the class of a model.
    """

    def __init__(self, make: Make) -> None:
        self._schemas = json.loads(DOCUMENT.read_bytes())["components"]["schemas"]
        self._make = make
        self._made: dict[str, Any] = {}

    def model(self, name: str) -> Any:
        """Return the class of a model."""
        if name not in self._made:
            schema = self._schemas[name]
            fields = [
                Field(key, self._type(one), key in schema["required"])
                for key, one in schema["properties"].items()
            ]
            self._made[name] = self._make(name, sorted(fields, key=lambda one: not one.required))
        return self._made[name]

    def _type(self, schema: dict[str, Any]) -> Any:
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            named = self._schemas[name]
            return self.model(name) if "properties" in named else PLAIN[named["type"]]
        if "anyOf" in schema:
            kinds = [self._type(one) for one in schema["anyOf"] if one != {"type": "null"}]
            return kinds[0] | None if len(kinds) == 1 else Any
        if schema.get("type") == "array":
            return GenericAlias(list, (self._type(schema["items"]),))
        return DATES.get(schema.get("format", "")) or PLAIN.get(schema.get("type", ""), Any)
