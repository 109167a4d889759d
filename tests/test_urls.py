"""The URLs of calls: those that httpx itself would make."""

from __future__ import annotations

from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodatagouv._http.urls import endpoint

PORTALS = [
    httpx.URL("https://portal.example/"),
    httpx.URL("http://127.0.0.1:7000/"),
    httpx.URL("http://[::1]:7000/open data/é/"),
    httpx.URL("https://données.example/"),
]

segments = (
    st.text(min_size=1)
    .map(lambda text: quote(text, safe=""))
    .filter(lambda text: text not in (".", ".."))
)
names = st.text(st.characters(exclude_categories=["Cs"]))


@given(
    st.sampled_from(PORTALS),
    st.sampled_from([1, 2]),
    st.lists(segments, min_size=1),
    st.dictionaries(names, st.lists(names, min_size=1)),
)
def test_the_url_of_an_endpoint_is_the_one_that_httpx_makes(
    portal: httpx.URL, version: int, path: list[str], query: dict[str, list[str]]
) -> None:
    joined = "/".join(path) + "/"
    pairs = [(name, value) for name, values in query.items() for value in values]
    expected = portal.join(f"./api/{version}/{joined}")
    if pairs:
        expected = expected.copy_with(params=pairs)
    made = endpoint(portal, version, joined, pairs)
    assert str(made) == str(expected)
    assert made.raw_path == expected.raw_path
    assert made.netloc == expected.netloc


@pytest.mark.parametrize("path", ["", "a;b:c@d,e=f+g%20h%zz~*'()!$&", 'x y<>"{}|^`[]', "é"])
def test_the_path_of_an_endpoint_is_escaped_as_httpx_does(path: str) -> None:
    for portal in PORTALS:
        assert str(endpoint(portal, 1, path, [])) == str(portal.join(f"./api/1/{path}"))


def test_two_slashes_of_a_path_stay_two() -> None:
    made = endpoint(PORTALS[0], 1, "a//b/", [("q", "1")])
    assert str(made) == "https://portal.example/api/1/a//b/?q=1"
