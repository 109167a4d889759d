"""Notifications of each kind that this release has, and settings of them."""

from __future__ import annotations

from typing import Any

from backstage import Backstage
from catalog import NOW, Catalog, moment
from release import find, present

Notification = find("Notification", "udata.features.notifications.models")
NotificationReason = find("NotificationReason", "udata.features.notifications.constants")
NotificationType = find("NotificationType", "udata.features.notifications.constants")
NotificationSetting = find("NotificationSetting", "udata.features.notifications.settings")


def seed_notifications(catalog: Catalog, backstage: Backstage) -> None:
    """Add notifications for the administrator, if this release stores them, and settings."""
    if not Notification:
        return
    for index, (kind, details) in enumerate(kinds(catalog, backstage)):
        Notification(
            user=catalog.admin,
            type=getattr(NotificationType, kind),
            details=details,
            reasons=[NotificationReason.OWNER],
            created_at=moment(),
            handled_at=None if index else NOW,
        ).save()
    # Give the notifications different dates.
    for notification in Notification.objects:
        notification.update(last_modified=moment())
    for scope, event, enabled in [
        (catalog.datasets[0], None, True),
        (catalog.organizations[0], "discussion", False),
        (None, "reuse.created", False),
    ]:
        NotificationSetting(user=catalog.admin, scope=scope, event=event, enabled=enabled).save()


def kinds(catalog: Catalog, backstage: Backstage) -> list[tuple[str, Any]]:
    """Return the names of types and their details, without those that this release lacks."""
    organization, dataset = catalog.organizations[0], catalog.datasets[0]
    discussion, transfer = catalog.discussions[1], backstage.transfers[0]
    talk = {"discussion": discussion, "message_id": discussion.discussion[0].id}
    found = [
        (
            "DISCUSSION_NEW",
            details("core.discussions", "Discussion", status="new_discussion", **talk),
        ),
        ("DISCUSSION_CLOSED", details("core.discussions", "Discussion", status="closed", **talk)),
        (
            "ORGANIZATION_MEMBERSHIP_ACCEPTED",
            details("core.organization", "MembershipAccepted", organization=organization),
        ),
        (
            "ORGANIZATION_MEMBERSHIP_REFUSED",
            details("core.organization", "MembershipRefused", organization=organization),
        ),
        (
            "ORGANIZATION_BADGE_CERTIFIED",
            details("core.organization", "NewBadge", organization=organization, kind="certified"),
        ),
        (
            "REUSE_CREATED",
            details("core.reuse", "ReuseCreated", reuse=catalog.reuses[0], dataset=dataset),
        ),
        (
            "DATASERVICE_CREATED",
            details(
                "core.dataservices",
                "DataserviceCreated",
                dataservice=catalog.dataservices[0],
                dataset=dataset,
            ),
        ),
        (
            "TRANSFER_REQUESTED",
            details(
                "features.transfer",
                "TransferRequest",
                transfer_owner=transfer.owner,
                transfer_recipient=transfer.recipient,
                transfer_subject=transfer.subject,
            ),
        ),
        (
            "HARVEST_SOURCE_PENDING",
            details("harvest", "ValidateHarvester", source=backstage.sources[1], status="pending"),
        ),
        (
            "ORGANIZATION_MEMBERSHIP_REQUESTED",
            details(
                "core.organization",
                "MembershipRequest",
                request_organization=organization,
                request_user=catalog.users[10],
            ),
        ),
    ]
    return [(name, one) for name, one in found if present([one])]


def details(package: str, name: str, /, **values: Any) -> Any:
    """Return the details of a notification, if this release has their class."""
    return find(f"{name}NotificationDetails", f"udata.{package}.notifications")(**values)
