"""A simulated portal that serves datasets only: `python replay_portal.py --datasets 75000`.

It answers `GET /api/1/datasets/` as udata does, including masks, and fast enough not to distort
the measurements. The datasets are made from 2,000 bodies as large as those of data.gouv.fr: most
have one or two resources, a few have hundreds. Each dataset has its own id, slug, title and dates.
The same arguments always produce the same list. The portal prints its URL when it is ready, and
stops when its standard input is closed.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any

from aiohttp import web

from aiodatagouv import OPERATIONS
from aiodatagouv._fields.mask import HEADER, header, parse
from aiodatagouv.types import Mask

SEED = 20131018
BODIES = 2000
MIXER = 2654435761  # Multiplied by it, the numbers are spread evenly over 32 bits.
PORTAL = "https://portal.example.org"
START, END = (dt.datetime(year, 1, 1, tzinfo=dt.UTC) for year in (2014, 2026))

# Placeholders for the values of each item, filled in by `%`. Bodies contain no other percent sign.
CREATED, MODIFIED, UPDATED = "%(created)b", "%(modified)b", "%(updated)b"
ID, SLUG, TITLE = "%(id)b", "%(slug)b", "%(title)b"

SENTENCES = [
    "Les données sont géolocalisées en WGS 84 et mises à jour automatiquement chaque nuit.",
    "Une ligne correspond à un équipement, identifié par un numéro unique.",
    "Pour toute question, ouvrez une **discussion** sur cette page.",
    "Les colonnes sont décrites dans le [schéma](https://schema.data.gouv.fr) joint.",
    "La première publication date de 2015 ; le format a changé en 2021.",
    "Ce jeu de données est publié dans le cadre de l'obligation d'ouverture par défaut.",
]
TAGS = ["administration", "culture", "eau", "energie", "environnement", "mobilite", "urbanisme"]
FORMATS = ["csv", "geojson", "gpkg", "json", "pdf", "shp", "wfs", "xlsx", "zip"]
MONTHS = [f"2025-{month:02}" for month in range(1, 13)]

ENVELOPE = ["next_page", "page", "page_size", "previous_page", "total"]


def a_body(random: Random, resources: int) -> dict[str, Any]:
    """Return the JSON of a dataset, with the keys of the model `Dataset` in the portal's order."""
    harvested = random.random() < 0.3
    return {
        "access_audiences": [],
        "access_type": "open",
        "access_type_reason": None,
        "access_type_reason_category": None,
        "acronym": None,
        "archived": None,
        "authorization_request_url": None,
        "badges": [{"kind": "inspire"}] if harvested else [],
        "contact_points": [a_contact(random)] if harvested else [],
        "created_at": CREATED,
        "deleted": None,
        "description": f"{TITLE}. {a_text(random, random.randint(1, 6))}",
        "description_short": None,
        "doi": None,
        "extras": {"recommendations:sources": ["local"]} if random.random() < 0.1 else {},
        "featured": False,
        "frequency": random.choice(["annual", "continuous", "daily", "monthly", "unknown"]),
        "frequency_date": None,
        "geopf": None,
        "harvest": a_harvest(random) if harvested else None,
        "id": ID,
        "internal": {"created_at_internal": CREATED, "last_modified_internal": MODIFIED},
        "last_modified": MODIFIED,
        "last_update": UPDATED,
        "license": random.choice(["fr-lo", "lov2", "notspecified", "odc-odbl"]),
        "metrics": {
            "dataservices": 0,
            "discussions": random.randint(0, 3),
            "discussions_open": 0,
            "followers": random.randint(0, 9),
            "followers_by_months": {month: random.randint(0, 1) for month in MONTHS},
            "resources_downloads": random.randint(0, 9999),
            "reuses": random.randint(0, 3),
            "reuses_by_months": dict.fromkeys(MONTHS, 0),
            "views": random.randint(0, 99999),
        },
        "organization": an_organization(random),
        "owner": None,
        "page": f"{PORTAL}/datasets/{SLUG}",
        "permissions": {"delete": False, "edit": False, "edit_resources": False},
        "private": False,
        "quality": {
            "all_resources_available": True,
            "dataset_description_quality": True,
            "has_open_format": True,
            "has_resources": resources > 0,
            "license": True,
            "resources_documentation": True,
            "score": random.randint(1, 9) / 9,
            "spatial": harvested,
            "temporal_coverage": False,
            "update_frequency": True,
            "update_fulfilled_in_time": False,
        },
        "resources": [a_resource(random) for _ in range(resources)],
        "schema": None,
        "slug": SLUG,
        "spatial": a_place(random) if harvested else None,
        "tags": random.sample(TAGS, random.randint(0, 5)),
        "temporal_coverage": {"start": "2013-01-01", "end": None} if harvested else None,
        "title": TITLE,
        "uri": f"{PORTAL}/api/1/datasets/{SLUG}/",
    }


def a_resource(random: Random) -> dict[str, Any]:
    """Return the JSON of a resource."""
    key, ending = random.randbytes(16).hex(), random.choice(FORMATS)
    checked = random.random() < 0.3
    return {
        "checksum": {"type": "sha1", "value": random.randbytes(20).hex()} if checked else None,
        "created_at": CREATED,
        "description": a_text(random, 1) if random.random() < 0.5 else None,
        "extras": {"check:available": True, "check:status": 200} if checked else {},
        "filesize": random.randint(1000, 10**9) if checked else None,
        "filetype": "remote",
        "format": ending,
        "geopf": None,
        "harvest": None,
        "id": f"{key[:8]}-{key[8:12]}-{key[12:16]}-{key[16:20]}-{key[20:]}",
        "internal": {"created_at_internal": CREATED, "last_modified_internal": MODIFIED},
        "last_modified": MODIFIED,
        "latest": f"{PORTAL}/api/1/datasets/r/{key}",
        "metrics": {"views": random.randint(0, 999)},
        "mime": None,
        "preview_url": None,
        "schema": None,
        "title": f"Fichier {key[:4]}.{ending}",
        "type": "main",
        "url": f"https://files.example.org/{key}/donnees.{ending}",
    }


def an_organization(random: Random) -> dict[str, Any]:
    """Return the JSON of an organization."""
    slug = f"commune-{random.randint(1, 5000)}"
    return {
        "acronym": None,
        "badges": [{"kind": "public-service"}, {"kind": "certified"}],
        "class": "Organization",
        "id": random.randbytes(12).hex(),
        "logo": f"{PORTAL}/avatars/{slug}.png",
        "logo_thumbnail": f"{PORTAL}/avatars/{slug}-100.png",
        "name": slug.title(),
        "page": f"{PORTAL}/organizations/{slug}",
        "permissions": dict.fromkeys(["delete", "edit", "harvest", "members", "private"], False),
        "slug": slug,
        "uri": f"{PORTAL}/api/1/organizations/{slug}/",
    }


def a_contact(random: Random) -> dict[str, Any]:
    """Return the JSON of a contact point."""
    return {
        "contact_form": None,
        "email": "contact@example.org",
        "id": random.randbytes(12).hex(),
        "name": "Service de la donnée",
        "organization": an_organization(random),
        "owner": None,
        "role": "contact",
    }


def a_harvest(random: Random) -> dict[str, Any]:
    """Return the harvest metadata of a dataset that the portal itself harvested."""
    key = random.randbytes(8).hex()
    return {
        "backend": "CSW-ISO-19139",
        "created_at": CREATED,
        "dct_identifier": key,
        "domain": "catalogue.example.org",
        "issued_at": CREATED,
        "last_update": UPDATED,
        "modified_at": MODIFIED,
        "remote_id": f"https://catalogue.example.org/datasets/{key}",
        "remote_url": f"https://catalogue.example.org/datasets/{key}",
        "source_id": random.randbytes(12).hex(),
        "uri": f"https://catalogue.example.org/datasets/{key}",
    }


def a_place(random: Random) -> dict[str, Any]:
    """Return the spatial coverage of a dataset."""
    west, south = random.uniform(-5, 8), random.uniform(42, 50)
    east, north = west + 1, south + 1
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    geometry = {"coordinates": [[ring]], "type": "MultiPolygon"}
    return {"geom": geometry, "granularity": "other", "zones": []}


def a_text(random: Random, sentences: int) -> str:
    """Return a text of random sentences."""
    return " ".join(random.choices(SENTENCES, k=sentences))


def make_bodies() -> list[bytes]:
    """Return the bodies as JSON with placeholders for the values of each item."""
    random = Random(SEED)
    # Quantiles of a Pareto distribution instead of samples, so that large datasets always occur.
    ranks = [(rank + 0.5) / BODIES for rank in range(BODIES)]
    resources = [int((1 - rank) ** (-1 / 1.4)) for rank in ranks]
    random.shuffle(resources)
    return [json.dumps(a_body(random, count)).encode() for count in resources]


def masked(value: Any, mask: Mask | None) -> Any:
    """Return the part of a JSON value that a mask selects."""
    if isinstance(value, list):
        return [masked(one, mask) for one in value]
    if mask is None or not isinstance(value, dict):
        return value
    return {name: masked(value.get(name), inside) for name, inside in sorted(mask.items())}


class Catalogue:
    """The datasets of the portal, numbered in order of creation.

    Args:
        count: The number of datasets.
    """

    def __init__(self, count: int) -> None:
        # Rounded to milliseconds, the precision of dates in MongoDB.
        self.step = dt.timedelta(
            milliseconds=(END - START) // dt.timedelta(milliseconds=1) // count
        )
        self.count = count
        self.order = cache(self._order)
        self.bodies = make_bodies()
        self.masked_bodies = cache(self._masked_bodies)
        # Warm the cache with the mask of a stable walk, so that the first request is not slower.
        ids: Mask = {"id": None, "internal": {"created_at_internal": None}}
        self.masked_bodies(header(ids, OPERATIONS["list_datasets"]))

    def created(self, number: int) -> dt.datetime:
        """Return when a dataset was created."""
        return START + number * self.step

    def updated(self, number: int) -> dt.datetime:
        """Return when a dataset was updated: some time after that, but not at random."""
        created = self.created(number)
        return created + (number * MIXER % 2**32 / 2**32) * (END - created)

    def _order(self, sort: str) -> Sequence[int]:
        """Return the numbers of the datasets in a sort order; without one, newest first."""
        order: Sequence[int] = range(self.count)
        if sort.endswith("last_update"):
            order = sorted(order, key=self.updated)
        return order[::-1] if sort.startswith("-") or not sort else order

    def item(self, bodies: Sequence[bytes], number: int) -> bytes:
        """Return a dataset as JSON."""
        created, updated = self.created(number), self.updated(number)
        slug = f"bornes-de-recharge-de-la-commune-{number}"
        updated_text = updated.isoformat().encode()
        return bodies[number % BODIES] % {
            b"created": created.isoformat().encode(),
            b"id": f"{int(created.timestamp()):08x}{number:016x}".encode(),
            b"modified": updated_text,
            b"slug": slug.encode(),
            b"title": slug.replace("-", " ").capitalize().encode(),
            b"updated": updated_text,
        }

    def _masked_bodies(self, mask: str) -> tuple[Sequence[bytes], list[str]]:
        """Return the masked bodies and the names of the page's fields; an empty mask keeps all."""
        if not mask:
            return self.bodies, ENVELOPE
        fields = parse(mask)
        inside = fields["data"]
        bodies = [json.dumps(masked(json.loads(body), inside)).encode() for body in self.bodies]
        return bodies, [name for name in ENVELOPE if name in fields]


@dataclass(frozen=True)
class Replay:
    """The request handlers.

    Attributes:
        catalogue: The datasets to serve.
        latency: The delay of each response, in seconds.
        times: The monotonic time of each request, in seconds.
    """

    catalogue: Catalogue
    latency: float
    times: list[float] = field(default_factory=list)

    async def list_times(self, request: web.Request) -> web.Response:
        """Return the times of all requests."""
        return web.json_response(self.times)

    async def describe(self, request: web.Request) -> web.Response:
        """Return the release of udata, but no description of the API."""
        self.times.append(time.monotonic())
        if request.path == "/api/1/site/":
            return web.json_response({"version": "17.18.0"})
        return web.json_response({"message": "The requested URL was not found."}, status=404)

    async def list_datasets(self, request: web.Request) -> web.Response:
        """Return a page of datasets."""
        self.times.append(time.monotonic())
        await asyncio.sleep(self.latency)
        query = request.query
        number, size = int(query.get("page", 1)), int(query.get("page_size", 20))
        order = self.catalogue.order(query.get("sort", ""))
        wanted = order[(number - 1) * size : number * size]
        if not wanted and number > 1:
            return web.json_response({"message": "The requested URL was not found."}, status=404)
        has_more = number * size < len(order)
        page = {
            "next_page": str(request.url.update_query(page=number + 1)) if has_more else None,
            "page": number,
            "page_size": size,
            "previous_page": str(request.url.update_query(page=number - 1)) if number > 1 else None,
            "total": len(order),
        }
        bodies, names = self.catalogue.masked_bodies(request.headers.get(HEADER, ""))
        items = b", ".join([self.catalogue.item(bodies, one) for one in wanted])
        envelope = json.dumps({name: page[name] for name in names})[1:].encode()
        content = b'{"data": [%b], %b' % (items, envelope)
        return web.Response(body=content, content_type="application/json")


async def serve(replay: Replay, port: int) -> None:
    """Serve until standard input is closed, so that the portal does not outlive its parent."""
    app = web.Application()
    app.router.add_get("/api/1/datasets/", replay.list_datasets)
    app.router.add_get("/api/1/times", replay.list_times)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}/api/1/", flush=True)
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(commands), sys.stdin
    )
    await commands.read()
    await runner.cleanup()


@contextmanager
def running(datasets: int, latency: float = 0.0) -> Iterator[str]:
    """Run a portal in a separate process during the block, and yield its URL."""
    command = [sys.executable, __file__, "--datasets", str(datasets), "--latency", str(latency)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().decode().strip()
        finally:
            process.stdin.close()


def main() -> None:
    """Generate the datasets and serve them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=int, default=75000, help="number of datasets")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds to delay responses")
    parser.add_argument("--port", type=int, default=0, help="default 0: any free port")
    arguments = parser.parse_args()
    replay = Replay(Catalogue(arguments.datasets), arguments.latency)
    asyncio.run(serve(replay, arguments.port))


if __name__ == "__main__":
    main()
