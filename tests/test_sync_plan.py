"""The plan for a file: what it depends on, one thing at a time."""

from __future__ import annotations

from typing import Any

import pytest

from aiodatagouv import MissingFieldError
from aiodatagouv.files._download.checksums import Checksum
from aiodatagouv.files._folder.manifest import Record, State
from aiodatagouv.files._folder.plan import Action, Listed, plan_for
from aiodatagouv.models import Resource

from .worlds import resource, sha1

MD5 = {"type": "md5", "value": "0" * 32}

OLD, NEW = sha1(b"old"), sha1(b"new")
URL = "https://host.example/stops.csv"

DATED: dict[str, Any] = {"last_modified": "2026-01-01"}
UPLOADED: dict[str, Any] = {"filetype": "file", "checksum": OLD, "filesize": 3, **DATED}
CRAWLED: dict[str, Any] = {"extras": {"analysis:last-modified-at": "2026-01-01T00:00:00+00:00"}}


def listed(url: str = URL, **more: Any) -> Listed:
    return Listed.of(resource("a", url, **more))


def record_of(one: Listed, **more: Any) -> Record:
    """The record of a file that was fetched when it was listed so."""
    checksum = Checksum("sha1", OLD["value"])
    values = {"portal": one.signs, "size": 3, "mtime": 1, "checksum": checksum, "at": "2026-01-01"}
    return Record(path="stops.csv", resource="a", **{**values, **more})


@pytest.mark.parametrize(
    ("before", "now", "recorded", "action"),
    [
        # Stored by the portal: its checksum decides.
        (UPLOADED, UPLOADED, {}, "leave"),
        (UPLOADED, {**UPLOADED, "url": URL + "?2", "last_modified": "2026-02-02"}, {}, "leave"),
        (UPLOADED, {**UPLOADED, "checksum": NEW}, {"etag": '"1"'}, "fetch"),
        (UPLOADED, UPLOADED, {"checksum": None}, "compare"),
        ({**UPLOADED, "checksum": MD5}, UPLOADED, {"checksum": Checksum(**MD5)}, "compare"),
        # Stored by the portal, of which it has no checksum: its other properties do.
        ({"filetype": "file", "filesize": 3}, {"filetype": "file", "filesize": 3}, {}, "leave"),
        ({"filetype": "file", "filesize": 3}, {"filetype": "file", "filesize": 4}, {}, "fetch"),
        # Crawled by the portal: its dates do.
        (CRAWLED, CRAWLED, {"etag": '"1"'}, "leave"),
        (CRAWLED, {"extras": {"analysis:last-modified-at": "2026-02-02"}}, {}, "fetch"),
        (CRAWLED, {"extras": {"analysis:last-modified-at": "2026"}}, {"etag": '"1"'}, "ask"),
        # Of another host, which is asked if it has told how.
        (DATED, DATED, {"etag": '"1"'}, "ask"),
        (DATED, DATED, {"last_modified": "Thu, 01 Jan 2026 00:00:00 GMT"}, "ask"),
        (DATED, DATED, {}, "leave"),
        (DATED, {"last_modified": "2026-02-02"}, {}, "fetch"),
        (DATED, {"last_modified": "2026-02-02"}, {"etag": '"1"'}, "ask"),
        (DATED, {**DATED, "url": URL + "?2"}, {"etag": '"1"'}, "fetch"),
        # What the portal says of an odd type says nothing.
        ({"extras": None}, {"extras": []}, {}, "leave"),
        ({"last_modified": 1}, {"last_modified": 2}, {}, "leave"),
    ],
)
def test_the_plan_for_a_file_that_is_as_it_was_fetched(
    before: dict[str, Any], now: dict[str, Any], recorded: dict[str, Any], action: Action
) -> None:
    assert (
        plan_for(listed(**now), record_of(listed(**before), **recorded), "intact").action == action
    )


@pytest.mark.parametrize(
    ("state", "recorded", "action", "reason"),
    [
        ("missing", {}, "fetch", "it was removed here"),
        ("missing", {"at": None}, "fetch", None),
        ("altered", {}, "fetch", "it was changed here"),
        ("altered", {"pending": True}, "fetch", "it was changed here"),
        ("intact", {"pending": True}, "leave", None),
        ("foreign", {}, "refuse", "something else than a file is at its place"),
    ],
)
def test_the_plan_for_a_file_that_is_another_here(
    state: State, recorded: dict[str, Any], action: Action, reason: str | None
) -> None:
    one = listed(**UPLOADED)
    plan = plan_for(one, record_of(one, **recorded), state)
    assert (plan.action, plan.reason) == (action, reason)


def test_a_file_that_was_changed_here_is_kept_if_asked_for() -> None:
    one = listed(**UPLOADED)
    plan = plan_for(one, record_of(one), "altered", keep_altered=True)
    assert (plan.action, plan.reason) == ("keep", "it was changed here")


def test_a_new_file_is_fetched() -> None:
    assert plan_for(listed(), None, "missing").action == "fetch"


def test_the_reason_names_the_property_that_has_changed() -> None:
    old = listed(**CRAWLED)
    changes: list[tuple[dict[str, Any], str]] = [
        ({"url": URL + "?2"}, "its address has changed"),
        ({"extras": {"analysis:last-modified-at": "2026-02-02"}}, "its date has changed"),
        ({"filetype": "file", "filesize": 9}, "its size has changed"),
    ]
    for now, reason in changes:
        new = listed(**{**CRAWLED, **now})
        assert plan_for(new, record_of(old), "intact").reason == reason


def test_a_resource_without_an_address_that_was_asked_for_is_an_error() -> None:
    with pytest.raises(MissingFieldError, match="url"):
        Listed.of(Resource.from_dict({"id": "a"}))


def test_a_community_resource_names_its_dataset() -> None:
    assert listed(dataset={"id": "d"}).dataset == "d"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Host.example:443/a", "host.example"),
        ("http://host.example:8080/a", "host.example:8080"),
        ("https://user:secret@host.example/a", "host.example"),
        ("https://été.example/a", "xn--t-9fab.example"),
        ("ftp://host.example/a", ""),
        ("", ""),
    ],
)
def test_the_host_of_a_file_is_that_of_its_address(url: str, host: str) -> None:
    assert listed(url).host == host


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://user:secret@host.example/a.csv?signature=1#x", "https://host.example/a.csv"),
        ("ftp://user:secret@host.example/a.csv?signature=1", "ftp://host.example/a.csv"),
        ("https://host.example/@a?b@c", "https://host.example/@a"),
        ("", ""),
    ],
)
def test_an_address_is_shown_without_its_secrets(url: str, address: str) -> None:
    assert listed(url).address == address
