"""Topics and elements of topics with every field set, or with hardly any; see `filled.py`."""

from __future__ import annotations

from aiodatagouv.api.v2 import topics
from aiodatagouv.models import GeoJSONWrite, ModelReferenceWrite, SpatialCoverageWrite, v2

from .filled import Hands, Made, Whose
from .things import a_dataset, a_topic, new_title

SHAPE = [[[[2.1, 48.7], [2.6, 48.7], [2.6, 49.0], [2.1, 48.7]]]]


def the_topic(hands: Hands, id_: str, *sent: v2.TopicWrite) -> Made:
    client, prove = hands.user, hands.prove
    return Made(
        [*sent],
        lambda: prove(topics.get_topic, client, id_),
        lambda body: prove(topics.update_topic, client, id_, body=body),
    )


def the_element(hands: Hands, topic: str, id_: str, *sent: v2.TopicElementWrite) -> Made:
    client, prove = hands.user, hands.prove

    async def read() -> v2.TopicElement:
        page = await prove(topics.list_topic_elements, client, topic)
        (found,) = [one for one in page.data if one.id == id_]
        return found

    return Made(
        [*sent],
        read,
        lambda body: prove(topics.update_topic_element, client, topic, id_, body=body),
    )


async def a_filled_element_body(hands: Hands) -> v2.TopicElementWrite:
    dataset = await a_dataset(hands.user)
    return v2.TopicElementWrite(
        title=new_title("Étape"),
        description="Une étape",
        tags=["etape", "velo"],
        extras={"a": 1, "b": {"c": [1, "x"]}},
        element=ModelReferenceWrite(class_="Dataset", id=dataset.id),
    )


async def a_filled_topic(hands: Hands, whose: Whose) -> Made:
    client, prove = hands.user, hands.prove
    body = v2.TopicWrite(
        name=new_title("Voyages"),
        description="En train",
        tags=["train", "velo"],
        color=3,
        private=True,
        extras={"a": 1, "b": {"c": [1, "x"]}},
        spatial=SpatialCoverageWrite(zones=["fr:commune:35238"], granularity="fr:commune")
        if whose == "organization"
        else SpatialCoverageWrite(
            geom=GeoJSONWrite(type="MultiPolygon", coordinates=SHAPE), granularity="poi"
        ),
        elements=[await a_filled_element_body(hands)],
        **await hands.producer(whose, client),
    )
    return the_topic(hands, (await prove(topics.create_topic, client, body=body)).id, body)


async def a_sparse_topic(hands: Hands) -> Made:
    return the_topic(hands, (await a_topic(hands.user)).id)


async def a_filled_element(hands: Hands) -> Made:
    topic = await a_topic(hands.user)
    body = await a_filled_element_body(hands)
    (made,) = await hands.prove(topics.add_topic_elements, hands.user, topic.id, body=[body])
    return the_element(hands, topic.id, made.id, body)


async def a_sparse_element(hands: Hands) -> Made:
    topic = await a_topic(hands.user)
    body = v2.TopicElementWrite(title=new_title("Étape"))
    (made,) = await topics.add_topic_elements(hands.user, topic.id, body=[body])
    return the_element(hands, topic.id, made.id)
