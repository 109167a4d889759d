"""``aiodatagouv portal``: the release that a portal runs, and the operations that it lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from . import exits
from .operations import Package
from .output import write_json
from .parameters import CONTEXT, shared_options
from .running import run

if TYPE_CHECKING:
    from ..client import Client
    from ..portal import Portal

_HELP = """Print the portal's title and release of udata, and the operations that it lacks.

\b
aiodatagouv portal --portal https://dados.example.pt | jq -r .release

What the portal does not tell is null.
"""


def portal(package: Package) -> click.Command:
    """Make the command ``portal``."""

    @click.command("portal", context_settings=CONTEXT, help=package.help(_HELP))
    @click.pass_context
    def portal(ctx: click.Context, /, **_: object) -> int:
        """Print what a portal tells of itself."""
        every = package.by_name

        async def work(client: Client) -> Portal:
            return await client.portal()

        found = run(ctx, work, next(iter(every.values())))
        lacks = [name for name, one in every.items() if found.serves(one) is False]
        answer = {"url": found.url, "title": found.title, "release": found.release}
        write_json({**answer, "lacks": None if found.operations is None else lacks}, None)
        return exits.COMPLETE

    portal.params += shared_options(package.name)
    return portal
