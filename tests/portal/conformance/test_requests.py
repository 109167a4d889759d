"""Tests of the requests of operations that cannot succeed on a portal in memory."""

from __future__ import annotations

import httpx
import pytest

from aiodatagouv import OPERATIONS, APIError, Client

from ..portal import RELEASES, serves
from .prover import Prover
from .unanswerable import REQUEST_ONLY

REQUESTS = [
    pytest.param(release, operation, id=f"{release}-{operation}")
    for release in RELEASES
    for operation in REQUEST_ONLY
    if serves(release, OPERATIONS[operation])
]


LOGIN = {"code": "the code", "state": "not of this session"}

SENT = {
    "geopf_auth": LOGIN,
    "get_proconnect_auth_api": LOGIN,
    "get_proconnect_logout_api": {"state": "not of this session"},
}
"""The parameters that an identity provider would send."""

WITHOUT_A_KEY = {"geopf_auth": 401}
"""Operation -> its status without an API key, if that differs from the status with a key."""

ANSWERS = {"geopf_auth": 500, "get_proconnect_auth_api": 500, "get_proconnect_logout_api": 401}
"""Operation -> its status for the state of an unknown session.

This status shows that the server has understood the parameters.
"""


@pytest.mark.parametrize(("release", "operation"), REQUESTS)
async def test_the_request_is_what_the_route_expects(
    operation: str, admin: Client, visitor: Client, seen: list[httpx.Response], prove: Prover
) -> None:
    for client, status in ((admin, ANSWERS[operation]), (visitor, WITHOUT_A_KEY.get(operation))):
        seen.clear()
        with pytest.raises(APIError) as refused:
            await OPERATIONS[operation].function(client, **SENT[operation])
        assert refused.value.status == (status or ANSWERS[operation])
        (answer,) = seen
        prove.check_route(OPERATIONS[operation], answer)
        assert dict(answer.request.url.params) == SENT[operation]
        assert answer.request.content == b""
    prove.note(OPERATIONS[operation], "request only")
