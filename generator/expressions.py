"""Python type annotations for the properties of the parsed document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from openapi_python_client.parser.properties.any import AnyProperty
from openapi_python_client.parser.properties.boolean import BooleanProperty
from openapi_python_client.parser.properties.date import DateProperty
from openapi_python_client.parser.properties.datetime import DateTimeProperty
from openapi_python_client.parser.properties.file import FileProperty
from openapi_python_client.parser.properties.float import FloatProperty
from openapi_python_client.parser.properties.int import IntProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.literal_enum_property import LiteralEnumProperty
from openapi_python_client.parser.properties.model_property import ModelProperty
from openapi_python_client.parser.properties.none import NoneProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol
from openapi_python_client.parser.properties.string import StringProperty
from openapi_python_client.parser.properties.union import UnionProperty

from .components import JSON_OBJECT
from .errors import GenerationError

PLAIN: dict[type[PropertyProtocol], str] = {
    AnyProperty: "Any",
    BooleanProperty: "bool",
    DateProperty: "dt.date",
    DateTimeProperty: "dt.datetime",
    FileProperty: "File",
    FloatProperty: "float",
    IntProperty: "int",
    NoneProperty: "None",
    StringProperty: "str",
}


class ExpressionError(GenerationError):
    """No Python type can represent a property."""


def annotation(prop: PropertyProtocol, *, is_open: bool = False) -> str:
    """Return the type annotation of a property.

    Args:
        prop: The property.
        is_open: Whether an enum also accepts undeclared values.

    Raises:
        ExpressionError: Two types of a union have the same kind of JSON.
    """
    if isinstance(prop, UnionProperty):
        inner = [annotation(one, is_open=is_open) for one in prop.inner_properties]
        if "Any" in inner:
            return "Any"
        _check_kinds(prop)
        # None comes last by convention.
        return " | ".join(sorted(inner, key=lambda one: one == "None"))
    if isinstance(prop, ListProperty):
        return f"list[{annotation(prop.inner_property, is_open=is_open)}]"
    if isinstance(prop, LiteralEnumProperty):
        return f"{prop.class_info.name} | str" if is_open else str(prop.class_info.name)
    return str(prop.class_info.name) if isinstance(prop, ModelProperty) else PLAIN[type(prop)]


def _check_kinds(union: UnionProperty) -> None:
    kinds = [_kind(one) for one in union.inner_properties]
    if len(kinds) > len({*kinds}):
        names = ", ".join(map(annotation, union.inner_properties))
        raise ExpressionError(f"the JSON of a value does not tell which of {names} it is")


def _kind(prop: PropertyProtocol) -> str:
    """Return the kind of JSON value of a property."""
    if isinstance(prop, ListProperty):
        return "list"
    if isinstance(prop, ModelProperty):
        return "dict"
    if isinstance(prop, LiteralEnumProperty | DateProperty | DateTimeProperty):
        return "str"
    return PLAIN[type(prop)]


def is_model(prop: PropertyProtocol) -> bool:
    """Return whether a property is an object with a generated class."""
    return isinstance(prop, ModelProperty) and prop.class_info.name != JSON_OBJECT


def parts(prop: PropertyProtocol) -> Iterator[PropertyProtocol]:
    """Yield the properties inside unions and lists, or the property itself if it is neither."""
    if isinstance(prop, UnionProperty):
        for one in prop.inner_properties:
            yield from parts(one)
    elif isinstance(prop, ListProperty):
        yield from parts(prop.inner_property)
    else:
        yield prop


def names_of(
    props: Iterable[PropertyProtocol], kind: type[ModelProperty] | type[LiteralEnumProperty]
) -> set[str]:
    """Return the names of the models or of the enums that occur in some properties."""
    found = (part for prop in props for part in parts(prop))
    return {str(part.class_info.name) for part in found if isinstance(part, kind)}
