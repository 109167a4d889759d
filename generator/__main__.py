"""The generator's command line, with one function for each command."""

from __future__ import annotations

import argparse
import filecmp
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from . import client, corrections, pin, renaming
from .build import build
from .diff import Status, sources
from .diff import command as diff
from .emit import ROOMS, emit
from .errors import GenerationError, one_line
from .pin import PinError
from .regenerate import Take, regenerate

ROOT = Path(__file__).parent.parent
OPENAPI = ROOT / "openapi"
PACKAGE = ROOT / "src" / "aiodatagouv"


def main() -> None:
    """Run a command. A failure prints one line to stderr and exits with status 1."""
    parser = argparse.ArgumentParser(prog="python -m generator", description=__doc__)
    commands = parser.add_subparsers(required=True)
    generate = commands.add_parser("generate", help="write aiodatagouv.api and .models")
    generate.set_defaults(run=lambda _: _generate(PACKAGE, pin.read_pins(OPENAPI)))
    check = commands.add_parser("check", help="check that the generated code is up to date")
    check.set_defaults(run=lambda _: _check())
    taking = commands.add_parser("pin", help="pin the Swagger of a release")
    again = commands.add_parser("regenerate", help="pin a release, generate, report the changes")
    for one in (taking, again):
        one.add_argument("--url", help="the root of the API of a running portal")
        one.add_argument("--udata", help="a release of the udata package")
        one.add_argument("--release", help="its release, if the portal does not report it")
    again.add_argument("--report", type=Path, help="a file for the report, in Markdown")
    again.set_defaults(run=_regenerate)
    taking.add_argument(
        "--force",
        action="store_true",
        help="accept missing operations, and a document that no code can be generated from yet",
    )
    taking.set_defaults(run=_pin)
    comparing = commands.add_parser("diff", help="compare two releases as callers see them")
    comparing.add_argument("old", help=sources.KINDS)
    comparing.add_argument("new", help="the same, of the newer one")
    comparing.add_argument("--json", action="store_true", help="print JSON for tools")
    comparing.set_defaults(run=_diff)
    making = commands.add_parser("client", help="make a package for a portal of another release")
    client.add_arguments(making)
    making.set_defaults(run=lambda given: _report(given, lambda: client.run(given, OPENAPI)))
    arguments = parser.parse_args()
    try:
        arguments.run(arguments)
    except Exception as error:  # Of a document that no check foresees, too.
        raise SystemExit(one_line(f"{type(error).__name__}: {error}")) from None


def _generate(package: Path, pins: list[tuple[pin.Release, dict[str, Any]]]) -> None:
    fixes = corrections.read(OPENAPI / "corrections.toml")
    names = OPENAPI / "names.toml"
    seen = build(pins, fixes, renaming.read(names), renaming.read_aliases(names))
    emit(seen, [release.release for release, _ in pins], package)
    operations = sum(map(len, seen.tags.values()))
    print(
        f"{operations} operations, {len(seen.models)} models, {len(seen.enums)} enums, 0 warnings"
    )


def _check() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        _generate(Path(scratch), pin.read_pins(OPENAPI))
        different = [
            name
            for room in ROOMS
            for name in _differences(filecmp.dircmp(PACKAGE / room, Path(scratch, room)), room)
        ]
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
        return partial(pin.pin_from_url, url=url, release=arguments.release, force=force)
    return partial(pin.pin_from_udata, release=udata, force=force)


def _regenerate(arguments: argparse.Namespace) -> None:
    take = _taking(arguments, force=False)
    _report(arguments, lambda: regenerate(OPENAPI, PACKAGE, take))


def _report(arguments: argparse.Namespace, work: Callable[[], tuple[Status, str]]) -> NoReturn:
    """Do what has a class and a report: write and print the report, and exit with the class."""
    file: Path | None = arguments.report
    if file and not file.parent.is_dir():
        raise PinError(f"there is no folder {file.parent} for the report")
    status, report = work()
    if file:
        pin.replace(file, report.encode())
    print(report.rstrip("\n"))
    raise SystemExit(status)


def _pin(arguments: argparse.Namespace) -> None:
    take = _taking(arguments, force=arguments.force)
    with tempfile.TemporaryDirectory() as scratch:
        openapi, package = Path(scratch, "openapi"), Path(scratch, "package")
        package.mkdir()
        shutil.copytree(OPENAPI, openapi)
        pinned = take(openapi)
        if pinned in pin.read_entries(OPENAPI):
            print(f"unchanged: the API is that of {pinned.release}, which is pinned")
            return
        if not arguments.force:
            try:
                _generate(package, pin.read_pins(openapi))
            except GenerationError as error:
                raise PinError(
                    f"no code can be generated from {pinned.release}, so the pins are unchanged "
                    f"(FORCE=1 pins it, to correct it): {error}"
                ) from None
        for name in (pinned.file, "pin.toml"):
            pin.replace(OPENAPI / name, (openapi / name).read_bytes())
    print(f"pinned {pinned.release}: {pinned.operations} operations, sha256 {pinned.sha256}")


def _diff(arguments: argparse.Namespace) -> None:
    raise SystemExit(diff.run(arguments.old, arguments.new, ROOT, is_json=arguments.json))


if __name__ == "__main__":
    main()
