"""Names of files: safe and unique on every file system, and readable."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodatagouv.files._folder.names import LONGEST, candidates, key_of, name_of, safe_name

DEVICES = ["con", "PRN", "aux", "Nul", "com1", "COM9", "lpt0", "COM\u00b9", "CONIN$", "CLOCK$"]

EVIL = ["..", "/", "\\", ":", "\0", "\n", "\u202e", "\u200b", "~", "*", "%", " ", "-", ".", "..."]

PIECES = st.lists(
    st.one_of(
        st.text(max_size=4),
        st.sampled_from(DEVICES),
        st.sampled_from(EVIL),
        st.sampled_from(
            [
                ".csv",
                ".part",
                ".lock",
                ".tar.gz",
                "é",
                "e\u0301",
                "İ",
                "ß",
                "\u017f",
                "\u212a",
                "\u0131",
            ]
        ),
        st.text(alphabet="é漢\U0001d431", min_size=60, max_size=300),
    ),
    max_size=6,
).map("".join)
"""Texts that are bad names in every way known."""

IDS = st.one_of(st.uuids().map(str), PIECES)


def names() -> st.SearchStrategy[str]:
    return st.builds(
        name_of,
        url=st.one_of(PIECES, PIECES.map(lambda one: f"https://host.example/a/{one}")),
        title=PIECES,
        format=st.one_of(st.none(), PIECES, st.sampled_from(["csv", "json", "csv.gz"])),
        id=IDS,
    )


def check_safe(name: str) -> None:
    """Check a name by the rules of each file system, as their makers state them."""
    assert name == unicodedata.normalize("NFC", name)
    assert 0 < len(name.encode()) <= LONGEST
    assert len(unicodedata.normalize("NFD", name).encode()) <= LONGEST
    assert not re.search(r'[<>:"/\\|?*\0-\x1f\x7f\s$~&;`\'!#%]', name)
    assert not any(unicodedata.category(char)[0] in "CZ" for char in name)
    assert name[0] not in ".-"
    assert name[-1] not in ". "
    device = name.split(".")[0].upper()
    assert not re.fullmatch("CON|PRN|AUX|NUL|(COM|LPT)[0-9\u00b9\u00b2\u00b3]", device)
    assert not re.search(r"\.part(\.|$)", name.lower())
    assert Path(name).name == name


@given(names())
def test_a_name_is_safe(name: str) -> None:
    check_safe(name)


@given(PIECES)
def test_a_safe_name_is_its_own_safe_name(text: str) -> None:
    name = safe_name(text)
    assert safe_name(name) == name


@given(names(), IDS)
def test_every_candidate_is_safe_and_they_are_distinct(name: str, id: str) -> None:
    found = list(islice(candidates(name, id), 6))
    for one in found:
        check_safe(one)
    assert len({key_of(one) for one in found}) == 6


def swapped(name: str) -> str:
    return name.swapcase()


ALIKE: list[Callable[[str], str]] = [
    str.upper,
    str.lower,
    str.casefold,
    swapped,
    *(
        lambda name, form=form: unicodedata.normalize(form, name)
        for form in ("NFC", "NFD", "NFKC", "NFKD")
    ),
]
"""The ways in which file systems compare names."""


@given(names(), st.sampled_from(ALIKE), st.sampled_from(ALIKE))
def test_names_that_a_file_system_takes_for_the_same_have_one_key(
    name: str, one: Callable[[str], str], other: Callable[[str], str]
) -> None:
    assert key_of(one(other(name))) == key_of(name)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Stops.CSV", "stops.csv"),
        ("\u00e9.csv", "e\u0301.csv"),
        ("straße", "STRASSE"),
        ("\u017fo", "so"),
        ("\u212a", "k"),
        ("\u0131", "i"),
        ("\ufb01", "fi"),
        ("\u01c4", "\u01c6"),
    ],
)
def test_names_that_differ_in_case_or_spelling_have_one_key(one: str, other: str) -> None:
    assert key_of(one) == key_of(other)


@pytest.mark.parametrize(
    ("url", "title", "format", "name"),
    [
        ("https://a.example/r/stations%20été.csv", "Stations", "csv", "stations-été.csv"),
        ("https://a.example/gtfs.zip?key=1#x", "Horaires", "gtfs", "gtfs.zip"),
        ("https://a.example/a.tar.gz", "Archive", "gz", "a.tar.gz"),
        ("https://a.example/rapport.2024.pdf", "Rapport", "pdf", "rapport.2024.pdf"),
        ("https://a.example/exports/csv?lang=fr", "Vélos 2024", "csv", "Vélos-2024.csv"),
        ("https://a.example/export.php?id=3", "Zones", "shp", "Zones.shp"),
        ("https://a.example/export.php?id=3", "Zones", "web page", "export.php"),
        ("https://a.example/", "Zones.CSV", "csv", "Zones.CSV"),
        ("https://a.example/", "Zones", "wms?", "Zones"),
        ("https://a.example/", "", "csv", "7f3e.csv"),
        ("https://a.example/%2e%2e%2fpasswd.csv", "", None, "passwd.csv"),
        ("https://a.example/con.csv", "", None, "con_.csv"),
        ("https://a.example/a.csv.part", "", "csv", "a.csv-part"),
        ("http://[", ".bashrc", None, "bashrc"),
        ("", "..", None, "7f3e"),
    ],
)
def test_a_name_is_that_of_the_address_or_the_title(
    url: str, title: str, format: str | None, name: str
) -> None:
    assert name_of(url=url, title=title, format=format, id="7f3e") == name


def test_a_long_name_keeps_its_extension() -> None:
    name = safe_name("é" * 500 + ".tar.gz")
    assert name.endswith("é.tar.gz")
    assert LONGEST - 3 <= len(unicodedata.normalize("NFD", name).encode()) <= LONGEST


def test_a_name_that_is_taken_gets_a_part_of_the_id() -> None:
    found = candidates("stops.csv", "5f3e1c2a-0b1c-4d2e-8f3a-0123456789ab")
    assert list(islice(found, 4)) == [
        "stops.csv",
        "stops-5f3e1c2a.csv",
        "stops-5f3e1c2a-2.csv",
        "stops-5f3e1c2a-3.csv",
    ]
