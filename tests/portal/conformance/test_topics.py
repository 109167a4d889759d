"""Tests of topics, their elements and the links to these, in version 2 of the API."""

from __future__ import annotations

import pytest
from packaging.version import Version

from aiodatagouv import (
    AuthenticationError,
    BadRequestError,
    Client,
    NotFoundError,
    PermissionDeniedError,
)
from aiodatagouv.api.v2 import me, ops, topics
from aiodatagouv.models import ModelReferenceWrite, v2

from ..portal import serves
from .prover import Prover
from .things import a_dataservice, a_dataset, a_reuse, a_topic, new_title

MANY = 150

pytestmark = pytest.mark.serving("v2.create_topic")


async def elements_of(client: Client, topic: v2.Topic) -> list[v2.TopicElement]:
    """Return the elements of a topic, of several pages."""
    return [one async for one in topics.list_topic_elements(client, topic.id, page_size=70)]


async def test_the_life_of_a_topic(user: Client, admin: Client, prove: Prover) -> None:
    """It is created, filled, filtered, put in another order, emptied and deleted."""
    topic = await prove(
        topics.create_topic,
        user,
        body=v2.TopicWrite(name=new_title("Fleuves"), description="D'eau", tags=["eau"]),
    )
    assert topic.elements.total == 0
    dataset = await a_dataset(user)
    bodies = [
        v2.TopicElementWrite(
            title=f"Étape {number}",
            tags=["paire" if number % 2 == 0 else "impaire"],
            element=dataset if number % 3 == 0 else None,
        )
        for number in range(MANY)
    ]
    made = await prove(topics.add_topic_elements, user, topic.id, body=bodies)
    assert [one.title for one in made] == [one.title for one in bodies]

    filled = await topics.get_topic(user, topic.id)
    assert filled.elements.total == MANY
    found = await elements_of(user, filled)
    assert [one.to_dict() for one in found] == [one.to_dict() for one in made]
    for query, expected in (
        ({"tag": ["paire"]}, range(0, MANY, 2)),
        ({"class_": "Dataset"}, range(0, MANY, 3)),
        ({"class_": "None", "tag": ["impaire"]}, [n for n in range(MANY) if n % 3 and n % 2]),
    ):
        listed = topics.list_topic_elements(user, topic.id, **query)
        assert [one.title async for one in listed] == [f"Étape {number}" for number in expected]

    # An update replaces the elements: in another order, they are new ones.
    order = [v2.TopicElementWrite.of(one) for one in reversed(found)]
    await prove(topics.update_topic, user, topic.id, body=v2.TopicWrite.of(filled, elements=order))
    turned = await elements_of(user, topic)
    assert [one.title for one in turned] == [one.title for one in reversed(found)]
    assert {one.id for one in turned} & {one.id for one in found} == set()

    # An update without elements leaves them.
    await topics.update_topic(user, topic.id, body=v2.TopicWrite.of(filled))
    assert [one.id for one in await elements_of(user, topic)] == [one.id for one in turned]

    await prove(topics.delete_topic_element, user, topic.id, turned[0].id)
    assert [one.id for one in await elements_of(user, topic)] == [one.id for one in turned[1:]]
    await prove(topics.clear_topic_elements, user, topic.id)
    assert await elements_of(user, topic) == []
    await prove(topics.delete_topic, user, topic.id)
    with pytest.raises(NotFoundError):
        await topics.get_topic(admin, topic.id)


async def test_an_empty_list_of_elements(user: Client, release: str) -> None:
    """It empties a topic, except on old portals, where `clear_topic_elements` does."""
    topic = await a_topic(user)
    body = [v2.TopicElementWrite(title="Une étape")]
    await topics.add_topic_elements(user, topic.id, body=body)
    emptied = await topics.update_topic(user, topic.id, body=v2.TopicWrite.of(topic, elements=[]))
    assert emptied.elements.total == (0 if Version(release) >= Version("16.6.1") else 1)


async def test_an_element_is_of_an_object_or_has_a_title(user: Client, prove: Prover) -> None:
    topic = await a_topic(user)
    dataset, reuse = await a_dataset(user), await a_reuse(user)
    objects = (dataset, reuse, await a_dataservice(user))
    bodies = [v2.TopicElementWrite(element=one) for one in objects]
    made = await prove(topics.add_topic_elements, user, topic.id, body=bodies)
    references = [one.element for one in made]
    assert [one and (one.class_, one.id) for one in references] == [
        (type(one).__name__, one.id) for one in objects
    ]
    # The reference in a response is accepted, too.
    again = await topics.add_topic_elements(
        user, topic.id, body=[v2.TopicElementWrite(element=references[0])]
    )
    assert again[0].element == references[0]
    with pytest.raises(BadRequestError):
        await topics.add_topic_elements(user, topic.id, body=[v2.TopicElementWrite()])
    unknown = ModelReferenceWrite(class_="Dataset", id="5f0000000000000000000000")
    with pytest.raises(BadRequestError):
        await topics.add_topic_elements(
            user, topic.id, body=[v2.TopicElementWrite(element=unknown)]
        )
    # A refused list leaves the topic as it was.
    assert (await topics.get_topic(user, topic.id)).elements.total == 4


async def test_an_element_of_another_topic_is_not_found(user: Client, release: str) -> None:
    topic, stranger = await a_topic(user), await a_topic(user)
    body = [v2.TopicElementWrite(title="Une étape")]
    (element,) = await topics.add_topic_elements(user, topic.id, body=body)
    changed = v2.TopicElementWrite.of(element, title="Autre étape")
    if Version(release) >= Version("17.7.2"):
        with pytest.raises(NotFoundError):
            await topics.update_topic_element(user, stranger.id, element.id, body=changed)
        return
    # Older portals look for the element alone.
    updated = await topics.update_topic_element(user, stranger.id, element.id, body=changed)
    assert updated.title == "Autre étape"


@pytest.mark.serving("v2.feature_topic")
async def test_a_featured_topic(admin: Client, user: Client, prove: Prover) -> None:
    topic = await a_topic(admin)
    assert (await prove(topics.feature_topic, admin, topic.id)).featured
    assert topic.id in [one.id async for one in topics.list_topics(user, featured=True)]
    assert not (await prove(topics.unfeature_topic, admin, topic.id)).featured
    with pytest.raises(PermissionDeniedError):
        await topics.feature_topic(user, topic.id)


async def test_who_writes_a_topic(
    user: Client, admin: Client, other: Client, visitor: Client
) -> None:
    topic = await a_topic(admin)
    with pytest.raises(AuthenticationError):
        await a_topic(visitor)
    with pytest.raises(AuthenticationError):
        await topics.delete_topic(visitor, topic.id)
    with pytest.raises(PermissionDeniedError):
        await topics.delete_topic(other, topic.id)
    assert topic.id in [one.id async for one in me.list_my_org_topics(admin)]
    assert topic.id not in [one.id async for one in me.list_my_org_topics(user)]


async def test_the_zones_of_a_topic_are_ids_or_objects(
    user: Client, prove: Prover, release: str
) -> None:
    """The header that asks for whole objects changes nothing else."""
    function = topics.list_topics
    ids = await prove(function, user, page_size=100)
    whole = await prove(function, user, page_size=100, full_objects=True)
    for one, other in zip(ids.data, whole.data, strict=True):
        topic = await prove(topics.get_topic, user, one.id, full_objects=True)
        assert topic.to_dict() == other.to_dict()
        assert one.spatial is None or other.spatial is not None
        if one.spatial is not None and other.spatial is not None:
            assert [zone.id for zone in other.spatial.zones] == one.spatial.zones
            assert other.spatial.granularity.id == one.spatial.granularity
        assert {**one.to_dict(), "spatial": None} == {**other.to_dict(), "spatial": None}
    assert any(one.spatial and one.spatial.zones for one in whole.data)
    await prove(me.list_my_org_topics, user, full_objects=True)
    if serves(release, ops.SEARCH_TOPICS):
        await prove(topics.search_topics, user, full_objects=True)
