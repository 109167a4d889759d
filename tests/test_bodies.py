"""Request bodies: the fields they send, references to objects, and round trips from answers."""

from __future__ import annotations

import copy
import datetime as dt
import json
import pickle
from typing import Any

import httpx
import msgspec
import pytest
from rich.pretty import pretty_repr

from aiodatagouv import UNSET, Client, DecodeError, MissingFieldError
from aiodatagouv._decoding.json import decode
from aiodatagouv._fields.mask import parse
from aiodatagouv.api import datasets, organizations, reuses
from aiodatagouv.models import (
    ChecksumWrite,
    ContactPoint,
    ContactPointWrite,
    CrontabWrite,
    Dataservice,
    DataserviceWrite,
    Dataset,
    DatasetWrite,
    DiscussionResponse,
    DiscussionStart,
    MembershipInvite,
    ModelReferenceWrite,
    Organization,
    OrganizationReference,
    PeriodicTask,
    PeriodicTaskWrite,
    Resource,
    ResourceWrite,
    Reuse,
    ReuseWrite,
    TemporalCoverageWrite,
    TransferRequest,
    User,
)

from .clients import client_of


class Portal:
    """A portal that answers every request with the same JSON and records the bodies it is sent."""

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.sent: list[object] = []

    def respond(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(json.loads(request.content))
        return httpx.Response(200, json=self.answer)

    def client(self) -> Client:
        """Make a client of this portal, with an API key."""
        transport = httpx.MockTransport(self.respond)
        return client_of("https://portal.example/", api_key="key", transport=transport)


NANTES = {"class": "Organization", "id": "1", "name": "Nantes", "slug": "nantes"}


def test_a_body_sends_only_the_fields_that_are_set() -> None:
    body = ReuseWrite(title="Carte", tags=[], deleted=None)
    assert body.to_dict() == {"title": "Carte", "tags": [], "deleted": None}
    assert body.description is UNSET
    assert not body.description


def test_unset_survives_pickling_and_copying() -> None:
    body = ReuseWrite()
    assert pickle.loads(pickle.dumps(body)).title is UNSET
    assert copy.deepcopy(body).title is UNSET
    assert f"{UNSET}" == "UNSET"


def test_nested_dates_and_bodies_are_encoded_as_json() -> None:
    body = DatasetWrite(
        archived=dt.datetime(2024, 5, 3, 12, 30, tzinfo=dt.UTC),
        temporal_coverage=TemporalCoverageWrite(start=dt.date(2020, 1, 1)),
        resources=[ResourceWrite(title="CSV", checksum=ChecksumWrite(value="abc"))],
    )
    assert body.to_dict() == {
        "archived": "2024-05-03T12:30:00+00:00",
        "temporal_coverage": {"start": "2020-01-01"},
        "resources": [{"title": "CSV", "checksum": {"value": "abc"}}],
    }


def test_additional_properties_are_sent() -> None:
    body = DatasetWrite(title="Vélos", additional_properties={"carbon": 3})
    assert body.to_dict() == {"title": "Vélos", "carbon": 3}
    with pytest.raises(AttributeError, match="DatasetWrite has no field 'carbon'"):
        body.carbon = 3  # type: ignore[attr-defined]


def test_the_repr_omits_unset_fields() -> None:
    body = DatasetWrite(title="Vélos", acronym=None)
    assert repr(body) == "DatasetWrite(acronym=None, title='Vélos')"
    assert pretty_repr(body) == repr(body)


# ---- Bodies from JSON


@pytest.mark.parametrize(
    "data",
    [
        {"title": "Vélos", "frequency": "everyFullMoon", "carbon": {"kg": 3}},
        {"archived": "2024-05-03", "temporal_coverage": {"start": "2020-01-01", "end": None}},
        {"organization": "1", "owner": None, "contact_points": ["2", {"id": "3"}]},
        {"organization": {"id": "1"}, "tags": None},
        {"organization": {"class": "Organization", "id": "1"}, "extras": {"a": [1]}},
        {"resources": [{"id": "1", "title": "CSV", "format": None}]},
    ],
)
def test_json_round_trips_through_a_body(data: dict[str, Any]) -> None:
    assert DatasetWrite.from_dict(data).to_dict() == data


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ([], "expected an object (DatasetWrite) at $, got []"),
        ({"title": 7}, "expected text at $.title, got 7"),
        ({"title": None}, "expected text at $.title, got None"),
        ({"archived": "soon"}, "expected a date at $.archived, got 'soon'"),
        ({"tags": "velo"}, "expected a list or null at $.tags, got 'velo'"),
        ({"resources": [{"filesize": "1"}]}, "at $.resources[0].filesize, got '1'"),
        ({"temporal_coverage": {}}, "expected a value at $.temporal_coverage.start, got nothing"),
    ],
)
def test_json_that_does_not_fit_the_body_is_refused(data: Any, text: str) -> None:
    with pytest.raises(DecodeError) as caught:
        DatasetWrite.from_dict(data)
    assert text in str(caught.value)


def test_fields_that_the_server_does_not_require_may_be_omitted() -> None:
    assert DiscussionResponse(close=True).to_dict() == {"close": True}
    assert CrontabWrite(minute="0").to_dict() == {"minute": "0"}


# ---- References


@pytest.mark.parametrize(
    ("organization", "sent"),
    [
        ("1", "1"),
        (OrganizationReference.from_dict(NANTES), {"class": "Organization", "id": "1"}),
        (Organization.from_dict({"id": "1", "name": "Nantes", "members": []}), {"id": "1"}),
    ],
)
def test_an_object_is_sent_as_a_reference_to_it(
    organization: str | Organization | OrganizationReference, sent: object
) -> None:
    assert DatasetWrite(organization=organization).to_dict() == {"organization": sent}


def test_a_reference_to_one_of_several_classes_includes_the_class() -> None:
    dataset = Dataset.from_dict({"id": "1", "title": "Vélos"})
    reference = ModelReferenceWrite(class_="Dataset", id="1")
    for subject in (dataset, reference):
        body = DiscussionStart(title="Une question", comment="Pourquoi ?", subject=subject)
        assert body.to_dict()["subject"] == {"class": "Dataset", "id": "1"}
    invite = MembershipInvite(assignments=[dataset, reference])
    assert invite.to_dict() == {"assignments": 2 * [{"class": "Dataset", "id": "1"}]}


def test_a_reference_by_id_is_sent_as_the_bare_id() -> None:
    user = User.from_dict({"id": "1", "first_name": "Rosa"})
    assert MembershipInvite(user=user).to_dict() == {"user": "1"}


def test_an_object_without_an_id_cannot_be_a_reference() -> None:
    body = DatasetWrite(organization=Organization.from_dict({"name": "Nantes"}))
    with pytest.raises(MissingFieldError, match=r"Organization\.id is missing"):
        body.to_dict()


async def test_a_body_may_itself_be_a_reference() -> None:
    portal = Portal({"id": "1"})
    async with portal.client() as client:
        await reuses.add_reuse_dataset(client, "carte", body=Dataset.from_dict({"id": "2"}))
    assert portal.sent == [{"class": "Dataset", "id": "2"}]


async def test_a_list_of_references_is_sent() -> None:
    portal = Portal([])
    async with portal.client() as client:
        await organizations.sync_member_assignments(
            client,
            "nantes",
            "rosa",
            body=[Dataset.from_dict({"id": "2"}), ModelReferenceWrite(class_="Reuse", id="3")],
        )
    assert portal.sent == [[{"class": "Dataset", "id": "2"}, {"class": "Reuse", "id": "3"}]]


# ---- Bodies from answered objects


def test_a_body_made_from_an_object_preserves_its_values() -> None:
    dataset = Dataset.from_dict(
        {
            "id": "1",
            "title": "Vélos",
            "acronym": None,
            "archived": "2024-05-03T00:00:00Z",
            "organization": NANTES,
            "contact_points": [{"id": "2", "name": "Mairie"}],
            "temporal_coverage": {"start": "2020-01-01", "end": None},
            "tags": ["velo"],
            "metrics": {"views": 3},
            "resources": [{"id": "3"}],
            "carbon": 3,
        }
    )
    body = DatasetWrite.of(dataset, title="Bicyclettes")
    assert body.to_dict() == {
        "title": "Bicyclettes",
        "acronym": None,
        "archived": "2024-05-03T00:00:00Z",
        "organization": {"class": "Organization", "id": "1"},
        "contact_points": [{"id": "2"}],
        "temporal_coverage": {"start": "2020-01-01", "end": None},
        "tags": ["velo"],
    }
    assert body.temporal_coverage == TemporalCoverageWrite(start=dt.date(2020, 1, 1), end=None)


def test_fields_left_out_by_a_mask_are_not_sent() -> None:
    assert DatasetWrite.of(Dataset.from_dict({"title": "Vélos"})).to_dict() == {"title": "Vélos"}


def test_fields_answered_in_another_form_are_not_sent() -> None:
    link = {"rel": "subsection", "href": "https://portal.example/", "total": 3}
    service = Dataservice.from_dict({"title": "API", "datasets": link, "availability": 99.5})
    assert DataserviceWrite.of(service).to_dict() == {"title": "API", "availability": 99.5}


def test_fields_that_would_not_be_preserved_are_not_sent() -> None:
    contact = ContactPoint.from_dict({"name": "Mairie", "owner": {"id": "1"}, "role": "contact"})
    assert ContactPointWrite.of(contact).to_dict() == {"name": "Mairie", "role": "contact"}
    job = PeriodicTask.from_dict(
        {"name": "Nuit", "crontab": None, "interval": {"every": 1, "period": "days"}}
    )
    assert PeriodicTaskWrite.of(job).to_dict() == {
        "name": "Nuit",
        "interval": {"every": 1, "period": "days"},
    }


def test_an_undecodable_value_is_not_sent_back() -> None:
    with pytest.raises(DecodeError, match=r"expected a date at \$.archived"):
        DatasetWrite.of(Dataset.from_dict({"archived": "demain"}))


def test_the_body_of_a_resource_keeps_its_id() -> None:
    body = ResourceWrite.of(Resource.from_dict({"id": "1", "title": "CSV", "format": None}))
    assert body.to_dict() == {"id": "1", "title": "CSV", "format": None}


@pytest.mark.parametrize(
    ("body", "missing"),
    [
        (DatasetWrite(title="a"), "tags and temporal_coverage"),
        (DatasetWrite(title="a", tags=["velo"]), "temporal_coverage"),
        (DatasetWrite(title="a", temporal_coverage=None), "tags"),
    ],
)
async def test_an_update_that_would_delete_a_field_is_refused(
    body: DatasetWrite, missing: str
) -> None:
    portal = Portal({"id": "1"})
    async with portal.client() as client:
        with pytest.raises(ValueError, match="update_dataset: the body lacks") as caught:
            await datasets.update_dataset(client, "velos", body=body)
        assert portal.sent == []
        assert str(caught.value) == (
            f"update_dataset: the body lacks {missing}, which the portal would delete: "
            "send the present value, as DatasetWrite.of(...) does, or None or [] to delete it"
        )
        body.tags, body.temporal_coverage = [], None
        await datasets.update_dataset(client, "velos", body=body)
        body.tags = None
        await datasets.update_dataset(client, "velos", body=body)
        await datasets.create_dataset(client, body=DatasetWrite(title="a"))
    assert len(portal.sent) == 3


def masked(mask: str, **json: Any) -> Dataset:
    """Decode a dataset as the answer to a call with a mask."""
    content = msgspec.json.encode(json)
    dataset: Dataset = decode("get_dataset", content, Dataset, parse(mask))
    return dataset


def test_fields_partly_left_out_by_a_mask_are_not_sent() -> None:
    """Sending partial extras would delete the keys that the mask left out."""
    dataset = masked(
        "title,extras{a},temporal_coverage,spatial{zones},organization{id,name},owner{slug}",
        title="Vélos",
        extras={"a": 1},
        temporal_coverage=None,
        spatial={"zones": ["fr:commune:44109"]},
        organization={"id": "1", "name": "Nantes"},
        owner={"slug": "rosa"},
    )
    assert DatasetWrite.of(dataset).to_dict() == {
        "title": "Vélos",
        "temporal_coverage": None,
        "organization": {"id": "1"},
    }


@pytest.mark.parametrize(
    ("json", "place"),
    [({"title": 5}, r"\$\.title"), ({"tags": ["a", 5]}, r"\$\.tags\[1\]")],
)
def test_a_value_of_the_wrong_type_is_not_sent_back(json: dict[str, Any], place: str) -> None:
    with pytest.raises(DecodeError, match=place):
        DatasetWrite.of(Dataset.from_dict(json))


def test_an_undecodable_value_can_be_replaced() -> None:
    broken = Dataset.from_dict({"archived": "demain", "temporal_coverage": {"start": None}})
    assert DatasetWrite.of(broken, archived=None).to_dict() == {"archived": None}


def test_a_body_is_only_made_from_an_object_of_its_own_model() -> None:
    wrong: Any = Organization.from_dict({"id": "1"})
    with pytest.raises(TypeError, match=r"DatasetWrite\.of takes an answered Dataset"):
        DatasetWrite.of(wrong)
    with pytest.raises(TypeError, match="positional"):
        DatasetWrite.of(Dataset.from_dict({}), wrong)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"title": 5}, "DatasetWrite.title must be text, not 5"),
        ({"title": None}, "DatasetWrite.title must be text, not None"),
        ({"private": 1}, "DatasetWrite.private must be true or false or null, not 1"),
        ({"tags": "velo"}, "DatasetWrite.tags must be a list or null, not 'velo'"),
        ({"contact_points": "1"}, "DatasetWrite.contact_points must be a list or null, not '1'"),
        ({"archived": "demain"}, "DatasetWrite.archived must be a date or null, not 'demain'"),
        ({"spatial": Dataset.from_dict({})}, "must be an object (SpatialCoverageWrite) or null"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_before_sending(
    values: dict[str, Any], text: str
) -> None:
    with pytest.raises(TypeError) as caught:
        DatasetWrite(**values).to_dict()
    assert text in str(caught.value)


async def test_a_body_of_another_operation_is_refused_before_sending() -> None:
    portal = Portal({"id": "1"})
    reuse: Any = Reuse.from_dict({"id": "1"})
    async with portal.client() as client:
        wrong: list[Any] = [reuse, {"title": "a"}, None, ReuseWrite, DatasetWrite(title="a")]
        for body in wrong:
            with pytest.raises(TypeError, match="update_reuse: the body must be a ReuseWrite, not"):
                await reuses.update_reuse(client, "carte", body=body)
        with pytest.raises(TypeError, match="the body must be a list of ResourceWrite"):
            await datasets.reorder_resources(client, "velos", body=reuse)
    assert portal.sent == []


def test_a_subclass_of_a_model_is_sent_as_that_model() -> None:
    class Mine(Dataset, init=False):
        pass

    body = DiscussionStart(title="a", comment="b", subject=Mine.from_dict({"id": "1"}))
    assert body.to_dict()["subject"] == {"class": "Dataset", "id": "1"}


def test_a_reference_that_needs_a_class_is_refused_without_one() -> None:
    dataset = masked("organization{id}", organization={"id": "1"})
    assert dataset.organization is not None
    subject: Any = dataset.organization
    with pytest.raises(
        MissingFieldError, match=r"get_dataset: .*\$\.organization\.class: it is not"
    ):
        TransferRequest(subject=subject, recipient=subject).to_dict()
