"""The differences of releases that are not pinned, as far as they are known, with the reasons.

A run over these releases fails for every difference that is not here, and for every one that is
here and does not show any more.
"""

from __future__ import annotations

from attrs import frozen


@frozen
class Difference:
    """A test that is known to fail on some releases.

    Attributes:
        releases: The releases.
        test: The name of the test function.
        reason: What the releases do otherwise.
        case: What the test is parametrized by beside the release, if anything.
    """

    releases: tuple[str, ...]
    test: str
    reason: str
    case: str | None = None


UNTIL_13 = ("10.9.0", "11.1.1", "12.0.1", "13.0.0")
UNTIL_14_0 = (*UNTIL_13, "14.0.2")
UNTIL_16 = (*UNTIL_14_0, "14.13.0", "15.4.1", "16.0.0", "16.6.1")
WHOSE = ("organization", "owner")

MASKS = "test_the_portal_takes_every_path_that_the_model_has"
SENT_BACK = "test_what_is_read_can_be_sent_back"

KNOWN = [
    Difference(
        UNTIL_14_0,
        MASKS,
        "The list has no pages, so that a mask of a page leaves nothing of it: a DecodeError.",
        "list_notifications",
    ),
    *(
        Difference(
            UNTIL_16,
            MASKS,
            "The source of a job is a name without fields: a mask with some is a 400.",
            operation,
        )
        for operation in (
            "get_harvest_job",
            "get_harvest_source",
            "list_harvest_jobs",
            "list_harvest_sources",
            "preview_harvest_source",
        )
    ),
    *(
        Difference(UNTIL_13, SENT_BACK, f"{lacks}: they are dropped.", f"{kind}-of-{whose}")
        for kind, lacks in (
            ("dataset", "A dataset has no access_type, reasons, audiences or address of a form"),
            ("dataservice", "A dataservice has no reasons for its access_type"),
            ("reuse", "A reuse has no dataservices"),
        )
        for whose in WHOSE
    ),
    Difference(
        ("16.6.1", "17.7.2"),
        "test_what_is_deleted_can_be_restored",
        "An update does not restore an organization.",
        "organization",
    ),
    Difference(
        UNTIL_14_0,
        "test_an_update_of_a_post_keeps_its_tags",
        "An update of a post without tags deletes them.",
    ),
    Difference(
        ("15.4.1", "16.0.0"),
        MASKS,
        "The organization is a name without fields: a mask with some is a 400.",
        "list_organization_assignments",
    ),
]

RETYPED = {
    "list_notifications: array": UNTIL_14_0,
    **dict.fromkeys(
        [
            "Dataset.frequency: the values ['fourTimesADay', 'fourTimesAWeek']",
            "DatasetPreview.frequency: the values ['fourTimesADay', 'fourTimesAWeek']",
            "DatasetWrite.frequency: the values ['fourTimesADay', 'fourTimesAWeek']",
            "PeriodicTask.task: the values ['send-frequency-reminder']",
        ],
        ("10.9.0", "11.1.1"),
    ),
    # A mistake in the Swagger: the answers have dates.
    "User.password_rotation_demanded: object": ("16.6.1",),
    "User.password_rotation_performed: object": ("16.6.1",),
}
"""Place -> the releases whose Swagger declares another type than the package.

A list without pages is read as the only page, and other values of enums as text.
"""
