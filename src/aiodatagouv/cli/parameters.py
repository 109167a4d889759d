"""Click's options and arguments: those that all commands share, and those of operations."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import click
from click.shell_completion import CompletionItem

from .._decoding.declared import declared
from .._environment import KEY, PORTAL
from .._fields import mask as masks
from ..operation import Operation, Parameter

if TYPE_CHECKING:
    ParamType = click.ParamType[Any]
else:  # Older releases of Click have no parameter of that type.
    ParamType = click.ParamType

OWN = "aiodatagouv"
"""This package."""

_PORTALS = ("production", "demo")

Rate: TypeAlias = float | Literal["auto"]


def _dashed(name: str) -> str:
    return name.replace("_", "-")


CONTEXT: dict[str, Any] = {
    "help_option_names": ["-h", "--help"],
    "max_content_width": 100,
    # Names with underscores, as in the API, are accepted too.
    "token_normalize_func": _dashed,
}
"""The settings of every command."""


def completing(*values: str) -> Callable[..., list[str]]:
    """Make a function that completes one of some values."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
        return [one for one in values if one.startswith(incomplete)]

    return complete


class KnownValues(ParamType):
    """Text with some known values; others are accepted, as another portal may know them."""

    name = "text"

    def __init__(self, values: Sequence[str]) -> None:
        self.values = values

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete a known value."""
        return [CompletionItem(one) for one in self.values if one.startswith(incomplete)]


def read_rate(text: str) -> Rate:
    """Parse requests a second, ``auto`` or ``inf``."""
    if text == "auto":
        return "auto"
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not rate > 0:
        raise click.BadParameter(f"{text!r} is not a rate: give requests a second, auto or inf.")
    return rate


def read_date(text: str) -> dt.date:
    """Parse a date, or a date and time, in ISO 8601."""
    for read in (dt.date.fromisoformat, dt.datetime.fromisoformat):
        with suppress(ValueError):
            return read(text)
    raise click.BadParameter(
        f"{text!r} is not a date: write 2026-11-24, or 2026-11-24T08:00:00Z with a time."
    )


def read_since(text: str) -> dt.date | Literal["last"]:
    """Parse a date, or ``last``."""
    return "last" if text == "last" else read_date(text)


# Options of all commands that make calls


def shared_options(package: str) -> list[click.Option]:
    """The options of every command that makes calls with the operations of a package."""
    default = "data.gouv.fr" if package == OWN else f"that of {package}"
    return [
        click.Option(
            ["portal", "--portal"],
            shell_complete=completing(*_PORTALS),
            metavar="URL|production|demo",
            help=f"The portal to call, {default} by default. [env: {PORTAL}]",
        ),
        click.Option(
            ["rate", "--rate"],
            type=read_rate,
            shell_complete=completing("auto", "inf"),
            metavar="NUMBER|auto|inf",
            help="Maximum requests a second: 5 by default; auto finds the portal's limit; inf is "
            "no limit.",
        ),
        click.Option(
            ["verbose", "-v", "--verbose"],
            count=True,
            help="Log retries and waits on stderr; -vv also logs each request.",
        ),
        click.Option(
            ["api_key", "--api-key"],
            # With or without a value: never taken for another argument, and never shown.
            is_flag=False,
            flag_value="",
            hidden=True,
            expose_value=False,
            callback=_refuse_key,
        ),
    ]


def concurrency_option() -> click.Option:
    """``--concurrency``, of commands that make several calls."""
    return click.Option(
        ["concurrency", "--concurrency"],
        type=click.IntRange(min=1),
        metavar="N",
        help="Pages of a list to fetch at once: 4 by default.",
    )


def chosen(ctx: click.Context, name: str) -> Any:
    """The value of a shared option given last on the command line, or None."""
    given = (one.params.get(name) for one in _chain(ctx))
    return next((value for value in given if value is not None), None)


def chosen_verbosity(ctx: click.Context) -> int:
    """The number of ``-v`` on the whole command line."""
    return sum(one.params.get("verbose", 0) for one in _chain(ctx))


def _chain(ctx: click.Context) -> Iterator[click.Context]:
    here: click.Context | None = ctx
    while here is not None:
        yield here
        here = here.parent


def _refuse_key(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value is not None:
        raise click.UsageError(
            "There is no --api-key, as other users of this machine could read it: set the "
            f"environment variable {KEY}.",
            ctx,
        )


# Parameters of operations

_TYPES: Mapping[str, ParamType] = {
    "Id": click.STRING,
    "str": click.STRING,
    "int": click.INT,
    "bool": click.BOOL,
    "dt.date": click.types.FuncParamType(read_date),
    "dt.datetime": click.types.FuncParamType(read_date),
}


def to_click(parameter: Parameter, operation: Operation) -> click.Parameter:
    """Make the argument or option of an operation's parameter."""
    several = parameter.type.startswith("Sequence[")
    name = parameter.type.removeprefix("Sequence[").removesuffix("]")
    # Types other than the plain ones are aliases of a Literal.
    type_ = _TYPES.get(name) or KnownValues(operation.known_values(name))
    if parameter.place == "query" and parameter.name in ("page", "page_size"):
        type_ = click.IntRange(min=1)
    key = _dashed(spelled(parameter))
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
        metavar="DATE" if name.startswith("dt.") else None,
        multiple=several,
        required=parameter.required,
        help=text.strip(),
    )


def spelled(parameter: Parameter) -> str:
    """The name of a parameter on the command line: ``for``, where Python needs ``for_``."""
    return parameter.name.rstrip("_")


# Fields of answers


def fields_option(operation: Operation) -> click.Option:
    """``--fields``, with the names of the operation's fields as completions."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
        before, comma, begun = incomplete.rpartition(",")
        names = sorted(declared(masks.model_of(operation)))
        return [f"{before}{comma}{one}" for one in names if one.startswith(begun)]

    return click.Option(
        ["fields", "--fields"],
        multiple=True,
        metavar="FIELDS",
        shell_complete=complete,
        help="Only these fields: id,organization.name or, in quotes, 'id,organization{name}'. "
        "May be given several times.",
    )
