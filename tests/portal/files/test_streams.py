"""Streams of the real portal of both pinned releases: RDF in every format, Atom, images."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from aiodatagouv import Client, ServerError, Stream
from aiodatagouv.api import avatars, dataservices, datasets, organizations, posts, reuses, site
from aiodatagouv.types import Progress

from ..portal import Portal

Rdf = Callable[[Client, Portal, str], Stream]


def of_catalogue(client: Client, _: Portal, format: str) -> Stream:
    return site.get_site_catalog(client, format)


def of_organization(client: Client, portal: Portal, format: str) -> Stream:
    org = portal.ids["/organizations/{org}/catalog.{_format}"]["org"]
    return organizations.get_organization_catalog(client, org, format)


def of_dataset(client: Client, portal: Portal, format: str) -> Stream:
    dataset = portal.ids["/datasets/{dataset}/rdf.{_format}"]["dataset"]
    return datasets.get_dataset_rdf(client, dataset, format)


def of_dataservice(client: Client, portal: Portal, format: str) -> Stream:
    dataservice = portal.ids["/dataservices/{dataservice}/rdf.{_format}"]["dataservice"]
    return dataservices.get_dataservice_rdf(client, dataservice, format)


every_rdf = pytest.mark.parametrize(
    "rdf", [of_catalogue, of_organization, of_dataset, of_dataservice]
)


def is_json(text: str) -> bool:
    document: dict[str, Any] = json.loads(text)
    return "@context" in document or "@graph" in document


def is_xml(text: str) -> bool:
    return ElementTree.fromstring(text.encode()).tag.endswith("RDF")


def is_turtle(text: str) -> bool:
    has_prefix = re.search(r"@prefix \w+: <http://purl\.org/dc/terms/> \.", text) is not None
    return has_prefix and text.rstrip().endswith((".", "}"))


def is_triples(text: str) -> bool:
    triple = re.compile(r"(<[^<>]*>|_:\S+) <[^<>]*> .+ \.")
    return all(map(triple.fullmatch, filter(None, text.splitlines())))


FORMATS: dict[str, Callable[[str], bool]] = {
    "json": is_json,
    "jsonld": is_json,
    "xml": is_xml,
    "rdf": is_xml,
    "ttl": is_turtle,
    "n3": is_turtle,
    "trig": is_turtle,
    "nt": is_triples,
}


@every_rdf
@pytest.mark.parametrize("format", FORMATS)
async def test_rdf_is_read_in_each_format_that_the_portal_writes(
    reader: Client, quiet_portal: Portal, rdf: Rdf, format: str, tmp_path: Path
) -> None:
    stream = rdf(reader, quiet_portal, format)
    told: list[Progress] = []
    path = tmp_path / f"catalogue.{format}"
    size = await stream.save(path, progress=told.append)
    content = path.read_bytes()
    assert size == len(content) == told[-1].done > 300
    assert FORMATS[format](content.decode())
    async with stream as chunks:
        assert sum([len(chunk) async for chunk in chunks]) > 300


@every_rdf
@pytest.mark.parametrize("format", ["nq", "trix"])
async def test_formats_that_the_portal_fails_to_write_are_errors(
    reader: Client, quiet_portal: Portal, rdf: Rdf, format: str, tmp_path: Path
) -> None:
    stream = rdf(reader, quiet_portal, format)
    with pytest.raises(ServerError):
        await stream.text()
    with pytest.raises(ServerError):
        await stream.save(tmp_path / "catalogue")
    assert [*tmp_path.iterdir()] == []


async def test_a_catalogue_is_read_page_by_page(reader: Client) -> None:
    pages = [
        await site.get_site_catalog(reader, "nt", page=page, page_size=8).text() for page in (1, 2)
    ]
    datasets_of = re.compile(
        r"^<(\S+)> \S+ <http://www\.w3\.org/ns/dcat#Dataset> \.$", re.MULTILINE
    )
    first, second = ({*datasets_of.findall(page)} for page in pages)
    assert len(first) == len(second) == 8
    assert not first & second


@pytest.mark.parametrize(
    "feed",
    [
        datasets.get_recent_datasets_atom_feed,
        dataservices.get_recent_dataservices_atom_feed,
        posts.get_recent_posts_atom_feed,
        reuses.get_recent_reuses_atom_feed,
    ],
)
async def test_a_feed_is_atom(reader: Client, feed: Callable[[Client], Stream]) -> None:
    text = await feed(reader).text()
    root = ElementTree.fromstring(text.encode())
    assert root.tag == "{http://www.w3.org/2005/Atom}feed"
    assert root.findall("{http://www.w3.org/2005/Atom}entry")


async def test_an_avatar_is_an_image(reader: Client, tmp_path: Path) -> None:
    path = tmp_path / "avatar.png"
    size = await avatars.get_avatar(reader, "ada", 32).save(path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert path.stat().st_size == size
