"""``aiodatagouv diff``: the differences between two harvests."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from .._disk import is_special, written
from ..types import JsonObject
from . import exits
from .operations import Package
from .output import STDOUT, Destination, Lines, output_option
from .parameters import CONTEXT
from .running import stoppable

if TYPE_CHECKING:
    from ..bulk import Summary

DIFFERENT = 10
"""The exit status if there are differences: 1 is an error, as of every command."""

_BATCH = 100
"""Differences that are written at once."""

_FIELDS = 8
"""The most fields that the summary names."""

_HELP = """Compare two harvests: what was added, what changed and what is gone.

\b
aiodatagouv diff yesterday.jsonl.gz today.jsonl.gz
aiodatagouv diff old.parquet new.parquet -o differences.jsonl
aiodatagouv diff old.jsonl new.jsonl --brief | jq -r 'select(.change == "gone") | .key.id'

OLD and NEW are files that harvest has written, or folders of such files. The differences are JSON
Lines; a summary follows on stderr. The exit status is 0 without differences, and 10 with some.
"""


class _JsonLines(Destination):
    """A file of JSON Lines."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Check the suffix as well."""
        from ..bulk.sinks import LINES

        value = super().convert(value, param, ctx)
        if value != STDOUT and not value.endswith(LINES) and not is_special(Path(value)):
            self.fail(f"The suffix of {value!r} must be one of {', '.join(LINES)}.", param, ctx)
        return value


class _Harvest(click.Path):
    """A harvest on disk."""

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str | bytes | os.PathLike[str]:
        """Check that it exists; that it is no URL, the comparison tells."""
        from ..bulk.destination import is_url, path_of

        text = os.fspath(value)
        return text if is_url(text) else super().convert(path_of(text), param, ctx)


def diff(package: Package) -> click.Command:
    """Make the command ``diff``."""

    @click.command("diff", context_settings=CONTEXT, help=package.help(_HELP))
    @click.pass_context
    def diff(ctx: click.Context, /, **_: object) -> int:
        """Compare two harvests."""
        return _diff(ctx)

    text = "The file: .jsonl, .jsonl.gz or .jsonl.zst; stdout by default."
    diff.params += [
        click.Argument(["old"], type=_Harvest(exists=True)),
        click.Argument(["new"], type=_Harvest(exists=True)),
        output_option(text, _JsonLines()),
        click.Option(
            ["key", "--key"],
            metavar="NAME,...",
            help="The columns that identify a row: by default id, and with --explode the id of the "
            "item as well, such as dataset_id.",
        ),
        click.Option(
            ["brief", "--brief"],
            is_flag=True,
            help="Print no rows that were added or are gone, just their keys.",
        ),
    ]
    return diff


def _diff(ctx: click.Context) -> int:
    from .. import bulk

    old, new, output = ctx.params["old"], ctx.params["new"], ctx.params["output"]
    found = bulk.diff(old, new, key=ctx.params["key"])
    with stoppable(), _writing(output) as write:
        for batch in _batches(one.to_dict(brief=ctx.params["brief"]) for one in found):
            write(batch)
    exits.say(f"{old} -> {new}: {_words(found.summary)}")
    return DIFFERENT if found.summary.differ else exits.COMPLETE


@contextmanager
def _writing(output: str | None) -> Generator[Callable[[list[bytes]], None]]:
    """Write lines to a file, which is whole or not there, or to stdout."""
    if output in (None, STDOUT):
        yield Lines().write
        return
    from ..bulk._lines.compression import codec_of

    path = Path(str(output))
    piece = codec_of(path).compressor()
    with written(path) as file:

        def write(lines: list[bytes]) -> None:
            file.write(piece.compress(b"".join(b"%b\n" % line for line in lines)))

        yield write
        file.write(piece.flush())


def _batches(differences: Iterable[JsonObject]) -> Iterator[list[bytes]]:
    lines = map(msgspec.json.encode, differences)
    while batch := [*islice(lines, _BATCH)]:
        yield batch


def _words(summary: Summary) -> str:
    counts = ", ".join(
        f"{number:,} {name}"
        for name, number in (
            ("added", summary.added),
            ("changed", summary.changed),
            ("gone", summary.gone),
            ("the same", summary.same),
        )
    )
    if not summary.fields:
        return counts
    most = sorted(summary.fields.items(), key=lambda one: (-one[1], one[0]))
    fields = ", ".join(f"{name} {number:,}" for name, number in most[:_FIELDS])
    return f"{counts}; changed most: {fields}"
