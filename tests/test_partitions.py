"""Harvests into folders of Parquet files, partitioned as Hive does."""

from __future__ import annotations

import asyncio
import datetime as dt
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import polars
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiodatagouv import CheckpointError, DestinationError, models
from aiodatagouv.bulk import writer
from aiodatagouv.bulk._journal.finished import Finished
from aiodatagouv.bulk._table import columns, folders, hive
from aiodatagouv.bulk._table.folders import ParquetFolder
from aiodatagouv.bulk._table.hive import folder_of, read_keys, value_of
from aiodatagouv.bulk._table.partitions import Partitions

from .harvests import Stop, harvest, histories, queried, read, stop, stop_after
from .moving import START, MovingPortal

YEARS = "year(created_at)"


def odd_frequency(item: int) -> str | None:
    return ["annual", None, "tous les 2/3 jours = 10 %", "é", "2024"][item % 5]


@pytest.fixture
def portal(monkeypatch: pytest.MonkeyPatch) -> MovingPortal:
    """Forty datasets of four years, of the frequencies above."""
    content = MovingPortal.content

    def dated(portal: MovingPortal, item: int) -> dict[str, Any]:
        created = dt.datetime(2014 + item % 4, 12, 31, 23, tzinfo=dt.UTC)
        owner = None if item % 3 else {"name": f"Ville {item % 2}"}
        return content(portal, item) | {
            "created_at": None if item == 7 else created.isoformat(),
            "frequency": odd_frequency(item),
            "organization": owner,
        }

    monkeypatch.setattr(MovingPortal, "content", dated)
    return MovingPortal.of(40, 0, left=0)


def names(path: Path) -> set[str]:
    """The folders with files, as they are named."""
    return {one.parent.relative_to(path).as_posix() for one in path.rglob("*.parquet")}


# ---- What to partition by


def test_what_to_partition_by_is_read() -> None:
    assert read_keys("year(created_at),organization.name") == read_keys(
        ["year( created_at )", " organization.name "]
    )
    found = read_keys("day(internal.created_at_internal), private")
    assert [key.name for key in found] == ["internal_created_at_internal_day", "private"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("", "'' is neither a column nor year"),
        ([], "partition_by is empty"),
        ("yeer(created_at)", "yeer is no function: take year, month, day"),
        ("year(created_at", r"'year\(created_at' is neither"),
        ("year(created_at), year(created_at)", "created_at_year is given twice"),
        ("year(creatd_at)", "there is no column creatd_at: did you mean created_at?"),
        ("organization.nam", r"no column organization.nam: did you mean organization\.name\?"),
        ("id", "id identifies the rows"),
        ("resources", "resources is a list, not a single value"),
        ("resources.id", r"there is no column resources\.id"),
        ("organization", r"organization is a struct, .*: name a field of it, such as organization"),
        ("extras", "extras is JSON"),
        ("additional_properties", "is JSON"),
        ("year(title)", "title is no date, of which year could be taken, but string"),
        ("created_at", r"created_at has a time of day: take year\(created_at\), month"),
    ],
)
async def test_what_rows_cannot_be_partitioned_by_is_refused_before_any_request(
    given: Any, words: str, tmp_path: Path
) -> None:
    portal = MovingPortal.of(5, 0, left=0)
    with pytest.raises(ValueError, match=words):
        await harvest(portal, tmp_path / "a.parquet", partition_by=given, progress=stop)
    assert not [*tmp_path.iterdir()]


async def test_only_tables_are_partitioned(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"only a destination that ends in \.parquet"):
        await harvest(MovingPortal.of(5, 0, left=0), tmp_path / "a.jsonl", partition_by=YEARS)


def test_a_partition_is_not_named_as_a_column() -> None:
    schema = columns.of_model(models.Dataset, None)
    schema = schema.set(0, schema.field("title").with_name("created_at_year"))
    with pytest.raises(ValueError, match="would be named created_at_year, which is a column"):
        Partitions(read_keys(YEARS), schema, "id")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_value_can_be_read_from_the_name_of_its_folder(value: str) -> None:
    name = folder_of("kind", value)
    assert "/" not in name
    assert value_of(name) == (None if value in ("", hive.NULL) else value)
    assert unquote(name) == f"kind={value or hive.NULL}"


# ---- What is written


async def test_engines_read_the_partitions(portal: MovingPortal, tmp_path: Path) -> None:
    path = tmp_path / "datasets.parquet"
    keys = [YEARS, "frequency", "organization.name"]
    report = await harvest(portal, path, partition_by=keys)
    assert (report.items, report.complete) == (40, True)
    null = hive.NULL
    assert f"created_at_year=2014/frequency={null}/organization_name={null}" in names(path)
    assert any("frequency=tous les 2%2F3 jours %3D 10 %25" in name for name in names(path))
    wanted = {
        str(item): (
            None if item == 7 else 2014 + item % 4,
            odd_frequency(item),
            None if item % 3 else f"Ville {item % 2}",
        )
        for item in range(40)
    }
    selected = ["id", "created_at_year", "frequency", "organization_name"]

    table = pyarrow.dataset.dataset(path, partitioning="hive").to_table(columns=selected)
    assert {
        key: tuple(rest) for key, *rest in zip(*table.to_pydict().values(), strict=True)
    } == wanted

    text = f"read_parquet('{path}/**/*.parquet', hive_partitioning=true)"
    queried_rows = queried(f"SELECT {', '.join(selected)} FROM {text}")
    assert {key: tuple(rest) for key, *rest in queried_rows} == wanted
    assert queried(f"SELECT count(*) FROM {text} WHERE created_at_year = 2015") == [(10,)]

    frame = polars.scan_parquet(f"{path}/**/*.parquet", hive_partitioning=True)
    rows = frame.select(selected).collect().rows()
    assert {key: tuple(rest) for key, *rest in rows} == wanted


async def test_one_file_has_the_metadata_of_all(portal: MovingPortal, tmp_path: Path) -> None:
    path = tmp_path / "datasets.parquet"
    await harvest(portal, path, partition_by="month(created_at)")
    assert names(path) == {
        f"created_at_month={value}" for value in (*(f"{2014 + n}-12" for n in range(4)), hive.NULL)
    }
    metadata = pq.read_metadata(path / "_metadata")
    assert metadata.num_rows == 40
    found = metadata.metadata or {}
    facts = {name.decode(): value.decode() for name, value in found.items()}
    assert facts["aiodatagouv.release"] == "17.18.0"
    assert '"partition_by": "month(created_at)"' in facts["aiodatagouv.query"]
    whole = pyarrow.dataset.parquet_dataset(
        path / "_metadata", partitioning=pyarrow.dataset.HivePartitioning.discover()
    )
    assert whole.count_rows() == 40
    assert Finished.at(path) is not None


async def test_an_empty_list_has_columns(tmp_path: Path) -> None:
    path = tmp_path / "datasets.parquet"
    await harvest(MovingPortal.of(0, 0, left=0), path, partition_by="year(created_at), private")
    assert names(path) == {"."}
    assert "title" in pyarrow.dataset.dataset(path, partitioning="hive").schema.names
    assert read(path) == []


async def test_too_many_partitions_and_too_long_names_are_refused(
    portal: MovingPortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "MOST", 3)
    with pytest.raises(DestinationError, match=r"year\(created_at\) makes more than 3 partitions"):
        await harvest(portal, tmp_path / "a.parquet", partition_by=YEARS)
    monkeypatch.setattr("aiodatagouv.bulk._table.partitions._LONGEST", 20)
    with pytest.raises(DestinationError, match="of frequency is too long for the name of a folder"):
        await harvest(portal, tmp_path / "b.parquet", partition_by="frequency")


# ---- Interruptions and updates


@pytest.mark.usefixtures("short")
@given(
    size=st.integers(1, 12),
    seed=st.integers(0),
    left=st.integers(0, 12),
    by=st.sampled_from(["title", "last_update", "private"]),
)
@settings(max_examples=histories(8))
def test_an_updated_folder_equals_a_fresh_harvest(size: int, seed: int, left: int, by: str) -> None:
    options: dict[str, Any] = {
        "fields": "id,title,last_update,private",
        "partition_by": f"day({by})" if by == "last_update" else by,
    }
    portal = MovingPortal.of(size, seed, left=0, later=size, quiet={*range(0, size, 3)})

    async def run(path: Path, other: Path) -> None:
        await harvest(portal, path, **options)
        since = START + dt.timedelta(seconds=portal.clock)
        portal.left = left
        for _ in range(left):
            portal.go_on()
        portal.left = 0
        assert (await harvest(portal, path, since=since, **options)).complete
        await harvest(portal, other, **options)

    with tempfile.TemporaryDirectory() as folder:
        path, other = Path(folder, "one.parquet"), Path(folder, "other.parquet")
        asyncio.run(run(path, other))
        assert names(path) == names(other)
        for name in names(path):
            file = Path(name, "part-00000.parquet")
            assert pq.ParquetFile(path / file).read().equals(pq.ParquetFile(other / file).read())


async def test_an_update_takes_empty_text_for_no_value_as_the_folder_does(tmp_path: Path) -> None:
    portal = MovingPortal.of(10, 0, left=0)
    content = portal.content
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(portal, "content", lambda one: content(one) | {"title": "a" * (one % 2)})
        path = tmp_path / "a.parquet"
        await harvest(portal, path, partition_by="title")
        inode = path.stat().st_ino
        report = await harvest(portal, path, partition_by="title", since=START)
        assert (report.pages, report.changed) == (1, 0)
        assert path.stat().st_ino == inode
        portal.shown.remove(3)
        assert (await harvest(portal, path, partition_by="title", since=START)).removed == 1
    assert names(path) == {"title=__HIVE_DEFAULT_PARTITION__", "title=a"}


@pytest.mark.usefixtures("short", "same_start")
async def test_an_interrupted_folder_is_identical(portal: MovingPortal, tmp_path: Path) -> None:
    def files(path: Path) -> dict[str, bytes]:
        return {
            one.relative_to(path).as_posix(): one.read_bytes()
            for one in path.rglob("*")
            if one.is_file()
        }

    whole = tmp_path / "whole.parquet"
    await harvest(portal, whole, partition_by=YEARS)
    for pages in (1, 3, 6):
        path = tmp_path / f"{pages}.parquet"
        with pytest.raises(Stop):
            await harvest(portal, path, partition_by=YEARS, progress=stop_after(pages))
        assert not path.exists()
        await harvest(portal, path, partition_by=YEARS)
        assert files(path) == files(whole)
    with pytest.raises(Stop):
        await harvest(portal, tmp_path / "a.parquet", partition_by=YEARS, progress=stop_after(4))
    with pytest.raises(CheckpointError, match=r"partition_by .year.* there, 'frequency' here"):
        await harvest(portal, tmp_path / "a.parquet", partition_by="frequency")


@pytest.mark.parametrize(
    "options", [{}, {"resume": False}, {"since": "last"}], ids=["resumed", "anew", "updated"]
)
async def test_a_kill_between_the_two_renames_is_recovered(
    options: dict[str, Any],
    portal: MovingPortal,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "a.parquet"
    await harvest(portal, path, partition_by=YEARS)
    portal.shown.pop()
    replace: Callable[..., Any] = Path.replace

    def killed(self: Path, target: Path) -> Any:
        if self.name == "whole":
            raise Stop
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        patch.setattr(ParquetFolder, "discard", lambda _: None)
        with pytest.raises(Stop):
            await harvest(portal, path, partition_by=YEARS, resume=False)
    assert not path.exists()
    seen: list[int] = []

    def look(_: object) -> None:
        seen.append(len(read(path)))

    report = await harvest(portal, path, partition_by=YEARS, progress=look, **options)
    assert {*seen} <= {40}  # The old folder, until the new one is whole.
    assert (report.items, len(read(path))) == (39, 39)
    assert {one.name for one in tmp_path.iterdir()} == {"a.parquet", "a.parquet.checkpoint"}


async def test_folders_of_others_are_not_replaced(portal: MovingPortal, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.mkdir()
    with pytest.raises(DestinationError, match="a folder that no checkpoint knows"):
        await harvest(portal, path, partition_by=YEARS)
    path.rmdir()
    await harvest(portal, path, partition_by=YEARS)
    mine = path / "created_at_year=2014" / "notes.txt"
    mine.write_text("mine")
    for options in ({"resume": False}, {"since": dt.date(2026, 1, 1)}):
        with pytest.raises(DestinationError, match=r"notes\.txt .* not one of its files"):
            await harvest(portal, path, partition_by=YEARS, **options)
    assert mine.read_text() == "mine"
    mine.unlink()
    await harvest(portal, path, partition_by=YEARS, resume=False)
    with pytest.raises(
        DestinationError, match="of a partitioned table: give the same partition_by"
    ):
        await harvest(portal, path)
    (tmp_path / "c.parquet").mkdir()
    with pytest.raises(DestinationError, match="is not a file"):
        await harvest(portal, tmp_path / "c.parquet")
    await harvest(portal, tmp_path / "b.parquet")
    with pytest.raises(DestinationError, match="is a file, and a partitioned table a folder"):
        await harvest(portal, tmp_path / "b.parquet", partition_by=YEARS)


async def test_an_update_of_a_changed_folder_is_refused(
    portal: MovingPortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.parquet"
    await harvest(portal, path, partition_by=YEARS)
    (path / "created_at_year=2014" / "part-00000.parquet").rename(
        path / "created_at_year=2015" / "part-00000.parquet"
    )
    with pytest.raises(CheckpointError, match="is not the file that its checkpoint describes"):
        await harvest(portal, path, partition_by=YEARS, since="last")
    with monkeypatch.context() as patch:
        patch.setattr(writer.Writer, "record_end", stop)
        with pytest.raises(Stop):
            await harvest(portal, path, partition_by=YEARS, resume=False)
    report = await harvest(portal, path, partition_by=YEARS, since="last")
    assert (report.items, report.reason) == (40, None)


async def test_a_failed_harvest_of_another_query_does_not_lock_the_folder(
    portal: MovingPortal, tmp_path: Path
) -> None:
    path = tmp_path / "a.parquet"
    await harvest(portal, path, partition_by=YEARS)
    with pytest.raises(Stop):
        await harvest(portal, path, partition_by="frequency", resume=False, progress=stop)
    assert (await harvest(portal, path, partition_by=YEARS, since="last")).complete
    assert (await harvest(portal, path, partition_by="frequency", resume=False)).complete


@pytest.mark.parametrize("options", [{}, {"partition_by": YEARS}])
async def test_an_update_without_changes_reads_only_the_ids_of_a_table(
    options: dict[str, Any], portal: MovingPortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.parquet"
    await harvest(portal, path, **options)
    read_columns: list[Any] = []
    iter_batches = pq.ParquetFile.iter_batches

    def spied(file: Any, size: int, **options: Any) -> Any:
        read_columns.append(options["columns"])
        return iter_batches(file, size, **options)

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", spied)
    assert (await harvest(portal, path, since="last", **options)).complete
    assert read_columns == [["id"]] * (len(names(path)) if options else 1)
