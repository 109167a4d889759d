"""The lines of a harvest: items as the portal sent them, or written anew where that is needed."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pyarrow.parquet as pq
import pytest

from aiodatagouv import DecodeError, bulk
from aiodatagouv.api import datasets
from aiodatagouv.bulk._lines.lines import Row, item_of, raw_lines

from .clients import client_of
from .harvests import cut_off, harvest, ids
from .moving import MovingPortal

CREATED = '"internal": {"created_at_internal": "2026-01-01T00:00:00+00:00"}'


def page(*items: str | bytes, total: int | None = None) -> bytes:
    """Return a page as udata writes it: with spaces, and a line break at the end."""
    several = b", ".join(one if isinstance(one, bytes) else one.encode() for one in items)
    numbers = f'"page": 1, "page_size": 100, "previous_page": null, "total": {total or len(items)}'
    return b'{"data": [' + several + b'], "next_page": null, ' + numbers.encode() + b"}\n"


async def lines_of(content: bytes, path: Path, **options: Any) -> list[bytes]:
    """Return the lines of a file into which a portal of one page was harvested."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=content))
    async with client_of("https://portal.example/", transport=transport) as client:
        report = await bulk.harvest(datasets.list_datasets(client), path, **options)
    assert report.complete
    return path.read_bytes().splitlines()


AS_SENT = {
    "spaces": '{"id": "1",  "title" : "a"}',
    "escapes": r'{"id": "1", "title": "\u00e9t\u00e9 \"\\ \/ \n"}',
    "text": '{"id": "1", "title": "été"}',
    "pairs of surrogates": r'{"id": "1", "title": "\ud83d\ude00"}',
    "an order of its own": '{"title": "b", "id": "1", "acronym": null}',
    "numbers": '{"id": "1", "extras": {"a": 1.50, "b": 1E2, "c": 123456789012345678901234567890}}',
    "a name twice": '{"id": "0", "id": "1"}',
    "numbers too large for a float": '{"id": "1", "extras": {"a": 1e999}}',
    "separators of lines within text": '{"id": "1", "title": "a\u2028b\x85c"}',
    "an empty id": '{"id": "", "title": "a"}',
}


@pytest.mark.parametrize("what", AS_SENT)
async def test_an_item_is_written_byte_for_byte(what: str, tmp_path: Path) -> None:
    assert raw_lines(page(AS_SENT[what])) == [AS_SENT[what].encode()]
    await lines_of(page(AS_SENT[what]), path := tmp_path / "a.jsonl")
    assert path.read_bytes() == AS_SENT[what].encode() + b"\n"


@pytest.mark.parametrize(
    ("line", "other", "is_same"),
    [
        ('{"id": "1", "a": [1, null]}', '{"id":"1","a":[1,null]}', True),
        ('{"id": "1", "a": "\\u00e9"}', '{"a": "é", "id": "1"}', True),
        ('{"a": 1E2, "b": 1.50}', '{"a": 100.0, "b": 1.5}', True),
        ('{"a": 1e999}', '{"a":  1e999}', True),
        ('{"a": 1}', '{"a": true}', False),
        ('{"a": 12345678901234567890}', '{"a": 12345678901234567891}', False),
        ('{"a": "1"}', '{"a": 1}', False),
        ('{"a": [1, 2]}', '{"a": [2, 1]}', False),
        ('{"a": null}', "{}", False),
    ],
)
def test_rows_are_compared_by_their_values(line: str, other: str, *, is_same: bool) -> None:
    one, two = Row(line.encode()), Row(other.encode())
    assert (one == two) is is_same


async def test_a_mask_that_names_the_id_changes_nothing(tmp_path: Path) -> None:
    item = '{"id": "1", "title":  "a"}'
    assert await lines_of(page(item), tmp_path / "a.jsonl", fields="id,title") == [item.encode()]


WRITTEN_ANEW = {
    "NaN": ('{"id": "1", "extras": {"a": NaN}}', {"id": "1", "extras": {"a": None}}),
    "Infinity": ('{"id": "1", "extras": {"a": -Infinity}}', {"id": "1", "extras": {"a": None}}),
    "half a pair": (r'{"id": "1", "title": "\ud800"}', {"id": "1", "title": "\ufffd"}),
    "half a pair in a name": (r'{"id": "1", "\udc00": 1}', {"id": "1", "\ufffd": 1}),
    "line breaks": ('{\n  "id": "1",\n  "title": "a"\n}', {"id": "1", "title": "a"}),
    "carriage returns": ('{"id": "1",\r "title": "a"}', {"id": "1", "title": "a"}),
}


@pytest.mark.parametrize("what", WRITTEN_ANEW)
async def test_an_item_that_is_no_line_of_json_is_written_anew(what: str, tmp_path: Path) -> None:
    item, expected = WRITTEN_ANEW[what]
    content = page('{"id": "0"}', item)
    assert raw_lines(content) is None
    first, second = await lines_of(content, tmp_path / "a.jsonl")
    assert (json.loads(first), json.loads(second)) == ({"id": "0"}, expected)


async def test_what_only_the_walk_has_asked_for_is_not_written(tmp_path: Path) -> None:
    item = '{"id": "1", "title":  "a"}'
    assert await lines_of(page(item), tmp_path / "a.jsonl", fields="title") == [b'{"title":"a"}']


class Title(msgspec.Struct):
    title: str


async def test_a_class_is_written_with_its_own_fields(tmp_path: Path) -> None:
    item = '{"id": "1", "title":  "a"}'
    assert await lines_of(page(item), tmp_path / "a.jsonl", into=Title) == [b'{"title":"a"}']


REFUSED = {
    "another type of page": (b"[1]", r"\$"),
    "a number that is text": (page('{"id": "1"}').replace(b"100", b'"100"'), r"\$\.page_size"),
    "a negative total": (page('{"id": "1"}', total=-1), r"\$\.total"),
    "an item that is no object": (page('{"id": "1"}', "[]"), r"\$\.data\[1\]"),
    "bytes that are not UTF-8": (page(b'{"id": "1", "title": "\xff"}'), "JSON"),
    "a body that is cut off": (page('{"id": "1"}')[:-5], "JSON"),
    "text after the page": (page('{"id": "1"}') + b"1", "JSON"),
    "deep nesting": (page('{"id": "1", "extras": ' + "[" * 200_000 + "}"), "JSON"),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_an_error_says_where_the_page_is_wrong(what: str, tmp_path: Path) -> None:
    content, where = REFUSED[what]
    with pytest.raises(DecodeError, match=where):
        await lines_of(content, tmp_path / "a.jsonl")
    assert not [*tmp_path.glob("*.jsonl")]


async def test_a_part_is_written_byte_for_byte_and_its_dates_are_read(tmp_path: Path) -> None:
    item = f'{{"id": "1", "title":  "a", {CREATED}}}'
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=page(item)))
    async with client_of("https://portal.example/", transport=transport) as client:
        (part,) = await bulk.partition(datasets.list_datasets(client), 1)
        await bulk.harvest(part, tmp_path / "a.jsonl", client=client)
        assert (tmp_path / "a.jsonl").read_bytes() == f"{item}\n".encode()


@pytest.mark.parametrize("date", ['"yesterday"', "5", "{}"])
async def test_an_item_of_a_part_without_a_date_is_an_error(date: str, tmp_path: Path) -> None:
    item = f'{{"id": "1", "internal": {{"created_at_internal": {date}}}}}'
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=page(item)))
    async with client_of("https://portal.example/", transport=transport) as client:
        with pytest.raises(DecodeError, match=r"internal\.created_at_internal of every item"):
            await bulk.partition(datasets.list_datasets(client), 2)


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1" * 5000])
async def test_a_number_too_large_for_a_float_stays_in_the_json_of_a_table(
    number: str, tmp_path: Path
) -> None:
    item = f'{{"id": "1", "extras": {{"a": {number}}}}}'
    assert item_of(item.encode()) == {"id": "1", "extras": {"a": None}}
    await lines_of(page(item), path := tmp_path / "a.parquet")
    assert pq.read_table(path)["extras"].to_pylist() == [f'{{"a":{number}}}']


# ---- gzip


@pytest.fixture
def without_isal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the package of the extra `gzip` seem to be missing."""
    monkeypatch.setitem(sys.modules, "isal", None)


@pytest.mark.usefixtures("short", "without_isal")
async def test_gzip_needs_no_extra(tmp_path: Path) -> None:
    await harvest(MovingPortal.of(60, 0, left=0), path := tmp_path / "a.jsonl.gz")
    assert ids(path) == [*range(60)]


@pytest.mark.usefixtures("short")
async def test_the_same_lines_are_compressed_to_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        await harvest(MovingPortal.of(60, 0, left=0), tmp_path / f"{name}.jsonl.gz")
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()


@pytest.mark.usefixtures("short")
async def test_a_file_may_have_pieces_of_both_compressors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, portal = tmp_path / "a.jsonl.gz", MovingPortal.of(60, 0, left=0)
    await cut_off(path, portal)
    monkeypatch.setitem(sys.modules, "isal", None)
    report = await harvest(portal, path)
    assert report.resumed
    assert ids(path) == [*range(60)]
    with gzip.open(path) as file:
        assert len([*file]) == 60
