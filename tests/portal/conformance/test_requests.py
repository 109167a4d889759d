"""Operations that cannot answer in memory: their requests are what the server's route expects."""

from __future__ import annotations

import httpx
import pytest

from aiodatagouv import OPERATIONS, APIError, Client

from ..portal import RELEASES
from .prover import Prover
from .unanswerable import REQUEST_ONLY

REQUESTS = [
    pytest.param(release, operation, id=f"{release}-{operation}")
    for release in RELEASES
    for operation in REQUEST_ONLY
    if release in OPERATIONS[operation].releases
]


@pytest.mark.parametrize(("release", "operation"), REQUESTS)
async def test_the_request_reaches_its_route(
    operation: str, admin: Client, seen: list[httpx.Response], prove: Prover
) -> None:
    """None of them takes a parameter or a body: they are sent where a browser is sent back."""
    with pytest.raises(APIError):
        await OPERATIONS[operation].function(admin)
    (answer,) = seen
    prove.check_route(OPERATIONS[operation], answer)
    assert (answer.request.url.query, answer.request.content) == (b"", b"")
    prove.note(OPERATIONS[operation], "request only")
