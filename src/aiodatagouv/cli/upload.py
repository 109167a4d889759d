"""``aiodatagouv upload``: files, as resources of a dataset."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from attrs import define, field

from ..errors import (
    CheckpointError,
    DataGouvError,
    DestinationError,
    GoneError,
    NotFoundError,
)
from . import exits, stdin
from .bars import FileBar
from .operations import Package
from .output import write_text
from .parameters import CONTEXT, chosen, shared_options
from .running import run
from .transfer import (
    any_operation,
    counting_option,
    ends_all,
    json_option,
    read_size,
    write_report,
)

if TYPE_CHECKING:
    from ..client import Client

_STDIN = "-"

_HELP = """Publish files as resources of a dataset, each under its own name.

\b
aiodatagouv upload a-slug-or-id stops.csv lines.csv
aiodatagouv upload a-slug-or-id stops.csv --resource 6b08d01a-8713-4e5c-a463-ce6091d5c5b8
sqlite3 -csv stops.db 'select * from stops' | aiodatagouv upload a-slug-or-id - --name stops.csv

The id and the URL of each resource are printed once the portal has computed the same checksum as
this command. After an interruption the same command continues, by means of the file FILE.upload.

Uploads need an API key in the environment variable DATAGOUV_API_KEY.
"""

_FILE = click.Path(exists=True, dir_okay=False, readable=True, allow_dash=True)


@define
class Outcome:
    """The outcome of one file.

    Attributes:
        file: Its path, as it was given.
        resource: The resource as the portal answered, None if there is none.
        error: The reason of a failure.
    """

    file: str
    resource: dict[str, Any] | None = None
    error: Exception | None = field(default=None, repr=False)

    @property
    def is_there(self) -> bool:
        """Whether it is published."""
        return self.resource is not None

    def to_dict(self) -> dict[str, Any]:
        """The outcome as JSON."""
        sent = self.resource or {}
        status = "uploaded" if self.is_there else "failed" if self.error else "not tried"
        return {
            "file": self.file,
            "status": status,
            **{name: sent.get(name) for name in ("id", "url", "title", "filesize", "checksum")},
            "error": None if self.error is None else exits.words(self.error),
        }


def upload(package: Package) -> click.Command:
    """Make the command ``upload``."""

    @click.command("upload", context_settings=CONTEXT, help=package.help(_HELP))
    @click.pass_context
    def upload(ctx: click.Context, /, **_: object) -> int:
        """Publish files."""
        return _upload(ctx, package)

    upload.params += [*_parameters(), *shared_options(package.name)]
    return upload


def _parameters() -> list[click.Parameter]:
    return [
        click.Argument(["dataset"]),
        click.Argument(["files"], type=_FILE, nargs=-1, required=True, metavar="FILE..."),
        click.Option(
            ["resource", "--resource"],
            metavar="ID",
            help="Replace the file of this resource, which keeps its title, instead of adding one.",
        ),
        click.Option(
            ["community", "--community"],
            is_flag=True,
            help="Publish a community resource, which is not of the dataset's owner.",
        ),
        click.Option(
            ["title", "--title"],
            metavar="TEXT",
            help="The title of the resource: by default the name of the file.",
        ),
        click.Option(
            ["name", "--name"],
            metavar="TEXT",
            help="The name that the portal is told: by default that of the file.",
        ),
        click.Option(
            ["chunk_size", "--chunk-size"],
            type=read_size,
            metavar="SIZE",
            help="Send a larger file in chunks of this size: 8M by default.",
        ),
        counting_option("concurrency", "Chunks to send at once: 4 by default."),
        click.Option(
            ["journal", "--journal"],
            type=click.Path(dir_okay=False, writable=True),
            help="The file that an interrupted upload is continued by: FILE.upload by default.",
        ),
        click.Option(
            ["fresh", "--fresh"],
            is_flag=True,
            help="Start again, even if an interrupted upload could be continued.",
        ),
        json_option(),
    ]


def _upload(ctx: click.Context, package: Package) -> int:
    given: Sequence[str] = ctx.params["files"]
    _check(ctx, given)
    journals = {one: _journal(ctx, one) for one in given}
    _check_journals(ctx, given, journals.values())
    outcomes = [Outcome(one) for one in given]
    concurrency = chosen(ctx, "concurrency")
    size = ctx.params["chunk_size"]
    options = {
        **{name: ctx.params[name] for name in ("resource", "community", "title")},
        **({} if concurrency is None else {"concurrency": concurrency}),
        **({} if size is None else {"chunk_size": size}),
    }

    async def work(client: Client) -> None:
        from .. import files

        for outcome in outcomes:
            journal = journals[outcome.file]
            name = ctx.params["name"] or Path(outcome.file).name
            is_stdin = outcome.file == _STDIN
            source = stdin.pieces(stdin.descriptor()) if is_stdin else Path(outcome.file)
            try:
                if journal is not None:
                    await _prepare(ctx, client, journal)
                with FileBar(name) as shown:
                    resource = await files.upload(
                        client.with_options(on_retry=shown.show_wait),
                        ctx.params["dataset"],
                        source,
                        name=name,
                        journal=journal,
                        progress=shown.update,
                        **options,
                    )
            except (DataGouvError, OSError, ValueError) as error:
                outcome.error = error
                if len(outcomes) > 1:
                    exits.report(error, about=outcome.file)
                if ends_all(error):
                    return
                continue
            outcome.resource = resource.to_dict()
            if not ctx.params["json"]:
                write_text(f"{resource.id} {resource.url}", None)

    try:
        run(ctx, work, any_operation(package))
    except exits.EXPECTED as error:
        return exits.report(error, _kept(journals.values()))
    return _conclude(ctx, outcomes, [one for one in journals.values() if one is not None])


def _check(ctx: click.Context, given: Sequence[str]) -> None:
    """Refuse options that cannot be meant for these files."""
    if len({*given}) < len(given):
        raise click.UsageError("A file is given twice.", ctx)
    for name in ("resource", "title", "name", "journal"):
        if len(given) > 1 and ctx.params[name] is not None:
            raise click.UsageError(f"--{name} is for one file: {len(given)} are given.", ctx)
    if _STDIN not in given:
        return
    if len(given) > 1:
        raise click.UsageError("- is stdin, and cannot be given with files.", ctx)
    if not ctx.params["name"]:
        raise click.UsageError("stdin has no name: give --name NAME.", ctx)
    if ctx.params["journal"] is not None:
        raise click.UsageError("stdin cannot be read again, so it has no --journal.", ctx)
    stdin.descriptor()


def _journal(ctx: click.Context, file: str) -> Path | None:
    """The journal of a file; None for stdin, which cannot be read a second time."""
    if file == _STDIN:
        return None
    given: str | None = ctx.params["journal"]
    return Path(given) if given else Path(f"{file}.upload")


def _check_journals(
    ctx: click.Context, given: Sequence[str], journals: Iterable[Path | None]
) -> None:
    """Refuse a journal that would be one of the files."""
    for journal in journals:
        if journal is not None and journal.exists() and any(map(journal.samefile, given)):
            raise click.UsageError(f"{journal} is a FILE and a journal at once.", ctx)


async def _prepare(ctx: click.Context, client: Client, journal: Path) -> None:
    """Remove a journal that is not to be continued: with ``--fresh``, or if its resource is gone.

    Raises:
        CheckpointError: Something else is in its place.
    """
    from ..api import datasets
    from ..files._upload.journal import published, remove

    if ctx.params["fresh"]:
        remove(journal)
    elif (id := published(journal)) is not None:
        try:
            if ctx.params["community"]:
                await datasets.get_community_resource(client, id, fields="id")
            else:
                await datasets.get_resource(client, ctx.params["dataset"], id, fields="id")
        except (NotFoundError, GoneError):
            remove(journal)


def _conclude(ctx: click.Context, outcomes: Sequence[Outcome], journals: Sequence[Path]) -> int:
    """Write the report, and return the exit status.

    The journals are removed once all files are published and the report is written: until then the
    same command sends those only that are not there.
    """
    there = [one for one in outcomes if one.is_there]
    if ctx.params["json"]:
        write_report(
            {
                "dataset": ctx.params["dataset"],
                "complete": len(there) == len(outcomes),
                "files": [one.to_dict() for one in outcomes],
            }
        )
    if len(there) == len(outcomes):
        for journal in journals:
            journal.unlink(missing_ok=True)
        return exits.COMPLETE
    can_continue = any(not one.is_there and not _is_over(one.error) for one in outcomes)
    kept = _kept(journals) if can_continue else ""
    if len(outcomes) == 1:
        (error,) = [one.error for one in outcomes if one.error is not None]
        return exits.report(error, kept)
    after = f"; {kept}" if kept else ""
    exits.say(f"{len(there)} of {len(outcomes)} files published{after}")
    return exits.INCOMPLETE if there else exits.FAILED


def _is_over(error: Exception | None) -> bool:
    """Whether the same command would fail again."""
    return error is not None and (
        exits.is_users(error) or isinstance(error, CheckpointError | DestinationError)
    )


def _kept(journals: Iterable[Path | None]) -> str:
    """The advice to continue, if there is something to continue."""
    is_kept = any(one is not None and one.exists() for one in journals)
    return "the same command continues the upload" if is_kept else ""
