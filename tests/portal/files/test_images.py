"""Tests of images that are uploaded to real portals."""

from __future__ import annotations

import itertools
import re
import struct
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from aiodatagouv import APIError, Client, PermissionDeniedError, RetryPolicy
from aiodatagouv.api import datasets, me, organizations, posts, reuses, users, visualizations
from aiodatagouv.files._upload.images import Owner, upload_image
from aiodatagouv.models import Chart, Organization, OrganizationWrite, PostWrite, ReuseWrite, v2

from ...clients import client_of
from ...cutting import cutting
from ..conformance.test_catalogue import a_chart
from ..portal import NEWEST, Portal

NUMBERS = itertools.count()


@pytest.fixture
async def admin(own_portal: Portal) -> AsyncIterator[Client]:
    async with client_of(own_portal.url, api_key=own_portal.api_key) as client:
        yield client


def picture(width: int = 4, height: int = 4) -> bytes:
    """Return a PNG that is red on the left and blue on the right."""
    row = b"\0" + b"\xff\0\0" * (width // 2) + b"\0\0\xff" * (width - width // 2)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pieces = [(b"IHDR", head), (b"IDAT", zlib.compress(row * height)), (b"IEND", b"")]
    content = b"\x89PNG\r\n\x1a\n"
    for name, data in pieces:
        content += struct.pack(">I", len(data)) + name + data
        content += struct.pack(">I", zlib.crc32(name + data))
    return content


async def bytes_of(url: str) -> bytes:
    async with httpx.AsyncClient(follow_redirects=True) as plain:
        return (await plain.get(url)).raise_for_status().content


async def created(client: Client, kind: str) -> Owner:
    """Create an object of a kind, or fetch the user whose key the client has."""
    match kind:
        case "organization":
            of_city = OrganizationWrite(name="Ville", description="Une ville")
            return await organizations.create_organization(client, body=of_city)
        case "reuse":
            url = f"https://carte.example.org/{next(NUMBERS)}"
            map_ = ReuseWrite(
                title="Carte", description="Où", topic="others", type="visualization", url=url
            )
            return await reuses.create_reuse(client, body=map_)
        case "post":
            article = PostWrite(name="Article", headline="Un article", content="Un article")
            return await posts.create_post(client, body=article)
        case "chart":
            return await visualizations.create_visualization(client, body=await a_chart(client))
        case _:
            return await me.get_me(client)


FETCH: dict[str, Callable[..., Any]] = {
    "organization": organizations.get_organization,
    "reuse": reuses.get_reuse,
    "post": posts.get_post,
    "chart": visualizations.get_visualization,
    "user": users.get_user,
}
"""Kind of object -> the function that fetches one."""


def addresses(view: Any) -> set[str]:
    """Return the paths of the images of an object, without what tells their size."""
    texts = [one for one in view.to_dict().values() if isinstance(one, str)]
    return {stem(one) for one in texts if one.endswith(".png")}


def stem(url: str) -> str:
    """Return the path of an image without what tells its size."""
    return re.sub(r"(-original|-[0-9]+)?\.png$", "", httpx.URL(url).path)


@pytest.mark.parametrize("kind", FETCH)
async def test_an_object_gets_its_image(
    admin: Client, release: str, kind: str, tmp_path: Path
) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(picture())
    if kind == "chart" and release != NEWEST:
        owner: Owner = Chart.from_dict({"id": "5f1e"})
        with pytest.raises(APIError, match=r"udata serves it since 17\.7\.2"):
            await upload_image(admin, owner, path)
        return
    owner = await created(admin, kind)
    done = await upload_image(admin, owner, path)
    assert done.success
    assert await bytes_of(done.image)
    assert stem(done.image) in addresses(await FETCH[kind](admin, owner.id))


async def test_a_reuse_of_version_2_gets_its_image(admin: Client, release: str) -> None:
    reuse = await created(admin, "reuse")
    of_version_2 = v2.Reuse.from_dict(reuse.to_dict())
    done = await upload_image(admin, of_version_2, picture(), name="a.png")
    assert stem(done.image) in addresses(await reuses.get_reuse(admin, reuse.id))


async def test_a_box_chooses_the_part_that_is_shown(admin: Client, release: str) -> None:
    organization = await created(admin, "organization")
    shown = list[bytes]()
    for bbox in ((0, 0, 2, 2), (2, 0, 4, 2)):
        await upload_image(admin, organization, picture(), bbox=bbox, name="logo.png")
        found = await organizations.get_organization(admin, organization.id)
        assert found.logo_thumbnail is not None
        shown.append(await bytes_of(found.logo_thumbnail))
    assert shown[0] != shown[1]


async def test_the_banner_of_an_organization_is_not_its_logo(admin: Client, release: str) -> None:
    organization = await created(admin, "organization")
    assert isinstance(organization, Organization)
    if release != NEWEST:
        with pytest.raises(APIError, match=r"udata serves it since 17\.18\.0"):
            await upload_image(admin, organization, picture(), kind="banner", name="a.png")
        return
    done = await upload_image(admin, organization, picture(), kind="banner", name="a.png")
    found = await organizations.get_organization(admin, organization.id)
    assert (found.banner_image, found.logo) == (done.image, None)


async def test_everybody_can_change_their_own_avatar_and_an_administrator_any(
    own_portal: Portal, admin: Client
) -> None:
    async with client_of(own_portal.url, api_key=own_portal.user_api_key) as user:
        own = await me.get_me(user)
        for client in (user, admin):
            done = await upload_image(client, own, picture(), name="me.png")
            assert stem(done.image) in addresses(await me.get_me(user))
        with pytest.raises(PermissionDeniedError):
            await upload_image(user, await me.get_me(admin), picture(), name="me.png")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "a.gif"}, "must have the extension of an image"),
        ({"name": None}, "give the name of the file"),
        ({"bbox": (0, 0, 0, 9)}, "four whole numbers"),
        ({"bbox": (0, 9, 9, 9)}, "four whole numbers"),
        ({"bbox": (-1, 0, 9, 9)}, "four whole numbers"),
        ({"bbox": (0.0, 0, 9, 9)}, "four whole numbers"),
        ({"bbox": (0, 0, 9)}, "four whole numbers"),
        ({"kind": "banner"}, "a User has no image of the kind 'banner'"),
        ({"kind": "logo"}, "a User has no image of the kind 'logo'"),
    ],
)
async def test_wrong_arguments_are_refused_before_anything_is_sent(
    admin: Client, options: dict[str, Any], message: str
) -> None:
    owner = await me.get_me(admin)
    with pytest.raises(ValueError, match=message):
        await upload_image(admin, owner, picture(), **{"name": "a.png", **options})
    assert stem((await me.get_me(admin)).avatar or "") == stem(owner.avatar or "")


async def test_a_file_that_is_missing_is_refused_before_anything_is_sent(admin: Client) -> None:
    with pytest.raises(FileNotFoundError):
        await upload_image(admin, await me.get_me(admin), "missing.png")


async def test_what_has_no_image_is_refused(admin: Client) -> None:
    dataset: Any = await anext(aiter(datasets.list_datasets(admin)))
    with pytest.raises(ValueError, match="a Dataset has no image"):
        await upload_image(admin, dataset, picture(), name="a.png")


async def test_an_image_without_an_answer_is_sent_again(own_portal: Portal, admin: Client) -> None:
    retry = RetryPolicy(attempts=9, base=0.001)
    key = own_portal.api_key
    async with (
        cutting(own_portal.url, share=0.5) as proxy,
        client_of(proxy.url, api_key=key, retry=retry) as client,
    ):
        done = await upload_image(client, await me.get_me(client), picture(), name="me.png")
    assert proxy.done["lost"] + proxy.done["carried out, answer lost"] > 0
    assert stem(done.image) in addresses(await me.get_me(admin))
