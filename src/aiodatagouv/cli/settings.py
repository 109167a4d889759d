"""The options of every call, before the command or after it, and the client that they make."""

from __future__ import annotations

import logging
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from . import exits
from .parameters import KnownValues, RateType

if TYPE_CHECKING:
    from ..client import Client

PORTAL = "DATAGOUV_PORTAL"

_PORTALS = ("production", "demo")


def shared_options() -> list[click.Option]:
    """Those of every call."""
    return [
        click.Option(
            ["portal", "--portal"],
            type=KnownValues(_PORTALS),
            metavar="URL|production|demo",
            help=f"The portal to call, data.gouv.fr by default. [env: {PORTAL}]",
        ),
        click.Option(
            ["rate", "--rate"],
            type=RateType(),
            metavar=RateType.name,
            help="Requests a second at most: 5 by default; auto finds out how many the portal "
            "takes; inf is any number.",
        ),
        click.Option(
            ["verbose", "-v", "--verbose"],
            count=True,
            help="Say what is waited for on stderr; -vv also says each request.",
        ),
        click.Option(
            ["api_key", "--api-key"],
            # With a value or without: what follows is never taken for something else, nor shown.
            is_flag=False,
            flag_value="",
            hidden=True,
            expose_value=False,
            callback=_refuse_key,
        ),
    ]


def concurrency_option() -> click.Option:
    """That of what makes several calls."""
    return click.Option(
        ["concurrency", "--concurrency"],
        type=click.IntRange(min=1),
        metavar="N",
        help="How many pages of a list are under way at once: 4 by default.",
    )


def chosen(ctx: click.Context, name: str) -> Any:
    """What was given for an option, nearest to the end of the command line; None if nothing."""
    given = (one.params.get(name) for one in _chain(ctx))
    return next((value for value in given if value is not None), None)


def client_of(ctx: click.Context, **options: Any) -> Client:
    """The client that the command line asks for, with the API key of the environment.

    Args:
        ctx: The command line.
        **options: What else the client is to be told.

    Raises:
        ValueError: There is none.
    """
    from ..client import DEMO, PRODUCTION, Client

    given = chosen(ctx, "portal")
    if given == "":
        raise click.UsageError("--portal is empty: give an address, production or demo.", ctx)
    portal = given or os.environ.get(PORTAL) or "production"
    options["base_url"] = {"production": PRODUCTION, "demo": DEMO}.get(portal, portal)
    rate = chosen(ctx, "rate")
    if rate is not None:
        options["rate"] = rate
    return Client(**options)


class _Stderr(logging.Handler):
    """Prints on what stderr is by then: a progress bar puts lines above itself."""

    def emit(self, record: logging.LogRecord) -> None:
        exits.say(record.getMessage())


@contextmanager
def logs(ctx: click.Context) -> Generator[None]:
    """Print the library's log, as far as ``-v`` asks for it."""
    verbosity = sum(one.params.get("verbose", 0) for one in _chain(ctx))
    log, handler = logging.getLogger("aiodatagouv"), _Stderr()
    level = log.level
    if verbosity:
        log.addHandler(handler)
        log.setLevel(logging.INFO if verbosity == 1 else logging.DEBUG)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


def _chain(ctx: click.Context) -> Iterator[click.Context]:
    here: click.Context | None = ctx
    while here is not None:
        yield here
        here = here.parent


def _refuse_key(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value is not None:
        raise click.UsageError(
            "There is no --api-key: other users of this machine could read it. Put the key into "
            f"the environment variable {exits.KEY}.",
            ctx,
        )
