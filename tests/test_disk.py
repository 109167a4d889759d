"""Durable writing of files: temporary files, links, permissions."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from aiodatagouv._disk import written

from .harvests import Stop


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_two_writers_of_one_file_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    with written(path) as first:
        first.write(b"1" * 10)
        with written(path) as second:
            second.write(b"2" * 20)
            first.write(b"1" * 30)
        assert path.read_bytes() == b"2" * 20
    assert path.read_bytes() == b"1" * 40
    assert [*tmp_path.iterdir()] == [path]


def test_a_failed_writer_does_not_disturb_another_one(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    with written(path) as first:
        with pytest.raises(Stop), written(path):
            raise Stop
        first.write(b"whole")
    assert path.read_bytes() == b"whole"


def test_other_files_with_a_similar_name_are_left_alone(tmp_path: Path) -> None:
    path, other, link = tmp_path / "x.csv", tmp_path / "notes", tmp_path / "x.csv.part"
    other.write_bytes(b"mine")
    link.symlink_to(other)
    with written(path) as file:
        file.write(b"new")
    assert other.read_bytes() == b"mine"
    assert link.is_symlink()
    link.unlink()
    link.write_bytes(b"mine too")
    with pytest.raises(Stop), written(path) as file:
        raise Stop
    assert link.read_bytes() == b"mine too"
    assert path.read_bytes() == b"new"


def test_the_name_of_a_temporary_file_says_what_it_is(tmp_path: Path) -> None:
    for name in ("x.csv", "é" * 120):  # The second one has nearly the longest possible name.
        with written(tmp_path / name) as file:
            (part,) = tmp_path.iterdir()
            assert Path(file.name) == part
            assert re.fullmatch(rf"{name[:50]}\.[0-9a-f]{{16}}\.part", part.name)
        (tmp_path / name).unlink()


def test_an_existing_temporary_file_is_never_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda _: "0")
    other = tmp_path / "notes"
    (tmp_path / "x.csv.0.part").symlink_to(other)
    with pytest.raises(FileExistsError), written(tmp_path / "x.csv"):
        pass
    assert not other.exists()
    assert (tmp_path / "x.csv.0.part").is_symlink()


@pytest.mark.parametrize("permissions", [0o600, 0o640, 0o444, 0o666])
def test_a_replaced_file_keeps_its_permissions(permissions: int, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.touch()
    path.chmod(permissions)
    with written(path) as file:
        # The content is not readable to more users while it is written.
        assert not os.fstat(file.fileno()).st_mode & 0o077 & ~permissions
    assert mode(path) == permissions


def test_a_new_file_has_the_permissions_of_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with written(tmp_path / "x.csv"):
            pass
    finally:
        os.umask(before)
    assert mode(tmp_path / "x.csv") == 0o640
