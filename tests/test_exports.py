"""Exports of the catalogue: their names, the types of their cells, the files they are saved to."""

from __future__ import annotations

import asyncio
import datetime as dt
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest

from aiodatagouv import Client, DecodeError, DestinationError, NetworkError, ServerError
from aiodatagouv.files._export import parquet
from aiodatagouv.files._export.columns import kind_of
from aiodatagouv.files._export.exports import NAMES, ExportName, export
from aiodatagouv.types import Progress

from .test_secrets import chain, everything_in, shown

Scripted = Callable[..., Client]

HEAD = '"id";"title";"tags";"featured";"archived";"created_at";"metric.views";"quality_score";"new"'
ROW = '"1";"Vélos; et\r\nbus";"a,b";True;False;"2026-09-01T12:00:00";3;"0.44";"7"'
OTHER = '"2";"";"";False;"2026-01-01T00:00:00+00:00";"2026-09-01T12:00:00.5";"";"";""'
CSV = "".join(f"{line}\r\n" for line in (HEAD, ROW, OTHER)).encode()

ROWS: list[dict[str, Any]] = [
    {
        "id": "1",
        "title": "Vélos; et\r\nbus",
        "tags": ["a", "b"],
        "featured": True,
        "archived": None,
        "created_at": dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC),
        "metric.views": 3,
        "quality_score": 0.44,
        "new": "7",
    },
    {
        "id": "2",
        "title": None,
        "tags": [],
        "featured": False,
        "archived": dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        "created_at": dt.datetime(2026, 9, 1, 12, 0, 0, 500_000, dt.UTC),
        "metric.views": None,
        "quality_score": None,
        "new": None,
    },
]


def says(content: bytes) -> Callable[[httpx.Request], httpx.Response]:
    headers = {"Content-Type": "text/csv; charset=utf-8"}
    return lambda _: httpx.Response(200, content=content, headers=headers)


portal = says(CSV)


class TestNames:
    @pytest.mark.parametrize("name", NAMES)
    async def test_each_name_is_an_operation(self, scripted: Scripted, name: ExportName) -> None:
        paths: list[str] = []

        def answer(request: httpx.Request) -> httpx.Response:
            paths.append(request.url.path)
            return portal(request)

        async with scripted(answer) as client:
            if name in ("dataservices", "datasets", "discussions", "resources"):
                await export(client, name, organization="an-org").stream.text()
            if name != "discussions":
                await export(client, name).stream.text()
        own = "datasets-resources" if name == "resources" else name
        known = [f"/api/1/organizations/an-org/{own}.csv", f"/api/1/site/{name}.csv"]
        assert paths == [path for path in known if path in paths]
        assert paths

    @pytest.mark.parametrize(
        ("name", "hint"),
        [
            ("dataset", "did you mean 'datasets'?"),
            ("ressources", "did you mean 'resources'?"),
            ("x" * 1000, "take one of dataservices, datasets, "),
            ("", "take one of"),
        ],
    )
    def test_an_unknown_name_is_refused_with_the_nearest(self, name: Any, hint: str) -> None:
        with pytest.raises(ValueError, match="there is no export") as info:
            export(Client(), name)
        assert hint in str(info.value)
        assert len(str(info.value)) < 300

    def test_what_only_organizations_have_needs_one(self) -> None:
        with pytest.raises(ValueError, match="for one organization only: pass organization="):
            export(Client(), "discussions")

    @pytest.mark.parametrize("name", ["tags", "harvests", "reuses", "organizations"])
    def test_what_organizations_do_not_have_is_refused(self, name: ExportName) -> None:
        with pytest.raises(ValueError, match="for the whole portal only: leave out organization"):
            export(Client(), name, organization="an-org")

    def test_an_export_has_no_filters_of_its_own(self) -> None:
        refused: Any = export
        with pytest.raises(TypeError, match="unexpected keyword argument 'tag'"):
            refused(Client(), "datasets", tag="velo")


class TestRows:
    async def test_cells_are_typed(self, scripted: Scripted) -> None:
        async with scripted(portal) as client:
            rows = [row async for row in export(client, "datasets").rows()]
        assert rows == ROWS
        assert [type(value) for value in rows[0].values()] == [
            type(value) for value in ROWS[0].values()
        ]

    async def test_columns_are_chosen_and_ordered(self, scripted: Scripted) -> None:
        async with scripted(portal) as client:
            one = export(client, "datasets")
            rows = [row async for row in one.rows(columns=["featured", "id", "id"])]
            assert [[*row.items()] for row in rows] == [
                [("featured", True), ("id", "1")],
                [("featured", False), ("id", "2")],
            ]
            with pytest.raises(ValueError, match="no column 'titel': did you mean 'title'"):
                await anext(one.rows(columns=["id", "titel"]))

    async def test_an_export_without_rows_has_none(self, scripted: Scripted) -> None:
        async with scripted(says(HEAD.encode() + b"\r\n")) as client:
            assert [row async for row in export(client, "datasets").rows()] == []

    @pytest.mark.parametrize(
        ("column", "cell"),
        [
            ("featured", "true"),
            ("featured", "1"),
            ("metric.views", "3.5"),
            ("metric.views", "1_000"),
            ("metric.views", "9223372036854775808"),
            ("metric.views", "9" * 5000),
            ("metric.views", "\N{ARABIC-INDIC DIGIT ONE}"),
            ("quality_score", "nan"),
            ("quality_score", "inf"),
            ("created_at", "yesterday"),
            ("created_at", "2026-02-30"),
            ("archived", "True"),
            ("extras", "{"),
            ("temporal_coverage.start", "2026"),
        ],
    )
    async def test_a_cell_of_another_type_is_an_error_that_names_it(
        self, scripted: Scripted, column: str, cell: str
    ) -> None:
        content = f'"id";"{column}"\r\n"1";""\r\n"2";"{cell}"\r\n'.encode()
        async with scripted(says(content)) as client:
            rows = export(client, "datasets").rows()
            assert (await anext(rows))["id"] == "1"
            with pytest.raises(
                DecodeError, match=f"a cell: .* at row 2, got .* in the column {column}"
            ):
                await anext(rows)
            # The text can still be read.
            texts = [row async for row in export(client, "datasets").stream.rows()]
        assert texts[1][column] == cell

    def test_a_column_may_have_another_type_in_another_export(self) -> None:
        kinds = [kind_of(name, "datasets") for name in ("tags", "reuses", "organizations")]
        assert kinds == ["integer", "list", "text"]

    async def test_a_row_that_is_cut_off_is_an_error(self, scripted: Scripted) -> None:
        async with scripted(says(CSV[:-20])) as client:
            with pytest.raises(DecodeError):
                _ = [row async for row in export(client, "datasets").rows()]

    async def test_an_error_of_the_portal_is_one_of_the_export(self, scripted: Scripted) -> None:
        async with scripted(lambda _: httpx.Response(500)) as client:
            with pytest.raises(ServerError):
                await anext(export(client, "datasets").rows())


KEY = "the-key-that-nobody-else-may-see"

ECHOES = {
    "the name of a column": f"{KEY};total\r\na;x\r\n",
    "a cell": f"name;total\r\n{KEY};x\r\n",
    "a cell of another type": f"name;total\r\na;{'x' * 60}{KEY}\r\n",
    "a metric": f"name;metric.{KEY}\r\na;x\r\n",
    "a row that is too short": f"name;total;datasets\r\n{KEY};1\r\n",
}


@pytest.mark.parametrize("echo", ECHOES)
async def test_no_error_of_an_export_has_the_key(
    scripted: Scripted, echo: str, tmp_path: Path
) -> None:
    """Not even with the local variables that error reporters print."""
    async with scripted(says(ECHOES[echo].encode()), api_key=KEY) as client:
        one = export(client, "tags")
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: anext(one.rows()),
            lambda: one.save(tmp_path / "a.parquet"),
            lambda: one.save(tmp_path / "a.csv", columns=["nam"]),
        ]
        for call in calls:
            with pytest.raises(ValueError, match=r"expected|has no column") as info:
                await call()
            for each in chain(info.value):
                assert KEY not in shown(each) + everything_in(each)


class Broken(httpx.AsyncByteStream):
    """A body whose connection is reset within the second row."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield CSV[:-30]
        raise httpx.ReadError("connection reset")


class TestFiles:
    async def test_progress_tells_bytes_and_the_name(
        self, scripted: Scripted, tmp_path: Path
    ) -> None:
        told: list[Progress] = []
        async with scripted(portal) as client:
            await export(client, "datasets").save(tmp_path / "a.parquet", progress=told.append)
        assert told[-1] == Progress(len(CSV), len(CSV), "a.parquet")

    @pytest.mark.parametrize("columns", [None, ["id"]])
    @pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.parquet"])
    async def test_the_size_of_the_file_is_returned(
        self, scripted: Scripted, tmp_path: Path, name: str, columns: list[str] | None
    ) -> None:
        async with scripted(portal) as client:
            size = await export(client, "datasets").save(tmp_path / name, columns=columns)
        assert size == (tmp_path / name).stat().st_size > 0

    async def test_a_parquet_file_has_typed_columns(
        self, scripted: Scripted, tmp_path: Path
    ) -> None:
        async with scripted(portal) as client:
            await export(client, "datasets").save(tmp_path / "a.parquet")
        table = pq.read_table(tmp_path / "a.parquet")
        assert table.to_pylist() == ROWS
        assert {field.name: str(field.type) for field in table.schema} == {
            "id": "string",
            "title": "string",
            "tags": "list<element: string>",
            "featured": "bool",
            "archived": "timestamp[us, tz=UTC]",
            "created_at": "timestamp[us, tz=UTC]",
            "metric.views": "int64",
            "quality_score": "double",
            "new": "string",
        }

    async def test_a_parquet_file_without_rows_has_columns(
        self, scripted: Scripted, tmp_path: Path
    ) -> None:
        async with scripted(says(HEAD.encode() + b"\r\n")) as client:
            await export(client, "datasets").save(tmp_path / "a.parquet", columns=["tags", "id"])
        table = pq.read_table(tmp_path / "a.parquet")
        assert (table.num_rows, table.column_names) == (0, ["tags", "id"])

    async def test_many_rows_become_row_groups_in_order(
        self, scripted: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(parquet, "_BATCH", 10)
        monkeypatch.setattr(parquet, "_ROW_GROUP", 1000)
        lines = ["id;total", *(f"{number};{number}" for number in range(501)), ""]
        async with scripted(says("\n".join(lines).encode())) as client:
            await export(client, "tags").save(tmp_path / "a.parquet")
        file = pq.ParquetFile(tmp_path / "a.parquet")
        assert file.num_row_groups > 5
        assert file.read().column("total").to_pylist() == [*range(501)]

    @pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.parquet"])
    @pytest.mark.parametrize("columns", [None, ["id"]])
    async def test_a_file_is_whole_or_as_it_was(
        self, scripted: Scripted, tmp_path: Path, name: str, columns: list[str] | None
    ) -> None:
        path = tmp_path / name
        path.write_bytes(b"old")
        async with scripted(lambda _: httpx.Response(200, stream=Broken())) as client:
            with pytest.raises(NetworkError, match="connection reset"):
                await export(client, "datasets").save(path, columns=columns)
        assert path.read_bytes() == b"old"
        assert [*tmp_path.iterdir()] == [path]

    async def test_a_cell_of_another_type_leaves_no_parquet_file(
        self, scripted: Scripted, tmp_path: Path
    ) -> None:
        async with scripted(says(b"name;total\r\na;1\r\nb;x\r\n")) as client:
            with pytest.raises(DecodeError):
                await export(client, "tags").save(tmp_path / "a.parquet")
        assert [*tmp_path.iterdir()] == []

    async def test_a_save_that_is_cancelled_ends_after_its_thread_and_leaves_no_file(
        self, scripted: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        loop, begun, go_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
        flush = parquet.Parquet.flush

        def slow(table: parquet.Parquet) -> None:
            loop.call_soon_threadsafe(begun.set)
            go_on.wait()
            flush(table)

        monkeypatch.setattr(parquet, "_BATCH", 1)
        monkeypatch.setattr(parquet.Parquet, "flush", slow)
        async with scripted(portal) as client:
            saving = asyncio.create_task(export(client, "datasets").save(tmp_path / "a.parquet"))
            await begun.wait()
            saving.cancel()
            for _ in range(50):
                await asyncio.sleep(0)
            assert not saving.done()
            go_on.set()
            with pytest.raises(asyncio.CancelledError):
                await saving
        assert [*tmp_path.iterdir()] == []

    @pytest.mark.parametrize("name", ["a", "a.json", "a.gz", "a.parquet.gz", ".csv"])
    async def test_another_suffix_is_refused_before_anything_is_sent(
        self, scripted: Scripted, tmp_path: Path, name: str
    ) -> None:
        sent: list[httpx.Request] = []
        async with scripted(sent.append) as client:
            with pytest.raises(DestinationError, match=r"must end in \.csv, \.csv\.gz or \.parque"):
                await export(client, "datasets").save(tmp_path / name)
        assert sent == []

    async def test_without_pyarrow_a_parquet_file_is_refused_with_the_command(
        self, scripted: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delitem(sys.modules, "aiodatagouv.files._export.parquet")
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        async with scripted(portal) as client:
            with pytest.raises(DestinationError, match=r"pip install 'aiodatagouv\[parquet\]'"):
                await export(client, "datasets").save(tmp_path / "a.parquet")

    async def test_other_tasks_have_their_turn_while_rows_are_read(
        self, scripted: Scripted
    ) -> None:
        lines = ["name;total", *(f"{number};{number}" for number in range(5000)), ""]
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        async with scripted(says("\n".join(lines).encode())) as client:
            rows = export(client, "tags").rows()
            first = await anext(rows)
            counting = asyncio.create_task(count())
            rest: list[dict[str, Any]] = [row async for row in rows]
            counting.cancel()
        assert [first, *rest][-1]["total"] == 4999
        assert turns >= 5
