"""The parser of openapi-python-client, with each of its warnings as an error."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser import GeneratorData, openapi
from openapi_python_client.parser.errors import GeneratorError, ParseError

from .errors import GenerationError


class GenerateError(GenerationError):
    """The document could not be parsed completely, or cannot be represented in Python."""


def _copied(endpoint: openapi.Endpoint) -> openapi.Endpoint:
    """Copy an endpoint but not its answers and bodies, which lead to all models."""
    shared = (endpoint.responses, endpoint.bodies)
    return deepcopy(endpoint, {id(one): one for one in shared})


# The parser sorts the parameters of a copy of each endpoint. Copying all models with it took half
# of the time of a generation.
vars(openapi)["deepcopy"] = _copied


def parse(document: dict[str, Any]) -> GeneratorData:
    """Parse an OpenAPI document.

    Raises:
        GenerateError: The parser failed or issued a warning.
    """
    config = Config.from_sources(
        ConfigFile(literal_enums=True),
        meta_type=MetaType.NONE,
        document_source=Path("openapi"),
        file_encoding="utf-8",
        overwrite=True,
        output_path=None,
    )
    try:
        data = GeneratorData.from_dict(document, config=config)
    except Exception as error:  # The parser has no error of its own for what it cannot handle.
        raise GenerateError(f"the parser failed: {type(error).__name__}: {error}") from None
    if isinstance(data, GeneratorError):
        raise GenerateError(f"{data.header}: {data.detail}")
    warnings: list[ParseError] = [*data.errors]
    for collection in data.endpoint_collections_by_tag.values():
        warnings += collection.parse_errors
    if warnings:
        raise GenerateError("\n".join(f"{one.header}: {one.detail}" for one in warnings))
    return data
