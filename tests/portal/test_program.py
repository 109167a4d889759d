"""Test that the program of the typing tests also runs on a portal of each release."""

from __future__ import annotations

import pytest

from ..clients import client_of
from ..typing import program
from .portal import RELEASES, running_portal


@pytest.mark.parametrize("release", RELEASES)
async def test_a_program_as_users_write_it(release: str) -> None:
    with running_portal(30, release=release) as portal:
        organization = portal.ids["/organizations/{org}/"]["org"]
        async with client_of(portal.url, api_key=portal.api_key) as client:
            lines = await program.main(client, organization)
    assert len(lines) > 100
    assert any("are recent" in line for line in lines)
    assert "Bornes" in lines
