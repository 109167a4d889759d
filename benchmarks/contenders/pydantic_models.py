"""The models of the API as classes of pydantic."""

from __future__ import annotations

from typing import Any

import pydantic

from .models import Field, Models


def _make(name: str, fields: list[Field]) -> type[pydantic.BaseModel]:
    described: dict[str, Any] = {
        one.name: (one.type, pydantic.Field(alias=one.key))
        if one.required
        else (one.type | None, pydantic.Field(None, alias=one.key))
        for one in fields
    }
    return pydantic.create_model(name, **described)


def models() -> Models:
    """Return the models."""
    return Models(_make)
