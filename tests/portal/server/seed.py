"""Seed the empty database deterministically."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any
from unittest import mock

import factory.random
from backstage import count_metrics, seed_backstage
from catalog import seed_catalog
from extras import new_key, seed_extras
from mongoengine.signals import post_save, pre_init
from release import drop_unknown_fields
from udata.core.dataservices.models import Dataservice
from udata.core.dataset.models import Dataset
from udata.core.discussions.models import Discussion
from udata.core.organization.models import Organization
from udata.core.reuse.models import Reuse
from udata.utils import faker

from examples import example_parameters


@dataclass
class Seeded:
    api_key: str
    user_api_key: str
    other_api_key: str
    totals: dict[str, int]
    ids: dict[str, dict[str, Any]]


def seed(datasets: int) -> Seeded:
    """Seed a portal with the given number of public datasets."""
    random.seed(17)
    factory.random.reseed_random(17)
    faker.seed_instance(17)
    # The signal handlers (mails, notifications, indexing, counts) take nine tenths of the time,
    # and the tests do not need them.
    # The server itself keeps its behaviour for unknown fields.
    with mock.patch.object(post_save, "send"), pre_init.connected_to(drop_unknown_fields):
        catalog = seed_catalog(datasets)
        backstage = seed_backstage(catalog)
        seed_extras(catalog, backstage)
        count_metrics(catalog)
        api_key, user_api_key, other_api_key = (
            new_key(user) for user in (catalog.admin, catalog.user, catalog.other)
        )
    return Seeded(
        api_key=api_key,
        user_api_key=user_api_key,
        other_api_key=other_api_key,
        totals={
            "datasets": Dataset.objects.visible().count(),
            "organizations": Organization.objects.visible().count(),
            "reuses": Reuse.objects.visible().count(),
            "dataservices": Dataservice.objects.visible().count(),
            "discussions": Discussion.objects.count(),
        },
        ids=example_parameters(catalog, backstage),
    )
