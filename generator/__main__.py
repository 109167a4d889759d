"""The generator's command line, with one function for each command."""

from __future__ import annotations

import argparse
import filecmp
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NoReturn

from . import client, corrections, origins, pin, renaming, served
from .build import attempt, build
from .diff import Status, sources
from .diff import command as diff
from .emit import ROOMS, emit
from .errors import GenerationError, one_line
from .pin import PinError, release_number
from .regenerate import (
    GENERATED,
    OPENAPI,
    PACKAGE,
    Take,
    newest_of,
    refuse_older,
    regenerate,
    written_by_pin,
)
from .swap import recover, swap

ROOT = Path(__file__).parent.parent


class Parser(argparse.ArgumentParser):
    """A parser that reports an error as the commands do: in one line, with status 1."""

    def error(self, message: str) -> NoReturn:
        """Exit. The status of ``argparse`` itself, 2, means nothing to those who call a command."""
        raise SystemExit(one_line(f"{message}; {self.prog} --help lists the arguments"))


def main(root: Path = ROOT) -> None:
    """Run a command. A failure prints one line to stderr and exits with status 1.

    Args:
        root: The folder of the project.
    """
    parser = Parser(prog="python -m generator", description=__doc__)
    commands = parser.add_subparsers(required=True)
    generate = commands.add_parser("generate", help="write aiodatagouv.api and .models")
    generate.set_defaults(run=lambda _: _generate(root))
    check = commands.add_parser("check", help="check that the generated code is up to date")
    check.set_defaults(run=lambda _: _check(root))
    taking = commands.add_parser("pin", help="pin the Swagger of a release")
    again = commands.add_parser("regenerate", help="pin a release, generate, report the changes")
    for one in (taking, again):
        one.add_argument("--url", help="the root of a running portal, or of its API")
        one.add_argument("--udata", help="a release of the udata package")
        one.add_argument("--release", help="its release, if the portal does not report it")
    again.add_argument("--report", type=Path, help="a file for the report, in Markdown")
    again.set_defaults(run=lambda given: _regenerate(given, root))
    taking.add_argument(
        "--force",
        action="store_true",
        help="accept missing operations, and a document that no code can be generated from yet",
    )
    taking.set_defaults(run=lambda given: _pin(given, root))
    serving = commands.add_parser("served", help="note which operations a release serves")
    source = serving.add_mutually_exclusive_group(required=True)
    source.add_argument("--udata", help="a release of the udata package")
    source.add_argument(
        "--file",
        type=Path,
        help="a Swagger, such as udata-14.13.0.json; that of API v2 may be beside it",
    )
    serving.set_defaults(run=lambda given: _served(given, root))
    comparing = commands.add_parser("diff", help="compare two releases as callers see them")
    comparing.add_argument("old", help=sources.KINDS)
    comparing.add_argument("new", help="the same, of the newer one")
    comparing.add_argument("--json", action="store_true", help="print JSON for tools")
    comparing.set_defaults(run=lambda given: _diff(given, root))
    making = commands.add_parser("client", help="make a package for a portal of another release")
    client.add_arguments(making)
    making.set_defaults(run=lambda given: _report(given, lambda: client.run(given, root / OPENAPI)))
    arguments = parser.parse_args()
    try:
        recover(root)
        arguments.run(arguments)
    except Exception as error:  # Of a document that no check foresees, too.
        raise SystemExit(one_line(f"{type(error).__name__}: {error}")) from None


def _generate(root: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        _emit(root / OPENAPI, Path(scratch))
        swap(Path(scratch), root, GENERATED)


def _emit(openapi: Path, scratch: Path) -> None:
    """Generate into another folder than the project's, and say how much."""
    pins = pin.read_pins(openapi)
    releases = pin.release_names(pins)
    names = openapi / "names.toml"
    fixes = corrections.for_newest(openapi, releases[0] if releases else "0")
    renames, aliases = renaming.read(names), renaming.read_aliases(names)
    if {*corrections.written_for(openapi / "corrections.toml")} <= {*releases}:
        seen = build(pins, fixes, renames, aliases)
    else:
        tried = attempt(pins, fixes, renames, aliases)
        seen = tried.view
        for line in [*map(str, tried.unapplied), *tried.unnamed]:
            print(f"does not apply to these pins: {line}")
    emit(served.mark(seen, releases, served.read(openapi)), releases, scratch / PACKAGE)
    operations = sum(map(len, seen.tags.values()))
    print(
        f"{operations} operations, {len(seen.models)} models, {len(seen.enums)} enums, 0 warnings"
    )


def _check(root: Path) -> None:
    pin.check_names(root / OPENAPI)
    with tempfile.TemporaryDirectory() as scratch:
        _emit(root / OPENAPI, Path(scratch))
        compared = {
            room: filecmp.dircmp(root / PACKAGE / room, Path(scratch, PACKAGE, room))
            for room in ROOMS
        }
        different = [name for room, one in compared.items() for name in _differences(one, room)]
    if different:
        raise SystemExit("out of date, run `make generate`: " + ", ".join(sorted(different)))
    print("the generated code is up to date")


def _differences(compared: filecmp.dircmp[str], room: str) -> list[str]:
    # dircmp compares sizes and times only, so two different files can count as equal.
    _, changed, unreadable = filecmp.cmpfiles(
        compared.left, compared.right, compared.common_files, shallow=False
    )
    alone = compared.left_only + compared.right_only
    return [f"{room}/{name}" for name in changed + unreadable + alone if name != "__pycache__"]


def _taking(arguments: argparse.Namespace, *, force: bool) -> Take:
    """Return what pins the document that the arguments name."""
    url, udata = arguments.url, arguments.udata
    if bool(url) == bool(udata):
        raise PinError("pass either URL=<the root of a portal's API> or UDATA=<a release>")
    if url:
        return partial(origins.from_url, url=url, release=arguments.release, force=force)
    return partial(origins.from_udata, release=udata, force=force)


def _regenerate(arguments: argparse.Namespace, root: Path) -> None:
    take = _taking(arguments, force=False)
    if arguments.udata:
        # Before its environment is created, which takes minutes.
        refuse_older(release_number(arguments.udata), newest_of(root))
    _report(arguments, lambda: regenerate(root, take))


def _report(arguments: argparse.Namespace, work: Callable[[], tuple[Status, str]]) -> NoReturn:
    """Do what has a class and a report: write and print the report, and exit with the class."""
    file: Path | None = arguments.report
    if file and not file.parent.is_dir():
        raise PinError(f"there is no folder {file.parent} for the report")
    if file and file.is_dir():
        raise PinError(f"{file} is a folder: the report needs a file")
    status, report = work()
    if file:
        pin.replace(file, report.encode())
    print(report.rstrip("\n"))
    raise SystemExit(status)


def _pin(arguments: argparse.Namespace, root: Path) -> None:
    take = _taking(arguments, force=arguments.force)
    with tempfile.TemporaryDirectory() as scratch:
        openapi = Path(scratch, OPENAPI)
        shutil.copytree(root / OPENAPI, openapi)
        pinned = take(openapi)
        release = pinned[0].release
        known = pin.read_entries(root / OPENAPI)
        if pinned == [entry for entry in known if entry.release == release]:
            print(f"unchanged: the API is that of {release}, which is pinned")
            return
        if not arguments.force:
            try:
                _emit(openapi, Path(scratch))
            except GenerationError as error:
                raise PinError(
                    f"no code can be generated from {release}, so the pins are unchanged "
                    f"(FORCE=1 pins it, to correct it): {error}"
                ) from None
        swap(Path(scratch), root, written_by_pin(release))
    for entry in pinned:
        count, digest = entry.operations, entry.sha256
        print(f"pinned {release}, API v{entry.api}: {count} operations, sha256 {digest}")


def _served(arguments: argparse.Namespace, root: Path) -> None:
    release, contents = (
        (arguments.udata, origins.dump(arguments.udata))
        if arguments.udata
        else origins.read_file(arguments.file)
    )
    documents = [pin.parse(content) for _, content in sorted(contents.items())]
    count = served.add(root / OPENAPI, release, documents)
    print(f"{release} serves {count} operations: run `make generate`")


def _diff(arguments: argparse.Namespace, root: Path) -> None:
    raise SystemExit(diff.run(arguments.old, arguments.new, root, is_json=arguments.json))


if __name__ == "__main__":
    main()
