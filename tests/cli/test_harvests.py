"""Harvests: what they ask of the library, their summary, and their exit status."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from aiodatagouv import MaskError, ServerError, StoreError, bulk
from aiodatagouv.bulk.writer import KEPT

from .running import HARVESTED, Result, Run, lines, page


@pytest.fixture
def harvests(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Replace the library's harvest with a successful one, and record its arguments."""
    asked: list[dict[str, Any]] = []

    async def harvest(paginator: object, to: object, **options: Any) -> bulk.Report:
        asked.append({"list": repr(paginator), "to": to, **options})
        return evolve(HARVESTED, complete=True)

    monkeypatch.setattr(bulk, "harvest", harvest)
    return asked


def test_a_harvest_is_delegated_to_the_library(run: Run, harvests: list[dict[str, Any]]) -> None:
    arguments = ["--fields", "id,title", "--concurrency", "8", "--fresh"]
    status, out, err = run("harvest", "datasets", "-o", "datasets.jsonl.gz", *arguments)
    assert (status, out) == (0, "")
    assert err == (
        "list_datasets: 3 of 3 items in datasets.jsonl.gz, 1 page, 2 requests, 0 retries, "
        "900 bytes received, 0.0 s: complete\n"
    )
    (asked,) = harvests
    progress = asked.pop("progress")
    assert callable(progress)
    assert asked == {
        "list": "<Paginator of list_datasets>",
        "to": "datasets.jsonl.gz",
        "fields": "id,title",
        "concurrency": 8,
        "explode": None,
        "only_public": False,
        "resume": False,
        "since": None,
        "strict": False,
        "skip_broken": False,
        "split": False,
        "partition_by": None,
    }


@pytest.mark.parametrize(
    ("arguments", "split"),
    [
        ([], False),
        (["--split"], True),
        (["--split", "license"], ["license"]),
        (["--split=license,producer_type"], ["license", "producer_type"]),
    ],
)
def test_a_search_can_be_split_by_facets(
    run: Run, harvests: list[dict[str, Any]], arguments: list[str], split: object
) -> None:
    assert run("harvest", "v2.search_datasets", "-o", "x.jsonl", *arguments).status == 0
    assert harvests[0]["split"] == split


def test_a_partitioned_table_may_be_named_as_a_folder(
    run: Run, harvests: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.parquet").mkdir()
    for name in ("x.parquet", "x.parquet/"):
        assert run("harvest", "datasets", "-o", name, "--partition-by", "title").status == 0
    assert len(harvests) == 2


def test_only_searches_can_be_split(run: Run) -> None:
    assert run("harvest", "datasets", "-o", "x.jsonl", "--split").status == 2


@pytest.mark.parametrize(
    ("text", "since"),
    [
        ("last", "last"),
        ("2026-11-24", dt.date(2026, 11, 24)),
        ("2026-11-24T08:30:00Z", dt.datetime(2026, 11, 24, 8, 30, tzinfo=dt.UTC)),
    ],
)
def test_since_accepts_last_a_date_or_a_datetime(
    run: Run, harvests: list[dict[str, Any]], text: str, since: object
) -> None:
    assert run("harvest", "datasets", "-o", "x.jsonl", "--since", text).status == 0
    assert harvests[0]["since"] == since
    assert type(harvests[0]["since"]) is type(since)


def test_the_concurrency_may_precede_the_command(run: Run, harvests: list[dict[str, Any]]) -> None:
    run("--concurrency", "32", "harvest", "datasets", "-o", "x.jsonl")
    run("harvest", "--concurrency", "16", "datasets", "-o", "x.jsonl")
    run("harvest", "datasets", "-o", "x.jsonl")
    assert [one["concurrency"] for one in harvests] == [32, 16, 4]


def test_the_connection_limit_covers_the_concurrency(
    run: Run, harvests: list[dict[str, Any]], clients: list[dict[str, Any]]
) -> None:
    run("harvest", "datasets", "-o", "x.jsonl", "--concurrency", "32")
    run("harvest", "datasets", "-o", "x.jsonl")
    assert [one["max_connections"] for one in clients] == [32, 16]


def summary_of(run: Run, monkeypatch: pytest.MonkeyPatch, **facts: Any) -> Result:
    async def harvest(*_: object, **__: object) -> bulk.Report:
        return evolve(HARVESTED, **{"rows": facts.get("items", HARVESTED.rows), **facts})

    monkeypatch.setattr(bulk, "harvest", harvest)
    return run("harvest", "datasets", "-o", "x.jsonl")


def test_an_incomplete_harvest_prints_its_reason(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    status, _, err = summary_of(run, monkeypatch, items=2, reason="one item\nis \x1bmissing")
    assert status == 3
    assert err.startswith("list_datasets: 2 of 3 items in x.jsonl, ")
    assert err.endswith(": incomplete (one item is missing)\n")


def test_a_harvest_past_a_broken_item_has_an_exit_status_of_its_own(
    run: Run, monkeypatch: pytest.MonkeyPatch, harvests: list[dict[str, Any]]
) -> None:
    run("harvest", "datasets", "-o", "x.jsonl", "--skip-broken")
    assert harvests[0]["skip_broken"] is True
    skipped = bulk.Skipped(offset=1, id="b", before="a", after="c")
    facts = {"skipped": (skipped,), "complete_but_for": 1, "reason": f"it lacks {skipped}"}
    status, _, err = summary_of(run, monkeypatch, items=2, **facts)
    assert status == 4
    assert err.endswith(": complete but for 1 (it lacks b at offset 1, after a, before c)\n")
    # If others are missing as well, it is as incomplete as any other harvest.
    status, _, err = summary_of(run, monkeypatch, items=1, skipped=(skipped,), reason="who knows")
    assert status == 3
    assert err.endswith(": incomplete (who knows)\n")


def test_the_summary_lists_every_nonzero_count(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = {"resumed": 1, "missed": 2, "added": 3, "changed": 4, "removed": 5, "retries": 1}
    hidden = {"private": 6, "deleted": 7, "archived": 8}
    more = {"total": None, "bytes": 2_900_000_000, "complete": True, "reason": "as far as is known"}
    _, _, err = summary_of(run, monkeypatch, rows=4000, seconds=61.23, **facts, **hidden, **more)
    assert err == (
        "list_datasets: 3 items as 4,000 rows in x.jsonl, 1 there already, 3 added, 4 changed, "
        "5 removed, 2 found late, 6 private, 7 deleted, 8 archived, 1 page, 2 requests, 1 retry, "
        "2.9 GB received, 61.2 s: complete (as far as is known)\n"
    )


def test_the_summary_of_an_update_says_that_nothing_changed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    since = "2026-01-01T00:00:00+00:00"
    _, _, err = summary_of(run, monkeypatch, since=since)
    assert err.startswith("list_datasets: 3 of 3 items in x.jsonl, nothing changed, 1 page, ")
    _, _, err = summary_of(run, monkeypatch, since=since, changed=1)
    assert err.startswith("list_datasets: 3 of 3 items in x.jsonl, 1 changed, 1 page, ")


def test_a_flat_table_of_public_items_is_asked_for(
    run: Run, harvests: list[dict[str, Any]]
) -> None:
    arguments = ["--explode", "resources", "--only-public"]
    assert run("harvest", "datasets", "-o", "x.parquet", *arguments)[0] == 0
    assert (harvests[0]["explode"], harvests[0]["only_public"]) == ("resources", True)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (bulk.DestinationError("x.txt: unknown suffix"), 2),
        (bulk.CheckpointError("the checkpoint belongs to another harvest: pass --fresh"), 1),
        (MaskError("titel is not a field"), 2),
        (ValueError("a wrong parameter"), 2),
    ],
    ids=lambda one: type(one).__name__,
)
def test_harvest_errors_set_the_exit_status(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception, status: int
) -> None:
    async def harvest(*_: object, **__: object) -> bulk.Report:
        raise error

    monkeypatch.setattr(bulk, "harvest", harvest)
    # A partial file exists, but resuming would fail in the same way.
    (tmp_path / "x.jsonl.part").touch()
    result = run("harvest", "datasets", "-o", str(tmp_path / "x.jsonl"))
    assert result == (status, "", f"Error: {error}\n")


@pytest.mark.parametrize(
    ("options", "hint"),
    [([], "the same command"), (["--fresh"], "the same command without --fresh")],
)
def test_an_interrupted_harvest_hints_at_resuming(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    options: Sequence[str],
    hint: str,
) -> None:
    target = tmp_path / "x.jsonl"

    async def harvest(*_: object, **__: object) -> bulk.Report:
        (tmp_path / "x.jsonl.part").touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bulk, "harvest", harvest)
    _, _, err = run("harvest", "datasets", "-o", str(target), *options)
    assert err == f"Error: {target}: No space left on device; {hint} continues the harvest\n"


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_failed_harvest_to_a_store_hints_at_resuming_if_something_was_kept(
    run: Run, monkeypatch: pytest.MonkeyPatch, is_kept: bool
) -> None:
    async def harvest(*_: object, **__: object) -> bulk.Report:
        error = StoreError("s3://bucket/x.jsonl: out of reach")
        if is_kept:
            error.add_note(KEPT)
        raise error

    monkeypatch.setattr(bulk, "harvest", harvest)
    _, _, err = run("harvest", "datasets", "-o", "s3://bucket/x.jsonl")
    hint = "; the same command continues the harvest" if is_kept else ""
    assert err == f"Error: s3://bucket/x.jsonl: out of reach{hint}\n"


@pytest.mark.parametrize("options", [[], ["-o", "-"]])
def test_without_a_file_the_items_are_written_to_stdout(
    run: Run, says: Any, options: Sequence[str]
) -> None:
    items = [{"id": "1", "since": None}, {"id": "2", "since": None}]
    arguments = ["harvest", "dataset-followers", "velos", "--rate", "inf", *options]
    result = run(*arguments, portal=says(json=page(*items)))
    assert result.status == 0
    assert [one["id"] for one in lines(result)] == ["1", "2"]
    assert result.err.startswith("list_dataset_followers: 2 of 2 items, 1 page, ")


def test_a_harvest_that_fails_because_of_the_portal_names_the_option_to_skip(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    failure = ServerError("oops", operation="list_datasets", status=500)

    async def harvest(*_: object, **__: object) -> bulk.Report:
        raise failure

    monkeypatch.setattr(bulk, "harvest", harvest)
    advice = "; --skip-broken leaves out an object that the portal cannot send\n"
    assert run("harvest", "datasets", "-o", "x.jsonl") == (1, "", f"Error: {failure}{advice}")
    assert run("harvest", "datasets", "--skip-broken") == (1, "", f"Error: {failure}\n")
    failure.status = 503
    assert run("harvest", "datasets") == (1, "", f"Error: {failure}\n")


def test_missing_items_make_the_harvest_incomplete(run: Run, says: Any) -> None:
    arguments = ["harvest", "dataset-followers", "velos", "--rate", "inf"]
    result = run(*arguments, portal=says(json=page({"id": "1"}, total=2)))
    assert result.status == 3
    assert [one["id"] for one in lines(result)] == ["1"]
    assert result.err.startswith("list_dataset_followers: 1 of 2 items, ")
    assert ": incomplete (" in result.err


def test_an_unexpected_exception_is_not_hidden(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def harvest(*_: object, **__: object) -> bulk.Report:
        raise RuntimeError("a bug")

    monkeypatch.setattr(bulk, "harvest", harvest)
    with pytest.raises(RuntimeError, match="a bug"):
        run("harvest", "datasets", "-o", "x.jsonl")
