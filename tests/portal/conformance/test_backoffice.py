"""Tests of administrative writes: posts, pages, the site, harvests and jobs."""

from __future__ import annotations

import pytest

from aiodatagouv import Client, NotFoundError
from aiodatagouv.api import harvest, pages, posts, site, workers
from aiodatagouv.models import (
    CrontabWrite,
    HarvestSource,
    HarvestSourceValidationWrite,
    HarvestSourceWrite,
    IntervalWrite,
    PageWrite,
    PeriodicTaskWrite,
    PostWrite,
    SiteWrite,
)

from ..portal import NEWEST
from .prover import Prover
from .things import bytes_of, new_title, picture


async def test_a_post(admin: Client, visitor: Client, prove: Prover) -> None:
    body = PostWrite(
        name=new_title("Nouvelles"),
        headline="Du nouveau",
        content="**Beaucoup** de nouveau",
        body_type="markdown",
        tags=["actualite"],
    )
    created = await prove(posts.create_post, admin, body=body)
    assert (created.name, created.content, created.published) == (body.name, body.content, None)

    changes = PostWrite(headline="Rien de nouveau", content="Rien")
    updated = await prove(posts.update_post, admin, created.id, body=changes)
    read = await posts.get_post(admin, created.id)
    for one in (updated, read):
        assert (one.name, one.headline, one.content) == (body.name, "Rien de nouveau", "Rien")

    assert (await prove(posts.publish_post, admin, created.id)).published
    assert (await posts.get_post(visitor, created.id)).published
    assert (await prove(posts.unpublish_post, admin, created.id)).published is None
    assert (await posts.get_post(admin, created.id)).published is None

    image = await prove(posts.upload_post_image, admin, created.id, body=picture())
    assert image.success is True
    before = await posts.get_post(admin, created.id)
    assert before.image
    resized = await prove(posts.resize_post_image, admin, created.id, body=picture("0,0,2,2"))
    assert resized.success is True
    # The portal stores the new file but does not assign it to the post.
    assert await bytes_of(resized.image)
    assert (await posts.get_post(admin, created.id)).image == before.image

    await prove(posts.delete_post, admin, created.id)
    with pytest.raises(NotFoundError):
        await posts.get_post(admin, created.id)


async def test_an_update_of_a_post_keeps_its_tags(admin: Client) -> None:
    body = PostWrite(name=new_title("Nouvelles"), content="Du nouveau", tags=["actualite"])
    created = await posts.create_post(admin, body=body)
    await posts.update_post(admin, created.id, body=PostWrite(headline="Rien de nouveau"))
    assert (await posts.get_post(admin, created.id)).tags == ["actualite"]


@pytest.mark.serving("create_page")
async def test_a_page(admin: Client, prove: Prover) -> None:
    body = PageWrite(blocs=[{"class": "LinksListBloc", "title": "Bonjour"}])
    created = await prove(pages.create_page, admin, body=body)
    assert [one["title"] for one in created.blocs] == ["Bonjour"]
    changes = PageWrite(blocs=[{"class": "LinksListBloc", "title": "Au revoir"}])
    updated = await prove(pages.update_page, admin, created.id, body=changes)
    read = await pages.get_page(admin, created.id)
    for one in (updated, read):
        assert [bloc["title"] for bloc in one.blocs] == ["Au revoir"]


async def test_the_site(admin: Client, prove: Prover) -> None:
    before = await site.get_site(admin)
    updated = await prove(site.update_site, admin, body=SiteWrite(title="Le portail", feed_size=7))
    assert (updated.title, updated.feed_size, updated.keywords) == (
        "Le portail",
        7,
        before.keywords,
    )
    # Title and keywords come from the settings of the portal, so an update does not change them.
    assert (await site.get_site(admin)).feed_size == 7


async def a_source(client: Client, prove: Prover) -> HarvestSource:
    body = HarvestSourceWrite(
        name=new_title("Catalogue"),
        url="https://catalogue.example.org/",
        backend="local",
        active=True,
        config={"filters": [{"key": "tag", "value": "transport", "type": "include"}]},
    )
    created = await prove(harvest.create_harvest_source, client, body=body)
    assert (created.name, created.backend, created.config) == (body.name, "local", body.config)
    return created


async def test_a_harvest_source(admin: Client, prove: Prover) -> None:
    source = await a_source(admin, prove)
    changes = HarvestSourceWrite(
        name=new_title("Catalogue"), url="https://catalogue.example.org/", backend="local"
    )
    updated = await prove(harvest.update_harvest_source, admin, source.id, body=changes)
    read = await harvest.get_harvest_source(admin, source.id)
    for one in (updated, read):
        assert (one.name, one.backend) == (changes.name, "local")

    scheduled = await prove(harvest.schedule_harvest_source, admin, source.id, body="0 3 * * *")
    assert scheduled.schedule == "0 3 * * *"
    assert (await harvest.get_harvest_source(admin, source.id)).schedule == "0 3 * * *"
    await prove(harvest.unschedule_harvest_source, admin, source.id)
    assert (await harvest.get_harvest_source(admin, source.id)).schedule is None

    await prove(harvest.delete_harvest_source, admin, source.id)
    assert (await harvest.get_harvest_source(admin, source.id)).deleted


async def test_a_harvest(admin: Client, prove: Prover) -> None:
    source = await a_source(admin, prove)
    body = HarvestSourceValidationWrite(state="accepted", comment="Vérifiée")
    accepted = await prove(harvest.validate_harvest_source, admin, source.id, body=body)
    for one in (accepted, await harvest.get_harvest_source(admin, source.id)):
        assert one.validation
        assert (one.validation.state, one.validation.comment) == ("accepted", "Vérifiée")

    before = (await harvest.list_harvest_jobs(admin, source.id)).total
    await prove(harvest.run_harvest_source, admin, source.id)
    jobs = await harvest.list_harvest_jobs(admin, source.id)
    assert jobs.total == before + 1
    assert {one.status for one in jobs.data} == {"done"}


async def test_a_preview(admin: Client, prove: Prover) -> None:
    body = HarvestSourceWrite(
        name="Catalogue",
        url="https://catalogue.example.org/",
        backend="local",
        config={"features": {"apis": True}},
    )
    previewed = await prove(harvest.preview_harvest_source_config, admin, body=body)
    assert (previewed.status, len(previewed.items)) == ("done", 4)
    service = previewed.items[-1].dataservice
    assert service
    assert (service.title, service.self_api_url) == ("API moissonnée", None)


async def test_a_job(admin: Client, release: str, prove: Prover) -> None:
    task = (await workers.list_schedulable_jobs(admin))[0]
    body = PeriodicTaskWrite(
        name=new_title("Tâche"),
        task=task,
        crontab=CrontabWrite(
            minute="0", hour="3", day_of_week="*", day_of_month="*", month_of_year="*"
        ),
        args=["un", 2],
        kwargs={"force": True},
        enabled=False,
    )
    created = await prove(workers.create_job, admin, body=body)
    assert (created.name, created.task) == (body.name, task)
    # 14.13.0 ignores the arguments.
    arguments = (["un", 2], {"force": True}) if release == NEWEST else ([], {})
    assert (created.args, created.kwargs) == arguments

    changes = PeriodicTaskWrite(
        name=body.name, task=task, interval=IntervalWrite(every=2, period="hours")
    )
    updated = await prove(workers.update_job, admin, created.id, body=changes)
    read = await workers.get_job(admin, created.id)
    for one in (updated, read):
        assert one.interval
        assert (one.interval.every, one.interval.period, one.crontab) == (2, "hours", None)

    await prove(workers.delete_job, admin, created.id)
    with pytest.raises(NotFoundError):
        await workers.get_job(admin, created.id)
