"""The options that the commands of files share, and their report as JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from ..errors import APIError, UnreachableError
from .output import write_json

if TYPE_CHECKING:
    from .operations import Package

_SIZE = re.compile(r"([0-9]{1,12})([KMGT]?)(i?B)?", re.IGNORECASE | re.ASCII)
_UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}

_HOPELESS = frozenset({401, 403, 404, 410, 423, 429})
"""The statuses that the portal would give to the next file as well."""


def read_size(text: str) -> int:
    """Parse a size in bytes: ``500``, or ``8M``, which is 8 times 1024 times 1024."""
    found = _SIZE.fullmatch(text.strip())
    if found is None or not int(found[1]):
        raise click.BadParameter(f"{text!r} is not a size: write 500 for bytes, or 64K, 8M, 2G.")
    return int(found[1]) << _UNITS[found[2].upper()]


def json_option() -> click.Option:
    """``--json``, of commands that have a report."""
    text = "Print the report on stdout, as one JSON object."
    return click.Option(["json", "--json"], is_flag=True, help=text)


def counting_option(name: str, help: str) -> click.Option:
    """An option that takes a positive number."""
    return click.Option([f"--{name}"], type=click.IntRange(min=1), metavar="N", help=help)


def size_option(help: str) -> click.Option:
    """``--max-size``, of commands that fetch files."""
    return click.Option(["max_size", "--max-size"], type=read_size, metavar="SIZE", help=help)


def private_option() -> click.Option:
    """``--allow-private``, of commands that fetch files."""
    text = "Also fetch from this machine and from private networks, which are refused otherwise."
    return click.Option(["allow_private", "--allow-private"], is_flag=True, help=text)


def unverified_option() -> click.Option:
    """``--no-verify``, of commands that fetch files."""
    text = "Do not compare files with the checksum and the size on the portal, which may be old."
    return click.Option(["no_verify", "--no-verify"], is_flag=True, help=text)


def write_report(report: Mapping[str, Any]) -> None:
    """Print a report on stdout, as one JSON object."""
    write_json(dict(report), None)


def any_operation(package: Package) -> Any:
    """An operation of a package, which tells its client."""
    return next(iter(package.by_name.values()))


def ends_all(error: Exception) -> bool:
    """Whether the transfer of the next file would fail in the same way."""
    if isinstance(error, APIError):
        return error.status in _HOPELESS
    return isinstance(error, UnreachableError)
