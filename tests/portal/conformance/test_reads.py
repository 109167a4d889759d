"""Tests of every GET operation, with example parameters."""

from __future__ import annotations

import pytest

from aiodatagouv import (
    OPERATIONS,
    APIError,
    Client,
    Operation,
)
from aiodatagouv.api import posts, transfer

from ..portal import NEWEST, OLDEST, PINNED, RELEASES, Portal, serves
from .prover import Prover
from .unanswerable import REQUEST_ONLY

READS = [
    pytest.param(release, operation, id=f"{release}-{operation.id}")
    for release in RELEASES
    for operation in OPERATIONS.values()
    if operation.method == "GET" and serves(release, operation) and operation.id not in REQUEST_ONLY
]


# All seeded objects on one page, so that complete and sparse objects are both read.
WHOLE = {"page_size": 1000}


@pytest.mark.parametrize(("release", "operation"), READS)
async def test_reads(
    operation: Operation, own_portal: Portal, admin: Client, prove: Prover
) -> None:
    in_path, in_query = own_portal.parameters(operation)
    if operation.kind == "page":
        in_query |= WHOLE
    await prove(operation.function, admin, *in_path, **in_query)


NEEDS_A_KEY = {
    *("geopf_dataset_status", "geopf_login", "geopf_status", "get_me", "list_api_tokens"),
    *("list_notification_settings", "list_notifications", "list_org_invitations"),
    *("my_datasets", "my_metrics", "my_org_community_resources", "my_org_datasets"),
    *("my_org_discussions", "my_org_reuses", "my_reuses", "preview_harvest_source"),
    *("resolve_notifications", "v2.my_org_topics"),
}
"""Operations that answer 401 without an API key."""

NEEDS_MORE = {
    **dict.fromkeys(["get_potential_spams", "get_report", "list_pages", "list_reports"], 403),
    **dict.fromkeys(["list_membership_requests", "list_organization_assignments"], 403),
    **dict.fromkeys(["get_job_api", "get_jobs_reference_api", "get_task_api", "list_jobs"], 403),
    "list_users": 403,
    "geopf_datastores": 424,  # Only the administrator is linked to Géoplateforme.
}
"""Operations that answer 401 without an API key -> their status with an ordinary user's key."""

OPEN_IN_14 = {"get_job_api", "get_jobs_reference_api", "get_task_api", "list_jobs"}
"""Operations that 14.13.0 answers without an API key."""


def refusal(operation: str, release: str, *, key: bool) -> int | None:
    """Return the error status for a user (``key``) or a visitor, or None if access is granted."""
    if release == OLDEST and operation in OPEN_IN_14:
        return None
    if key:
        is_member = release == OLDEST and operation == "list_membership_requests"
        return None if is_member else NEEDS_MORE.get(operation)
    return 401 if operation in NEEDS_A_KEY | NEEDS_MORE.keys() else None


@pytest.mark.parametrize("key", [True, False], ids=["user", "visitor"])
@pytest.mark.parametrize(("release", "operation"), READS)
async def test_what_others_may_read(
    operation: Operation,
    release: str,
    key: bool,
    own_portal: Portal,
    user: Client,
    visitor: Client,
    prove: Prover,
) -> None:
    """Restricted data is null, absent or refused for ordinary users and visitors."""
    in_path, in_query = own_portal.parameters(operation)
    client = user if key else visitor
    status = refusal(operation.id, release, key=key)
    if release not in PINNED:
        try:
            await prove(operation.function, client, *in_path, **in_query)
        except APIError as error:
            # Which of them refuse is known of the pinned releases only.
            if error.status not in (401, 403, 424):
                raise
        return
    if status is None:
        await prove(operation.function, client, *in_path, **in_query)
        return
    with pytest.raises(APIError) as refused:
        await operation.function(client, *in_path, **in_query)
    assert refused.value.status == status


HIDDEN = {
    "get_organization": "presentation_blocs,presentation_blocs_published_at,extras",
    "get_site": "datasets_blocs,reuses_blocs,dataservices_blocs",
    "get_dataset": "community_resources",
    "get_contact_point": "organization,owner",
    "get_post": "blocs,parent",
}
"""Fields that an operation returns only if a mask asks for them."""


@pytest.mark.since(NEWEST)
@pytest.mark.parametrize("operation", HIDDEN)
async def test_what_must_be_asked_for(
    operation: str, own_portal: Portal, admin: Client, prove: Prover
) -> None:
    function = OPERATIONS[operation].function
    in_path, _ = own_portal.parameters(OPERATIONS[operation])
    answer = await prove(function, admin, *in_path, fields=HIDDEN[operation])
    assert answer.to_dict().keys() == {*HIDDEN[operation].split(",")}


@pytest.mark.since("14.13.0")
async def test_every_post(admin: Client, prove: Prover) -> None:
    """The seeded posts have all types of body."""
    page = await posts.list_posts(admin, with_drafts=True)
    kinds = {(await prove(posts.get_post, admin, one.id)).body_type for one in page.data}
    assert kinds >= {"markdown", "blocs"}


async def test_transfers_to_an_organization(
    own_portal: Portal, admin: Client, prove: Prover
) -> None:
    org = own_portal.ids["/organizations/{org}/"]["org"]
    (one,) = await prove(transfer.list_transfers, admin, recipient=org)
    assert one.recipient
    assert (one.recipient.class_, one.recipient.id) == ("Organization", org)
    assert one.recipient.name
    assert one.subject
    assert one.subject.class_ == "Reuse"
