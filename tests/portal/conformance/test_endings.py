"""Tests that delete objects which other tests need, on separate portals."""

from __future__ import annotations

import pytest

from aiodatagouv import AuthenticationError, Client
from aiodatagouv.api import geopf, me

from ..portal import Portal
from .prover import Opener, PortalOf, Prover


@pytest.fixture
def own_portal(release: str, portal_of: PortalOf) -> Portal:
    return portal_of(release, "to end something")


@pytest.mark.serving("disconnect_geopf")
async def test_the_link_to_geopf(admin: Client, prove: Prover) -> None:
    await prove(geopf.disconnect_geopf, admin)
    assert (await geopf.get_geopf_status(admin)).connected is False


@pytest.mark.serving("generate_apikey")
async def test_the_one_key(other: Client, opened: Opener, prove: Prover) -> None:
    """A new API key invalidates the previous one."""
    created = await prove(me.generate_apikey, other)
    assert isinstance(created.apikey, str)
    assert created.apikey not in repr(created)
    with pytest.raises(AuthenticationError):
        await me.get_me(other)
    holder = await opened(created.apikey)
    assert (await me.get_me(holder)).first_name == "Jean"
    await prove(me.clear_apikey, holder)
    with pytest.raises(AuthenticationError):
        await me.get_me(holder)


async def test_an_account(user: Client, prove: Prover) -> None:
    await prove(me.delete_me, user)
    with pytest.raises(AuthenticationError):
        await me.get_me(user)
