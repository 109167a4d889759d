"""``aiodatagouv download``: the file of a resource."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .._disk import part_of
from . import exits
from .bars import FileBar
from .operations import Package
from .output import STDOUT, Destination
from .parameters import CONTEXT, shared_options
from .progress import size
from .running import run
from .transfer import (
    any_operation,
    json_option,
    private_option,
    size_option,
    unverified_option,
    write_report,
)

if TYPE_CHECKING:
    from ..client import Client
    from ..files import Download
    from ..files._download.checksums import Checksum
    from ..models import Resource

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
"""The id of a resource in an address."""

_HELP = """Fetch the file of a resource, and verify it.

\b
aiodatagouv download 6b08d01a-8713-4e5c-a463-ce6091d5c5b8
aiodatagouv download https://www.data.gouv.fr/datasets/r/6b08d01a-8713-4e5c-a463-ce6091d5c5b8 -o x

RESOURCE is an id, or an address of the portal with one. The API key is not sent to the host of the
file. The file gets its name once it is whole and its checksum is right, as far as the portal has
one. After an interruption the same command continues.
"""


class _Place(Destination):
    """A file to write, or the folder to write it to under its own name."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Check that a file can be made there."""
        if value == STDOUT:
            self.fail("A file that is not verified yet is not printed: give a path.", param, ctx)
        if value and value.endswith(("/", os.sep)) and not Path(value).is_dir():
            self.fail(f"There is no folder {value!r}.", param, ctx)
        if value and Path(value).is_dir():
            super().convert(str(Path(value, "x")), param, ctx)
            return value
        return super().convert(value, param, ctx)


def download(package: Package) -> click.Command:
    """Make the command ``download``."""

    @click.command("download", context_settings=CONTEXT, help=package.help(_HELP))
    @click.pass_context
    def download(ctx: click.Context, /, **_: object) -> int:
        """Fetch a file."""
        return _download(ctx, package)

    download.params += [
        click.Argument(["resource"], type=read_id),
        click.Option(
            ["output", "-o", "--output"],
            type=_Place(),
            help="The file to write, or its folder: by default the present folder, and the name "
            "that the portal has for it.",
        ),
        size_option("Give up a file that is larger, such as 2G."),
        unverified_option(),
        private_option(),
        click.Option(
            ["fresh", "--fresh"],
            is_flag=True,
            help="Start again, even if an interrupted download could be continued.",
        ),
        json_option(),
        *shared_options(package.name),
    ]
    return download


def read_id(text: str) -> str:
    """Parse the id of a resource, or an address of the portal that has one."""
    if "/" not in text:
        return text
    found = _ID.findall(text)
    if not found:
        raise click.BadParameter(f"{text!r} has no id of a resource: give the id alone.")
    return str(found[-1])


def _download(ctx: click.Context, package: Package) -> int:
    id_: str = ctx.params["resource"]
    options = {
        "allow_private": ctx.params["allow_private"],
        "resume": not ctx.params["fresh"],
        "verify": not ctx.params["no_verify"],
    }
    if ctx.params["max_size"] is not None:
        options["max_size"] = ctx.params["max_size"]
    path: Path | None = None

    async def work(client: Client) -> Download:
        from .. import files
        from ..api import v2

        nonlocal path
        waiting = FileBar(id_)
        with waiting:
            client = client.with_options(on_retry=waiting.show_wait)
            resource = (await v2.datasets.get_resource(client, id_)).resource
            path = _path(ctx.params["output"], resource)
            waiting.rename(path.name)
            return await files.download(client, resource, path, progress=waiting.update, **options)

    try:
        done = run(ctx, work, any_operation(package))
    except exits.EXPECTED as error:
        is_kept = path is not None and part_of(path).exists()
        return exits.report(error, "the same command continues the download" if is_kept else "")
    if ctx.params["json"]:
        write_report(_report(id_, path, done))
    else:
        exits.say(_summary(path, done))
    return exits.COMPLETE


def _path(output: str | None, resource: Resource) -> Path:
    """The path to write to.

    Raises:
        UsageError: There is a file of the name that the portal has chosen.
    """
    if output is not None and not Path(output).is_dir():
        return Path(output)
    from ..files._folder.names import name_of

    name = name_of(url=resource.url, title=resource.title, format=resource.format, id=resource.id)
    path = Path(output or "") / name
    if path.exists():
        raise click.UsageError(f"{path} exists: give -o {path} to replace it.")
    return path


def _report(id_: str, path: Path | None, done: Download) -> dict[str, Any]:
    """The report as JSON."""
    return {
        "resource": id_,
        "path": str(path),
        "size": done.size,
        "verified": _checksum(done.checksum),
        "checksum": _checksum(done.digest),
        "url": done.url,
        "etag": done.etag,
        "last_modified": done.last_modified,
        "resumed": done.resumed,
    }


def _checksum(one: Checksum | None) -> dict[str, str] | None:
    return None if one is None else {"type": one.type, "value": one.value}


def _summary(path: Path | None, done: Download) -> str:
    """The file in one line."""
    parts = [
        size(done.size),
        *([f"{size(done.resumed)} there already"] if done.resumed else []),
        "no checksum to compare with"
        if done.checksum is None
        else f"{done.checksum.type} verified",
    ]
    return f"{path}: {', '.join(parts)}"
