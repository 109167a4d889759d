"""Parameters of operations, and others, as Click has them."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import click
from click.shell_completion import CompletionItem

from .._declared import declared
from ..masks import model_of
from ..operation import Operation, Parameter

if TYPE_CHECKING:
    ParamType = click.ParamType[Any]
else:  # Older releases of Click have no parameter of that type.
    ParamType = click.ParamType

Rate: TypeAlias = float | Literal["auto"]


class KnownValues(ParamType):
    """A text of which some values are known: a portal of another release may take others."""

    name = "text"

    def __init__(self, values: Sequence[str]) -> None:
        self.values = values

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The known values that begin so."""
        return [CompletionItem(one) for one in self.values if one.startswith(incomplete)]


class DateType(ParamType):
    """A day or a moment, as ISO 8601 writes it."""

    name = "date"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> dt.date:
        """Read it."""
        for read in (dt.date.fromisoformat, dt.datetime.fromisoformat):
            try:
                return read(value)
            except ValueError:
                continue
        self.fail(
            f"{value!r} is no date: write 2026-11-24, or 2026-11-24T08:00:00Z with a time",
            param,
            ctx,
        )


class SinceType(DateType):
    """A date, or ``last``."""

    name = "DATE|last"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read it."""
        return value if value == "last" else super().convert(value, param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The one word."""
        return [CompletionItem("last")] if "last".startswith(incomplete) else []


class RateType(ParamType):
    """Requests a second, ``auto`` or ``inf``."""

    name = "NUMBER|auto|inf"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Rate:
        """Read it."""
        if value == "auto":
            return "auto"
        try:
            rate = float(value)
        except ValueError:
            rate = math.nan
        if not rate > 0:
            self.fail(f"{value!r} is no rate: give requests a second, auto or inf", param, ctx)
        return rate

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The two words."""
        return [CompletionItem(one) for one in ("auto", "inf") if one.startswith(incomplete)]


class FieldsType(ParamType):
    """The fields of an answer, in the server's own syntax or as dotted paths."""

    name = "fields"

    def __init__(self, operation: Operation) -> None:
        self._operation = operation

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str | list[str]:
        """Tell the one from the other: dots have no meaning to the server, braces none here."""
        is_paths = "." in value and "{" not in value
        return [one.strip() for one in value.split(",")] if is_paths else value

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The fields of the model that begin as the last one does."""
        before, comma, begun = incomplete.rpartition(",")
        names = sorted(declared(model_of(self._operation)))
        return [CompletionItem(f"{before}{comma}{one}") for one in names if one.startswith(begun)]


_TYPES: Mapping[str, ParamType] = {
    "Id": click.STRING,
    "str": click.STRING,
    "int": click.INT,
    "bool": click.BOOL,
    "dt.date": DateType(),
    "dt.datetime": DateType(),
}


def to_click(parameter: Parameter) -> click.Parameter:
    """The argument or option that a parameter of an operation is."""
    several = parameter.type.startswith("Sequence[")
    type_ = _type(parameter.type.removeprefix("Sequence[").removesuffix("]"))
    key = spelled(parameter).replace("_", "-")
    if parameter.place == "path":
        return click.Argument([parameter.name], type=type_, metavar=spelled(parameter).upper())
    if type_ is click.BOOL:
        both = f"--{key}/--no-{key}"
        return click.Option([parameter.name, both], default=None, help=parameter.description)
    text = parameter.description
    if isinstance(type_, KnownValues):
        text += f" Known: {', '.join(type_.values)}."
    if several:
        text += " May be given several times."
    return click.Option(
        [parameter.name, f"--{key}"],
        type=type_,
        multiple=several,
        required=parameter.required,
        help=text.strip(),
    )


def spelled(parameter: Parameter) -> str:
    """The name of a parameter on the command line: ``for``, where Python needs ``for_``."""
    return parameter.name.rstrip("_")


def fields_option(operation: Operation) -> click.Option:
    """``--fields``."""
    return click.Option(
        ["fields", "--fields"],
        type=FieldsType(operation),
        help="Only these, in quotes: 'id,organization{name}', or id,organization.name.",
    )


def _type(name: str) -> ParamType:
    """The type of one value; all but the plain ones are aliases of a Literal."""
    plain = _TYPES.get(name)
    if plain is not None:
        return plain
    return KnownValues(known_values(name))


def known_values(name: str) -> Sequence[str]:
    """The values that the API declares, given the name of one of its enums."""
    alias = getattr(import_module("aiodatagouv.models.enums"), name, None)
    return get_args(alias)
