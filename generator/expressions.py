"""How a property of the document is written in Python: its type, and what decodes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import evolve
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

from .convert import JSON_OBJECT

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

READERS = {DateProperty: "read_date", DateTimeProperty: "read_datetime"}
"""What turns a JSON string into a Python object, in ``aiodatagouv.dates``."""


class ExpressionError(Exception):
    """No Python fits a property."""


def annotation(prop: PropertyProtocol) -> str:
    """The type of a property, as it is written."""
    if isinstance(prop, UnionProperty):
        inner = [annotation(one) for one in prop.inner_properties]
        return "Any" if "Any" in inner else " | ".join(sorted(inner, key=lambda one: one == "None"))
    if isinstance(prop, ListProperty):
        return f"list[{annotation(prop.inner_property)}]"
    if isinstance(prop, ModelProperty | LiteralEnumProperty):
        return str(prop.class_info.name)
    return PLAIN[type(prop)]


def decoder(prop: PropertyProtocol, source: str) -> str:
    """The expression that decodes a property from where its JSON is."""
    inner, is_nullable = _without_null(prop)
    must_be = prop.required and not is_nullable
    if must_be:
        source = source.replace("data[", "required(data, ").replace("]", ")")
    if isinstance(inner, UnionProperty):
        readers = ", ".join(f"{_kind(one)}: {_whole_reader(one)}" for one in _read(inner))
        return f"one_of({{{readers}}}, {source})" if readers else source
    if isinstance(inner, ListProperty):
        reader = _reader(inner.inner_property)
        return f"each({reader}, {source})" if reader else source
    reader = _reader(inner)
    if reader is None:
        return source
    return f"{reader}({source})" if must_be else f"optional({reader}, {source})"


def _reader(prop: PropertyProtocol) -> str | None:
    """The function that decodes a value which is there, or None when JSON's own type will do."""
    if is_model(prop):
        return f"{annotation(prop)}.from_dict"
    if type(prop) in READERS:
        return READERS[type(prop)]
    if isinstance(prop, UnionProperty | ListProperty) and any(map(_reader, parts(prop))):
        raise ExpressionError(f"no way to decode {annotation(prop)} inside a list or a union")
    return None


def _read(union: UnionProperty) -> list[PropertyProtocol]:
    """The alternatives of a union that need decoding; the kind of JSON must tell which it is."""
    kinds = [_kind(one) for one in union.inner_properties]
    read = [one for one in union.inner_properties if _whole_reader(one)]
    if read and (len(kinds) > len({*kinds}) or "Any" in kinds):
        raise ExpressionError(f"no way to tell which of {annotation(union)} it is")
    return read


def _whole_reader(prop: PropertyProtocol) -> str | None:
    """The function that decodes an alternative of a union."""
    if isinstance(prop, ListProperty):
        reader = _reader(prop.inner_property)
        return f"list_of({reader})" if reader else None
    return _reader(prop)


def _kind(prop: PropertyProtocol) -> str:
    """The type that JSON of a property has in Python."""
    if isinstance(prop, ListProperty):
        return "list"
    if isinstance(prop, ModelProperty):
        return "dict"
    if isinstance(prop, LiteralEnumProperty) or type(prop) in READERS:
        return "str"
    return PLAIN[type(prop)]


def _without_null(prop: PropertyProtocol) -> tuple[PropertyProtocol, bool]:
    if not isinstance(prop, UnionProperty):
        return prop, False
    rest = [one for one in prop.inner_properties if not isinstance(one, NoneProperty)]
    is_nullable = len(rest) < len(prop.inner_properties)
    return (rest[0] if len(rest) == 1 else evolve(prop, inner_properties=rest)), is_nullable


def is_model(prop: PropertyProtocol) -> bool:
    """Whether it is an object with a class of its own."""
    return isinstance(prop, ModelProperty) and prop.class_info.name != JSON_OBJECT


def parts(prop: PropertyProtocol) -> Iterator[PropertyProtocol]:
    """The properties that a property is made of."""
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
    """The classes of a kind that some properties are made of."""
    found = (part for prop in props for part in parts(prop))
    return {str(part.class_info.name) for part in found if isinstance(part, kind)}
