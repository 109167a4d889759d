"""The fields that a release sends or not, other than the models declare, as observed on its portal.

Every response without a mask has all other fields of its models, except those that are declared to
be absent at times. The prover checks both directions for each response of the tests.
"""

from __future__ import annotations

NOT_SENT: dict[str, dict[str, set[str]]] = {
    "17.18.0": {
        "Discussion": {"class", "spam"},
        "Message": {"spam"},
        "PeriodicTask": {"last_run_id"},
        "Post": {"content_as_page"},
        "Site": {"dataservices_page", "datasets_page", "reuses_page"},
    },
    "14.13.0": {
        "Activity": {"id"},
        "CommunityResource": {"geopf"},
        "ContactPoint": {"organization", "owner"},
        "Dataset": {"doi", "geopf"},
        "DatasetFull": {"doi", "geopf"},
        "GeoZoneReference": {"class"},
        "DatasetPreview": {"doi", "geopf"},
        "HarvestDataserviceMetadata": {"modified_at"},
        "HarvestSource": {"slug"},
        "MembershipRequest": {"assignments", "email", "kind", "role"},
        "Notification": {"reasons", "requires_action", "type"},
        "Organization": {
            "banner_color",
            "banner_image",
            "banner_image_position",
            "ext",
            "image_url",
            "permissions",
            "presentation_blocs_published_at",
            "teams",
            "zone",
        },
        "OrganizationReference": {"permissions"},
        "OrganizationRole": {"description"},
        "Post": {"ancestors", "parent", "sidemenu"},
        "Report": {"callbacks_count", "subject_deleted_by", "subject_embed_id", "subject_label"},
        "Resource": {"geopf"},
        "UploadedCommunityResource": {"geopf"},
        "User": {
            "deleted",
            "mail_cadence",
            "notifications_paused",
            "password_rotation_demanded",
            "password_rotation_performed",
        },
        "UserReference": {"deleted"},
        "UserReferenceWithEmail": {"deleted"},
        "v2.Dataset": {"doi", "geopf"},
        "v2.DatasetFull": {"doi", "geopf"},
        "v2.Topic": {"color", "page"},
        "v2.TopicFull": {"color", "page"},
    },
}
"""Release -> model -> the keys of the fields that are never sent."""

UNTIL_13 = ["10.9.0", "11.1.1", "12.0.1", "13.0.0"]

UNDECLARED: dict[str, list[str]] = {
    "AccessAudience.id": UNTIL_13,
    "HarvestDataserviceMetadata.id": UNTIL_13,
    "HarvestResourceMetadata.created_at": UNTIL_13,
    "Report.callbacks": ["16.0.0"],
    "Organization.requests": ["16.6.1"],
    "Chart.image_thumbnail": ["17.7.2", "17.13.0"],
    "v2.Topic.datasets": ["10.9.0"],  # A topic had these instead of elements.
    "v2.Topic.reuses": ["10.9.0"],
}
"""Fields that only these releases send: null, empty, or the answer of another operation.

Views keep them undeclared."""

OF_OLDER = {"Notification.created_on"}
"""Fields that only releases older than the pinned ones send; a run over all releases reads them."""

OWN_VALUES: dict[str, list[str]] = {"Notification.type": [*UNTIL_13, "14.0.2"]}
"""Fields that have other values on these releases, which views read as text."""

MASKED = {
    ("14.13.0", model, "datasets"): {"id", "title", "uri", "page"}
    for model in ("Reuse", "v2.FoundReuse")
}
"""Release, model and key of a list whose objects are always masked -> their fields."""


def name_of(model: type[object]) -> str:
    """Return the name of a model: ``Dataset``, or ``v2.Dataset`` in version 2 of the API."""
    return f"v2.{model.__name__}" if ".v2." in model.__module__ else model.__name__
