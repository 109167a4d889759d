"""The command ``client``: a package for a portal of another release, with a report."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import origins, project
from .diff import Status
from .pin import PinError
from .regenerate import Take


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("--into", required=True, help="the folder of the project")
    parser.add_argument(
        "--url", help="the root of the portal, or of its API, which its clients call"
    )
    parser.add_argument("--udata", help="a release of the udata package, to read the Swagger from")
    parser.add_argument(
        "--file", help="a Swagger, such as udata-14.13.0.json; that of API v2 may be beside it"
    )
    parser.add_argument("--name", help="the package; by default the portal's host: dados_gov_pt")
    parser.add_argument("--release", help="the release of the portal, if it does not report it")
    parser.add_argument("--force", action="store_true", help="accept missing operations")
    parser.add_argument("--report", type=Path, help="a file for the report, in Markdown")


def run(arguments: argparse.Namespace, openapi: Path) -> tuple[Status, str]:
    """Make a project, or generate it again, and print what was made.

    Args:
        arguments: The arguments of the command.
        openapi: The folder with the corrections and names of the façade.

    Returns:
        The class of the changes of a project that existed, and the report. Where there is nothing
        to compare, it tells what was made.
    """
    if arguments.udata and arguments.file:
        raise PinError("pass UDATA= or FILE=, not both")
    url = origins.root_of(arguments.url) if arguments.url else None
    if not arguments.into:
        raise PinError("pass INTO=, the folder of the project")
    made = project.make(
        Path(arguments.into),
        openapi,
        _source(arguments, url),
        name=arguments.name or None,
        portal=url,
    )
    count = sum(map(len, made.view.tags.values()))
    lines = [
        f"{made.target.package} of udata {made.release.release}: {count} operations, "
        f"{len(made.view.models)} models, {len(made.view.enums)} enums, 0 warnings"
    ]
    if made.skipped:
        lines.append(f"{len(made.skipped)} corrections and names of other releases do not apply:")
        lines += [f"  {line}" for line in made.skipped]
    summary = "\n".join(lines)
    if not made.report:
        return made.status, summary
    print(summary)
    return made.status, made.report


def _source(arguments: argparse.Namespace, url: str | None) -> Take | None:
    """Return the function that pins the Swagger in a folder; None to use the pinned one."""
    release, force = arguments.release or None, arguments.force
    if arguments.file:
        file = Path(arguments.file)
        return lambda folder: origins.from_file(folder, file, release=release, force=force)
    if arguments.udata:
        return lambda folder: origins.from_udata(folder, arguments.udata, force=force)
    if url is not None:
        return lambda folder: origins.from_url(folder, url, release=release, force=force)
    return None
