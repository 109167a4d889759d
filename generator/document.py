"""Check that a Swagger has the shape that the other steps rely on, and name the place if not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from typing import Any, NoReturn

from . import names, safe, supported, target, versions
from .errors import GenerationError
from .pin import METHODS, RELEASE
from .schemas import ENVELOPE, fields_of, reference_name

Place = tuple[Any, ...]

MAX_DEPTH = 40
"""The deepest nesting of a document."""

TYPES = ("string", "integer", "number", "boolean", "array", "object", "file")
PLACES = ("path", "query", "header", "body", "formData")

FLAGS = [
    *("deprecated", "readOnly", "x-absent", "x-bare", "x-empty", "x-nullable", "x-secret"),
    "x-whole",
]
TEXTS = ("description", "summary", "format", "x-default", "x-form", "x-mask")
LISTS = ("x-always", "x-reference", "x-whole-update", "tags", "consumes", "produces")


class DocumentError(GenerationError):
    """Code cannot be generated from a place in the document."""


def pointer(place: Place) -> str:
    """Return the JSON pointer of a place."""
    keys = (str(key).replace("~", "~0").replace("/", "~1") for key in place)
    return "#" + "".join(f"/{key if len(key) <= 60 else key[:57] + '...'}" for key in keys)


def check(document: Any, *, merged: bool) -> None:
    """Check a document.

    Args:
        document: A pinned document, or the merged and corrected one.
        merged: Whether it is the latter. The former is checked only as far as merging needs it,
            because a correction may mend the rest.

    Raises:
        DocumentError: The document has another shape.
    """
    checks = _Check(document, merged=merged)
    checks.nodes()
    checks.document()
    if merged:
        checks.become_python()
        checks.support()


class _Check:
    def __init__(self, document: Any, *, merged: bool) -> None:
        self._document = document
        self._merged = merged

    def _refuse(self, place: Place, problem: str) -> NoReturn:
        where = pointer(place)
        help_ = ""
        if self._merged and len(place) > 1:
            help_ = "; correct this place, or remove one above it, in openapi/corrections.toml"
        raise DocumentError(f"{where}: {problem}{help_}")

    def _mapping(self, node: Any, place: Place) -> dict[str, Any]:
        if not isinstance(node, dict):
            self._refuse(place, f"must be an object, not {_kind(node)}")
        return node

    def _list(self, node: Any, place: Place) -> list[Any]:
        if not isinstance(node, list):
            self._refuse(place, f"must be a list, not {_kind(node)}")
        return node

    def _text(self, node: Any, place: Place) -> str:
        if not isinstance(node, str):
            self._refuse(place, f"must be a text, not {_kind(node)}")
        return node

    def _texts(self, node: Any, place: Place) -> list[str]:
        listed = self._list(node, place)
        for index, one in enumerate(listed):
            self._text(one, (*place, index))
        return listed

    def nodes(self) -> None:
        """Check the depth, the encoding and the references of the whole document."""
        waiting: list[tuple[Any, Place]] = [(self._document, ())]
        while waiting:
            node, place = waiting.pop()
            if len(place) > MAX_DEPTH:
                self._refuse(place[:8], f"is nested more than {MAX_DEPTH} levels deep")
            if isinstance(node, dict):
                for key in node:
                    self._encoding(key, place)
                self._reference(node, place)
                waiting += [(value, (*place, key)) for key, value in node.items()]
            elif isinstance(node, list):
                waiting += [(value, (*place, index)) for index, value in enumerate(node)]
            elif isinstance(node, str):
                self._encoding(node, place)

    def _encoding(self, text: str, place: Place) -> None:
        if not text.isascii() and re.search("[\ud800-\udfff]", text):
            self._refuse(place, "contains half of a surrogate pair")

    def _reference(self, node: dict[str, Any], place: Place) -> None:
        reference = node.get("$ref")
        if not isinstance(reference, str):
            return
        name = reference_name(node)
        kind = "definitions"
        if name is None:
            kind, name = "responses", reference.removeprefix("#/responses/")
        known = self._document.get(kind) if isinstance(self._document, dict) else None
        if not isinstance(known, dict) or name not in known:
            self._refuse((*place, "$ref"), f"refers to {reference!r}, which does not exist")

    def document(self) -> None:
        root = self._mapping(self._document, ())
        info = self._mapping(root.get("info"), ("info",))
        for key in ("title", "version"):
            self._text(info.get(key), ("info", key))
        for index, tag in enumerate(self._list(root.get("tags"), ("tags",))):
            place: Place = ("tags", index)
            self._text(self._mapping(tag, place).get("name"), (*place, "name"))
            self._text(tag.get("description") or "", (*place, "description"))
        definitions = self._mapping(root.get("definitions"), ("definitions",))
        for name, definition in definitions.items():
            self._schema(definition, ("definitions", name))
        for name in definitions:
            self._inheritance(name, ())
        shared = self._mapping(root.get("responses", {}), ("responses",))
        for status, response in shared.items():
            self._response(response, ("responses", status))
        for path, item in self._mapping(root.get("paths"), ("paths",)).items():
            place = ("paths", path)
            for key, value in self._mapping(item, place).items():
                if key == "parameters":
                    self._parameters(value, (*place, key))
                elif key in METHODS:
                    self._operation(value, (*place, key))
                else:
                    self._refuse((*place, key), "is not a method")

    def _inheritance(self, name: str, below: tuple[str, ...]) -> None:
        if name in below:
            self._refuse(("definitions", name, "allOf"), "inherits from itself")
        if len(below) > MAX_DEPTH:
            self._refuse(("definitions", name, "allOf"), "inherits from too many definitions")
        for part in self._document["definitions"][name].get("allOf", []):
            parent = reference_name(part)
            if parent is not None:
                self._inheritance(parent, (*below, name))

    def _common(self, node: dict[str, Any], place: Place) -> None:
        for key in FLAGS:
            if not isinstance(node.get(key, False), bool):
                self._refuse((*place, key), f"must be true or false, not {_kind(node[key])}")
        for key in TEXTS:
            self._text(node.get(key, ""), (*place, key))
        for key in LISTS:
            self._texts(node.get(key, []), (*place, key))

    def _schema(self, node: Any, place: Place, *, is_parameter: bool = False) -> None:
        schema = self._mapping(node, place)
        self._common(schema, place)
        kind = schema.get("type", "object")
        if kind not in TYPES:
            self._refuse((*place, "type"), f"{_shown(kind)} is none of the known types")
        if "$ref" in schema and reference_name(schema) is None:
            self._refuse((*place, "$ref"), "must refer to a definition")
        if not is_parameter:
            self._texts(schema.get("required", []), (*place, "required"))
        if "enum" in schema:
            values = self._list(schema["enum"], (*place, "enum"))
            if self._merged and (
                not values or not all(isinstance(one, str) for one in values) or kind != "string"
            ):
                self._refuse((*place, "enum"), "must be a list of texts, of the type string")
            if self._merged and len({*values}) != len(values):
                self._refuse((*place, "enum"), "lists a value twice")
        apart = schema.get("x-apart", True)
        if not isinstance(apart, bool):
            self._texts(apart, (*place, "x-apart"))
        for key, value in self._mapping(
            schema.get("properties", {}), (*place, "properties")
        ).items():
            self._schema(value, (*place, "properties", key))
        if kind == "array":
            self._schema(schema.get("items"), (*place, "items"))
        elif "items" in schema:
            self._schema(schema["items"], (*place, "items"))
        if "x-write" in schema:
            self._schema(schema["x-write"], (*place, "x-write"))
        if "x-base" in schema:
            self._base(schema["x-base"], (*place, "x-base"))
        if "x-link" in schema:
            self._reference_to(schema["x-link"], (*place, "x-link"))
        for several in ("allOf", "x-one-of"):
            for index, one in enumerate(self._list(schema.get(several, []), (*place, several))):
                self._schema(one, (*place, several, index))

    def _base(self, node: Any, place: Place) -> None:
        if len(place) != 3 or place[0] != "definitions":
            self._refuse(place, "is for definitions only")
        if node not in target.BASES:
            self._refuse(place, f"{_shown(node)} is none of {', '.join(target.BASES)}")
        fields = fields_of(place[1], self._document["definitions"])
        if missing := sorted(target.BASES[node] - fields.keys()):
            self._refuse(place, f"needs the fields {', '.join(missing)}")
        if fields.keys() >= ENVELOPE.keys():
            self._refuse(place, "is not for pages")

    def _reference_to(self, node: Any, place: Place) -> None:
        self._schema(node, place)
        if reference_name(node) is None:
            self._refuse(place, "must refer to a definition")

    def _parameters(self, node: Any, place: Place) -> None:
        for index, one in enumerate(self._list(node, place)):
            here = (*place, index)
            parameter = self._mapping(one, here)
            if not isinstance(parameter.get("name"), str):
                self._refuse(here, "is a parameter without a name")
            if parameter.get("in") not in PLACES:
                self._refuse(here, f"is a parameter whose `in` is none of {', '.join(PLACES)}")
            if not isinstance(parameter.get("required", False), bool):
                self._refuse((*here, "required"), "must be true or false")
            self._schema(parameter, here, is_parameter=True)
            if parameter["in"] == "body":
                self._schema(parameter.get("schema"), (*here, "schema"))
            if "x-answer" in parameter:
                if parameter["in"] != "header":
                    self._refuse((*here, "x-answer"), "is for headers only")
                self._text(parameter.get("x-argument"), (*here, "x-argument"))
                self._reference_to(parameter["x-answer"], (*here, "x-answer"))

    def _response(self, node: Any, place: Place) -> None:
        response = self._mapping(node, place)
        self._common(response, place)
        reference = self._text(response.get("$ref", "#/responses/"), (*place, "$ref"))
        if not reference.startswith("#/responses/"):
            self._refuse((*place, "$ref"), "must refer to a response")
        if "schema" in response:
            self._schema(response["schema"], (*place, "schema"))

    def _operation(self, node: Any, place: Place) -> None:
        operation = self._mapping(node, place)
        self._common(operation, place)
        self._parameters(operation.get("parameters", []), (*place, "parameters"))
        responses = self._mapping(operation.get("responses"), (*place, "responses"))
        for status, response in responses.items():
            here = (*place, "responses", status)
            if not re.fullmatch("[1-5][0-9][0-9]", status, re.ASCII):
                self._refuse(here, "is not a status")
            self._response(response, here)
        if not self._merged:
            return
        for key in ("consumes", "produces"):
            types = operation.get(key, ["*/*"])
            if not types:
                self._refuse((*place, key), "is empty")
            for index, one in enumerate(types):
                if not safe.MEDIA_TYPE.fullmatch(one):
                    self._refuse((*place, key, index), f"{_shown(one)} is not a media type")
        dropped = operation.get("x-dropped", "0")
        if not isinstance(dropped, str) or not RELEASE.fullmatch(dropped):
            self._refuse((*place, "x-dropped"), f"{_shown(dropped)} is not a release number")
        for key in ("x-created", "x-changed"):
            self._order(operation.get(key), (*place, key))
        window = operation.get("x-window", 1)
        if type(window) is not int or window < 1:
            self._refuse((*place, "x-window"), "must be a number of items")
        for index, group in enumerate(self._list(operation.get("x-lost", []), (*place, "x-lost"))):
            self._texts(group, (*place, "x-lost", index))

    def _order(self, node: Any, place: Place) -> None:
        if node is None:
            return
        order = self._mapping(node, place)
        if not {"sort", "date"} <= order.keys() <= {"sort", "date", "written"}:
            self._refuse(place, "must have the keys sort and date, and may have written")
        for key, value in order.items():
            self._text(value, (*place, key))

    def support(self) -> None:
        """Check that functions can send and read all that is declared."""
        for place, problem in supported.problems(self._document):
            self._refuse(place, problem)

    # ---- Names

    def become_python(self) -> None:
        """Check everything that becomes a name in Python, and that paths match their parameters."""
        document = self._document
        tags: dict[str, str] = {}
        ids: dict[str, Place] = {}
        declared = {tag["name"]: index for index, tag in enumerate(document["tags"])}
        for path, method, operation in _operations(document):
            place: Place = ("paths", path, method)
            id_ = operation.get("operationId")
            if not isinstance(id_, str):
                self._refuse(place, "has no operationId")
            if id_ in ids:
                self._refuse(
                    (*place, "operationId"), f"{_shown(id_)} is also that of {pointer(ids[id_])}"
                )
            ids[id_] = place
            function = names.python_name(versions.bare(id_))
            self._name(function, id_, (*place, "operationId"), names.FUNCTIONS)
            self._parameter_names(path, operation["parameters"], (*place, "parameters"))
            if not operation.get("tags"):
                self._refuse(place, "has no tag")
            tag = operation["tags"][0]
            if tag not in declared:
                self._refuse((*place, "tags", 0), f"{_shown(tag)} is not declared in #/tags")
            named: Place = ("tags", declared[tag], "name")
            self._name(names.python_name(versions.bare(tag)), tag, named, names.MODULES)
            module = versions.python_name(tag)
            if tags.setdefault(module, tag) != tag:
                both = f"both {_shown(tags[module])} and {_shown(tag)}"
                self._refuse((*place, "tags", 0), f"{both} would be the module {module}")
        for name, definition in document["definitions"].items():
            place = ("definitions", name)
            self._name(names.class_name(name), name, place, names.CLASSES)
            class_ = names.class_name(name.removeprefix(versions.DEFINITION))
            self._name(class_, name, place, names.CLASSES)
            self._name(names.module_name(class_), name, place, names.MODULES)
            self._property_names(definition, place)

    def _property_names(self, schema: dict[str, Any], place: Place) -> None:
        for key in schema.get("properties", {}):
            self._name(names.field_name(key), key, (*place, "properties", key))
        for index, part in enumerate(schema.get("allOf", [])):
            self._property_names(part, (*place, "allOf", index))

    def _parameter_names(self, path: str, parameters: list[Any], place: Place) -> None:
        if not safe.PATH.fullmatch(path) or {"", ".", ".."} & {*path.strip("/").split("/")} - {""}:
            self._refuse(place[:2], "is not a path of letters, digits and {parameters}")
        seen: set[tuple[str, str]] = set()
        for index, one in enumerate(parameters):
            key = ("body", "") if one["in"] == "body" else (one["in"], one["name"])
            if key in seen:
                self._refuse((*place, index), f"{_shown(one['name'])} is declared twice")
            seen.add(key)
            if one["in"] in ("path", "query", "formData"):
                self._name(names.python_name(one["name"]), one["name"], (*place, index, "name"))
            if "x-answer" in one:
                argument, here = one["x-argument"], (*place, index, "x-argument")
                if names.python_name(argument) != argument:
                    self._refuse(here, f"{_shown(argument)} is not the name of an argument")
                self._name(argument, argument, here)
        fields = re.findall(r"\{(.*?)\}", path)
        declared = [one["name"] for one in parameters if one["in"] == "path"]
        if sorted(fields) != sorted(declared):
            self._refuse(
                place[:2], f"has the parameters {fields}, but {declared} are declared as its own"
            )
        for index, one in enumerate(parameters):
            if one["in"] == "path" and one.get("required") is not True:
                self._refuse((*place, index), "is a parameter of the path, but not required")

    def _name(self, name: str, wire: str, place: Place, taken: Set[str] = names.NONE) -> str:
        try:
            return names.checked(name, wire, taken)
        except names.NameRefusedError as error:
            self._refuse(place, str(error))


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield path, method, operation


def _kind(node: Any) -> str:
    if node is None:
        return "null"
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    return kinds.get(type(node), "a number")


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."
