"""Tests of a user's program with the portal in memory, as type checkers see them."""

from __future__ import annotations

from aiodatagouv import RetryPolicy, models
from aiodatagouv.api import datasets
from aiodatagouv.testing import FakePortal, RecordedRequest, network_refused


async def test_program(fake_portal: FakePortal) -> None:
    nantes = fake_portal.add(models.Organization, name="Nantes Métropole")
    velos = fake_portal.add(models.Dataset, title="Vélos", organization=nantes)
    kept = fake_portal.add(models.Dataset.from_dict({"id": "1"}))
    assert velos.title.upper() + kept.id
    fake_portal.script("get_dataset", status=429, retry_after=2, times=1)
    fake_portal.script(None, cut="body", delay=0.5)
    fake_portal.answer("suggest_datasets", [], parameters={"q": "vélo"})
    async with fake_portal.client(retry=RetryPolicy(base=0), timeout=5) as client:
        dataset = await datasets.get_dataset(client, velos.id)
        assert dataset.title
    last: RecordedRequest = fake_portal.requests[-1]
    assert last.operation == "get_dataset"
    with network_refused(), fake_portal.replacing_network():
        pass
