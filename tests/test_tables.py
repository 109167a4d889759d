"""The facts of the crawler about a resource, and its table as three engines read it."""

from __future__ import annotations

import copy
import datetime as dt
import io
import pickle
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import duckdb
import httpx
import polars
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from aiodatagouv import Client, MissingFieldError
from aiodatagouv._views.crawled import Analysis, Crawled
from aiodatagouv.api import datasets
from aiodatagouv.errors import AddressError, NoTableError
from aiodatagouv.models import (
    CommunityResource,
    Resource,
    UploadedCommunityResource,
    UploadedResource,
)
from aiodatagouv.types import JsonObject

from .ranges import Served, serving

Scripted = Callable[..., Client]

PARQUET = "analysis:parsing:parquet_url"

FACTS: dict[str, tuple[str, Any, Any]] = {
    # attribute: key, as it comes, as it is read
    "available": ("check:available", True, True),
    "checked_at": (
        "check:date",
        "2026-09-01T12:00:00.5+02:00",
        dt.datetime(2026, 9, 1, 10, 0, 0, 500_000, dt.UTC),
    ),
    "status": ("check:status", 200, 200),
    "timed_out": ("check:timeout", False, False),
    "count_availability": ("check:count-availability", 12, 12),
    "check_error": ("check:error", "too slow", "too slow"),
    "check_content_type": ("check:headers:content-type", "text/csv", "text/csv"),
    "check_content_length": ("check:headers:content-length", 9428, 9428),
    "check_charset": ("check:headers:charset", "utf-8", "utf-8"),
    "checksum": ("analysis:checksum", "A" * 40, "a" * 40),
    "content_length": ("analysis:content-length", 320889, 320889),
    "mime_type": ("analysis:mime-type", "text/plain", "text/plain"),
    "last_modified_at": (
        "analysis:last-modified-at",
        "2026-03-26T05:51:50",  # Without a zone, as the crawler has written it.
        dt.datetime(2026, 3, 26, 5, 51, 50, tzinfo=dt.UTC),
    ),
    "last_modified_detection": (
        "analysis:last-modified-detection",
        "last-modified-header",
        "last-modified-header",
    ),
    "error": ("analysis:error", "File too large to download", "File too large to download"),
    "parsing_started_at": (
        "analysis:parsing:started_at",
        "2026-03-28T04:14:02+00:00",
        dt.datetime(2026, 3, 28, 4, 14, 2, tzinfo=dt.UTC),
    ),
    "parsing_finished_at": (
        "analysis:parsing:finished_at",
        "2026-03-28T04:14:08+00:00",
        dt.datetime(2026, 3, 28, 4, 14, 8, tzinfo=dt.UTC),
    ),
    "parsing_error": ("analysis:parsing:error", "no header", "no header"),
    "parsing_table": ("analysis:parsing:parsing_table", "e3686d", "e3686d"),
    "parquet_url": (PARQUET, "https://s.example/a.parquet", "https://s.example/a.parquet"),
    "parquet_size": ("analysis:parsing:parquet_size", 722001, 722001),
    "geojson_url": ("analysis:parsing:geojson_url", "http://s.example/a", "http://s.example/a"),
    "geojson_size": ("analysis:parsing:geojson_size", 0, 0),
    "pmtiles_url": ("analysis:parsing:pmtiles_url", "https://8.8.8.8/a", "https://8.8.8.8/a"),
    "pmtiles_size": ("analysis:parsing:pmtiles_size", 7, 7),
}

every_fact = pytest.mark.parametrize("name", FACTS)


def resource_with(extras: JsonObject) -> Resource:
    return Resource.from_dict({"id": "1", "title": "Arrêts", "extras": extras})


def table_at(url: object) -> Resource:
    return resource_with({PARQUET: url})


class TestFacts:
    @every_fact
    def test_a_fact_is_typed(self, name: str) -> None:
        key, written, read = FACTS[name]
        found = getattr(resource_with({key: written}).analysis, name)
        assert isinstance(found, type(read))
        assert found == read

    @every_fact
    def test_a_missing_fact_is_none(self, name: str) -> None:
        assert getattr(resource_with({}).analysis, name) is None

    @every_fact
    @pytest.mark.parametrize(
        "value", [None, True, -1, 1.5, 1e400, "", "\0", "💥" * 9, [], ["a"], {}, {"a": 1}]
    )
    def test_a_value_of_another_type_is_none(self, name: str, value: object) -> None:
        key, written, _ = FACTS[name]
        found = getattr(resource_with({key: value}).analysis, name)
        is_kept = type(value) is type(written) and found == value
        assert found is None or is_kept

    @pytest.mark.parametrize("value", ["2026-13-01", "9999999-01-01", "05/12/2014", "now", "²"])
    def test_a_text_that_is_no_date_is_none(self, value: str) -> None:
        assert resource_with({"check:date": value}).analysis.checked_at is None

    @pytest.mark.parametrize("value", ["a" * 39, "a" * 41, "g" * 40, "a" * 40 + "\n", "é" * 40])
    def test_a_text_that_is_no_sha1_is_none(self, value: str) -> None:
        assert resource_with({"analysis:checksum": value}).analysis.checksum is None

    def test_facts_are_read_when_they_are_asked_for_and_extras_are_kept(self) -> None:
        extras = {"check:available": "yes", "own": [1]}
        analysis = resource_with(extras).analysis
        assert analysis.available is None
        assert analysis.extras == extras

    def test_an_analysis_prints_what_is_known(self) -> None:
        extras = {"check:status": 404, "check:available": "no", "own": "x"}
        assert repr(resource_with(extras).analysis) == "Analysis(status=404)"

    def test_an_analysis_can_be_compared_copied_and_pickled(self) -> None:
        analysis = resource_with({"check:status": 404}).analysis
        for twin in (pickle.loads(pickle.dumps(analysis)), copy.deepcopy(analysis)):
            assert twin == analysis
            assert twin.status == 404
        assert analysis != resource_with({"check:status": 200}).analysis

    def test_changing_the_extras_of_an_analysis_does_not_change_the_resource(self) -> None:
        resource = resource_with({"check:status": 404})
        resource.analysis.extras.clear()
        assert resource.analysis.status == 404

    @pytest.mark.parametrize(
        "model", [Resource, CommunityResource, UploadedResource, UploadedCommunityResource]
    )
    def test_every_model_of_a_resource_has_them(self, model: type[Crawled]) -> None:
        assert model.from_dict({"extras": {"check:status": 404}}).analysis.status == 404

    def test_a_receipt_of_a_part_has_no_facts(self) -> None:
        assert UploadedResource.from_dict({"success": True}).analysis == Analysis({})


class TestMasks:
    async def resource(self, scripted: Scripted, answer: JsonObject, fields: str) -> Resource:
        body = {"resources": [answer]}
        async with scripted(lambda _: httpx.Response(200, json=body)) as client:
            return (await datasets.get_dataset(client, "1", fields=fields)).resources[0]

    async def test_without_the_extras_the_error_names_them(self, scripted: Scripted) -> None:
        resource = await self.resource(scripted, {"id": "1"}, "resources{id}")
        with pytest.raises(MissingFieldError, match=r"Resource\.extras is missing .* asked for"):
            _ = resource.analysis
        with pytest.raises(MissingFieldError, match=r"Resource\.extras"):
            resource.scan()

    async def test_a_fact_that_was_not_asked_for_is_not_taken_for_missing(
        self, scripted: Scripted
    ) -> None:
        answer = {"extras": {"check:available": True, "check:status": None}}
        fields = "resources{extras{check:available,check:status}}"
        analysis = (await self.resource(scripted, answer, fields)).analysis
        assert analysis.available is True
        assert analysis.status is None
        with pytest.raises(
            MissingFieldError,
            match=r"Analysis\.parquet_url is missing at \$\.resources\[0\]\.extras\..*asked for",
        ):
            _ = analysis.parquet_url
        assert repr(analysis) == "Analysis(available=True)"

    async def test_the_address_alone_is_enough_for_a_scan(self, scripted: Scripted) -> None:
        url = "https://s.example/a.parquet"
        resource = await self.resource(
            scripted, {"extras": {PARQUET: url}}, f"resources{{extras{{{PARQUET}}}}}"
        )
        assert resource.scan().url == url
        assert resource.scan().size is None

    async def test_a_reason_that_was_not_asked_for_is_not_made_up(self, scripted: Scripted) -> None:
        resource = await self.resource(
            scripted, {"extras": {PARQUET: None}}, f"resources{{extras{{{PARQUET}}}}}"
        )
        with pytest.raises(NoTableError, match="the reason was not among the fields wanted"):
            resource.scan()


DANGEROUS = [
    "javascript:alert(1)",
    "data:text/html,x",
    "//s.example/a",
    "/a.parquet",
    "file:///etc/passwd",
    "ftp://s.example/a",
    "https:///a",
    "https://",
    "https://user:secret@s.example/a",
    "https://user@s.example/a",
    "https://s.example:99999/a",
    "https://s.example\\@evil.example/a",
    "https://s.example/a b",
    "https://s.exam\nple/a",
    "\x00https://s.example/a",
    "https://s%2eexample/a",
    "https://[::1/a",
    f"https://{'a' * 64}.example/",
    "",
]
PRIVATE = [
    "http://127.0.0.1/a",
    "http://127.1/a",
    "http://0x7f000001/a",
    "http://2130706433/a",
    "http://localhost/a",
    "http://a.localhost./a",
    "http://10.0.0.1/a",
    "http://192.168.1.1:8000/a",
    "http://169.254.169.254/latest/meta-data",
    "http://100.64.0.1/a",
    "http://0.0.0.0/a",
    "http://[::1]/a",
    "http://[::ffff:10.0.0.1]/a",
    "http://[fe80::1]/a",
    "http://[fd00::1]/a",
    "http://\uff11\uff12\uff17.0.0.1/a",
    "http://127。0。0。1/a",
]


class TestAddresses:
    @pytest.mark.parametrize("url", DANGEROUS)
    def test_what_is_no_address_of_the_web_is_refused(self, url: str) -> None:
        resource = table_at(url)
        assert resource.analysis.parquet_url is None
        assert resource.analysis.extras == {PARQUET: url}
        with pytest.raises(AddressError):
            resource.scan(allow_private=True)

    @pytest.mark.parametrize("url", PRIVATE)
    def test_a_private_host_is_refused_unless_allowed(self, url: str) -> None:
        resource = table_at(url)
        assert resource.analysis.parquet_url is None
        with pytest.raises(AddressError, match="allow_private=True"):
            resource.scan()
        assert resource.scan(allow_private=True).url == url

    @pytest.mark.parametrize(
        "url",
        [
            "https://s.example/a.parquet?x=[1]*&y=a@b#c",
            "HTTPS://S.Example:8443/a",
            "http://données.example/a",
            "https://[2606:4700::1111]/a",
        ],
    )
    def test_an_address_of_the_web_is_kept_as_it_is(self, url: str) -> None:
        assert table_at(url).analysis.parquet_url == url
        assert table_at(url).scan().url == url

    @pytest.mark.parametrize("url", [None, 1, ["https://s.example/a"], {"url": "x"}])
    def test_what_is_no_text_is_no_table(self, url: object) -> None:
        with pytest.raises(NoTableError):
            table_at(url).scan()


@pytest.mark.parametrize(
    ("extras", "reason"),
    [
        ({}, "no crawler has examined it"),
        ({"analysis:error": "File too large to download"}, "File too large to download"),
        ({"analysis:parsing:error": "no header"}, "could not make a table of it: no header"),
        ({"analysis:parsing:finished_at": "2026-01-01T00:00:00"}, "a table of it, but no Parquet"),
        (
            {"check:available": False, "check:date": "2026-01-02T03:04:05"},
            r"not available when the crawler checked it \(2026-01-02\)",
        ),
        ({"check:available": True, "check:date": "2026-01-02"}, "no CSV or Excel file, or too lar"),
    ],
)
def test_without_a_parquet_file_the_error_says_why(extras: JsonObject, reason: str) -> None:
    with pytest.raises(NoTableError, match=f"^resource 1 has no Parquet file: .*{reason}") as info:
        resource_with(extras).scan()
    assert pickle.loads(pickle.dumps(info.value)).reason == info.value.reason


ROWS, WIDTH = 30_000, 20
WANTED = ["commune", "prix"]


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """A Parquet file of 22 columns and several row groups, on a local server."""
    random.seed(0)
    table = pa.table(
        {
            "commune": [f"commune {number % 97}" for number in range(ROWS)],
            **{f"c{n}": [random.random() for _ in range(ROWS)] for n in range(WIDTH)},
            "prix": [None if number % 7 == 0 else number / 4 for number in range(ROWS)],
        }
    )
    file = io.BytesIO()
    pq.write_table(table, file, row_group_size=10_000)
    with serving(file.getvalue()) as serving_it:
        yield serving_it


@pytest.fixture
def resource(served: Served) -> Resource:
    served.sent = 0
    served.asked.clear()
    served.headers.clear()
    return resource_with({PARQUET: served.url, "analysis:parsing:parquet_size": 123})


def expected(served: Served) -> list[dict[str, Any]]:
    table = pq.read_table(io.BytesIO(served.content), columns=WANTED)
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def by_pyarrow(resource: Resource) -> list[dict[str, Any]]:
    scan = resource.scan(allow_private=True)
    rows: list[dict[str, Any]] = pq.read_table(**scan.pyarrow(), columns=WANTED).to_pylist()
    return rows


def by_pyarrow_dataset(resource: Resource) -> list[dict[str, Any]]:
    scan = resource.scan(allow_private=True)
    rows: list[dict[str, Any]] = ds.dataset(**scan.pyarrow()).to_table(columns=WANTED).to_pylist()
    return rows


def by_polars(resource: Resource) -> list[dict[str, Any]]:
    scan = resource.scan(allow_private=True)
    return polars.scan_parquet(**scan.polars()).select(WANTED).collect().to_dicts()


def by_duckdb(resource: Resource) -> list[dict[str, Any]]:
    scan = resource.scan(allow_private=True)
    with duckdb.connect() as connection:
        table = scan.duckdb(connection)
        rows = table.project(", ".join(WANTED)).fetchall()
    return [dict(zip(WANTED, row, strict=True)) for row in rows]


@contextmanager
def refusing_proxy() -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """Run a proxy that refuses all, and note the hosts and the authorization."""
    asked: list[tuple[str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_CONNECT(self) -> None:
            asked.append((self.path, self.headers.get("Proxy-Authorization")))
            self.send_error(403)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


ENGINES = [by_pyarrow, by_pyarrow_dataset, by_polars, by_duckdb]


class TestScan:
    @pytest.mark.parametrize("engine", ENGINES)
    def test_every_engine_reads_the_same_rows_and_fetches_these_columns_only(
        self,
        engine: Callable[[Resource], list[dict[str, Any]]],
        resource: Resource,
        served: Served,
    ) -> None:
        assert engine(resource) == expected(served)
        # Two of 22 columns, the end of the file, and at most 64 KiB that an engine reads of it.
        assert served.sent < len(served.content) / 5
        assert all(span for method, span in served.asked if method == "GET")

    @pytest.mark.parametrize("engine", ENGINES)
    def test_no_engine_sends_a_key(
        self,
        engine: Callable[[Resource], list[dict[str, Any]]],
        resource: Resource,
        served: Served,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("DATAGOUV_API_KEY", "the-secret-key")
        engine(resource)
        assert served.headers
        assert "the-secret-key" not in str(served.headers)

    @pytest.mark.parametrize("engine", [by_pyarrow, by_duckdb])
    def test_no_engine_that_fsspec_reads_for_sends_a_password_of_a_netrc_file(
        self,
        engine: Callable[[Resource], list[dict[str, Any]]],
        resource: Resource,
        served: Served,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        netrc = tmp_path / ".netrc"
        netrc.write_text("default login me password the-password\n")
        netrc.chmod(0o600)
        monkeypatch.setenv("NETRC", str(netrc))
        engine(resource)
        assert not [one for one in served.headers if "Authorization" in one]

    @pytest.mark.parametrize("engine", [by_pyarrow, by_duckdb])
    def test_the_proxy_of_the_environment_is_used_for_https(
        self,
        engine: Callable[[Resource], list[dict[str, Any]]],
        served: Served,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        with refusing_proxy() as (proxy, asked):
            monkeypatch.setenv("https_proxy", proxy.replace("://", "://me:pass@"))
            monkeypatch.setenv("no_proxy", "127.0.0.1")
            for url in ("https://s.example/a.parquet", "https://s.example:8443/a.parquet"):
                with pytest.raises(Exception, match=r"s\.example"):
                    engine(table_at(url))
            assert {line for line, _ in asked} == {"s.example:443", "s.example:8443"}
            assert {sent for _, sent in asked} == {"Basic bWU6cGFzcw=="}
            asked.clear()
            for url in (served.url, served.url.replace("http:", "https:")):  # No proxy for these.
                with suppress(Exception):  # The second one does not speak TLS.
                    engine(table_at(url))
        assert asked == []

    def test_a_proxy_of_the_environment_that_cannot_be_used_is_named(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("https_proxy", "socks5://host:1")
        with pytest.raises(ValueError, match=r"https_proxy: a SOCKS proxy .* is not supported"):
            table_at("https://s.example/a").scan().pyarrow()

    def test_a_scan_tells_the_size_that_the_crawler_states(self, resource: Resource) -> None:
        assert resource.scan(allow_private=True).size == 123

    def test_a_connection_to_duckdb_reads_several_files_and_keeps_its_own_file_systems(
        self, resource: Resource, served: Served
    ) -> None:
        scan = resource.scan(allow_private=True)
        with serving(served.content) as other, duckdb.connect() as connection:
            second = table_at(other.url).scan(allow_private=True)
            assert scan.duckdb(connection).aggregate("count(*)").fetchall() == [(ROWS,)]
            assert second.duckdb(connection).aggregate("count(*)").fetchall() == [(ROWS,)]
            assert connection.list_filesystems() == ["aiodatagouv"]

    def test_with_httpfs_duckdb_reads_the_address_itself(self) -> None:
        """The extension cannot be had here: a stand-in for a connection that has it."""

        class Connection:
            def cursor(self) -> AbstractContextManager[Connection]:
                return nullcontext(self)

            def execute(self, _: str) -> Connection:
                return self

            def fetchall(self) -> list[tuple[bool]]:
                return [(True,)]

            def read_parquet(self, url: str) -> str:
                return url

        connection: Any = Connection()
        url: Any = table_at("https://s.example/a").scan().duckdb(connection)
        assert url == "https://s.example/a"

    @pytest.mark.parametrize("missing", ["fsspec", "pyarrow"])
    def test_a_missing_package_is_named_with_the_command(self, missing: str) -> None:
        code = f"""
import sys
sys.modules[{missing!r}] = None
from aiodatagouv.models import Resource
scan = Resource.from_dict({{"extras": {{{PARQUET!r}: "https://s.example/a"}}}}).scan()
scan.polars()
try:
    scan.pyarrow()
except ModuleNotFoundError as error:
    print(error)
"""
        run = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert run.stdout.startswith(f"scan() needs {missing}")
        assert "pip install 'aiodatagouv[scan]'" in run.stdout
