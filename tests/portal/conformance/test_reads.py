"""Every operation that reads, with parameters for which the portal has an answer."""

from __future__ import annotations

import pytest

from aiodatagouv import (
    OPERATIONS,
    APIError,
    Client,
    Operation,
)

from ..portal import RELEASES, Portal
from .prover import Prover
from .unanswerable import REQUEST_ONLY

READS = [
    pytest.param(release, operation, id=f"{release}-{operation.id}")
    for release in RELEASES
    for operation in OPERATIONS.values()
    if operation.method == "GET"
    and release in operation.releases
    and operation.id not in REQUEST_ONLY
]


# Every object that was seeded, the rich ones and the poor, and not only the first page.
WHOLE = {"page_size": 1000}


@pytest.mark.parametrize(("release", "operation"), READS)
async def test_reads(
    operation: Operation, own_portal: Portal, admin: Client, prove: Prover
) -> None:
    in_path, in_query = own_portal.parameters(operation)
    if operation.kind == "page":
        in_query |= WHOLE
    await prove(operation.function, admin, *in_path, **in_query)


@pytest.mark.parametrize(("release", "operation"), READS)
async def test_what_others_may_read(
    operation: Operation, own_portal: Portal, user: Client, visitor: Client, prove: Prover
) -> None:
    """What is only for some is null or absent for others, or refused."""
    in_path, in_query = own_portal.parameters(operation)
    for client in (user, visitor):
        try:
            await prove(operation.function, client, *in_path, **in_query)
        except APIError as refused:
            # 424: not linked to Géoplateforme, as the administrator is.
            if refused.status not in (401, 403, 404, 424):
                raise
