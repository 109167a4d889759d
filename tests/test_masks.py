"""``fields`` as the ``X-Fields`` header says it."""

from __future__ import annotations

import pytest

from aiodatagouv import MaskError
from aiodatagouv.masks import mask


@pytest.mark.parametrize(
    ("fields", "header"),
    [
        ("id,title", "id,title"),
        ("{id,title}", "id,title"),
        ("id,organization{name,logo}", "id,organization{name,logo}"),
        (["id"], "id"),
        (
            ["id", "organization.name", "title", "organization.logo"],
            "id,organization{name,logo},title",
        ),
        (["a.b.c", "a.b.d", "a.e"], "a{b{c,d},e}"),
        (["organization", "organization.name"], "organization"),
    ],
)
def test_a_mask(fields: str | list[str], header: str) -> None:
    assert mask(fields) == header


def test_a_page_keeps_what_pagination_needs() -> None:
    assert mask(["id"], paged=True) == "data{id},page,page_size,total,next_page,previous_page"


@pytest.mark.parametrize("fields", ["", " ", "{}", "{ }", []])
def test_no_field_at_all_is_an_error(fields: str | list[str]) -> None:
    with pytest.raises(MaskError, match="fields is empty"):
        mask(fields)


@pytest.mark.parametrize("fields", ["été", ["id", "a\nb"]])
def test_a_field_that_no_header_can_name(fields: str | list[str]) -> None:
    with pytest.raises(MaskError, match="plain names"):
        mask(fields)
