"""Fills the empty database, always in the same way."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import factory.random
from backstage import seed_backstage
from catalog import seed_catalog
from mongoengine.signals import post_save
from udata.core.api_token.models import ApiToken
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
    """Seed a portal whose public catalogue has exactly that many datasets."""
    random.seed(17)
    factory.random.reseed_random(17)
    faker.seed_instance(17)
    # Each save would otherwise send mails, notify, index and recount: that is nine tenths
    # of the time, and none of it is wanted here.
    with post_save.muted():
        catalog = seed_catalog(datasets)
        backstage = seed_backstage(catalog)
        api_key, user_api_key, other_api_key = (
            ApiToken.generate(user, name="Clé d'essai")[1]
            for user in (catalog.admin, catalog.user, catalog.other)
        )
        ApiToken.generate(catalog.admin, name="Clé révoquée")[0].revoke()
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
