"""A simulated portal with a search of datasets that is larger than its window."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
from attrs import define, evolve, field

from aiodatagouv import Client, Paginator
from aiodatagouv._fields import mask as masks
from aiodatagouv.api.v2 import datasets

from .clients import client_of
from .moving import masked

FACETS = {"license": "license", "producer_type": "producer_type", "topics": "topic"}
"""The facets, and the parameters that filter by them."""

MOST_BUCKETS = 50


@define
class SearchPortal:
    """A search as udata's code makes it, with facets; see `tests/portal/test_search.py`.

    Attributes:
        items: The id of each dataset, in order of creation, and its values of each facet.
        window: The most results that pages reach, and that are counted.
        gone: The ids of datasets that are indexed, but no longer exist.
        broken: The ids of datasets whose title cannot be sent: pages that have it are a 500.
        has_facets: Whether the portal has a search engine; otherwise the total is true.
        asked: The queries that were answered, without those that only count.
        first_bucket: The name of the first bucket of each facet.
        before_page: Called before each answer.
    """

    items: dict[str, dict[str, list[str]]]
    window: int
    gone: set[str] = field(factory=set[str])
    broken: set[str] = field(factory=set[str])
    has_facets: bool = True
    asked: list[dict[str, str]] = field(factory=list[dict[str, str]])
    first_bucket: str = "all"
    before_page: Callable[[], None] = field(default=lambda: None)

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Respond to ``GET /api/2/datasets/search/``."""
        assert request.url.path == "/api/2/datasets/search/"
        self.before_page()
        query = dict(request.url.params)
        number, size = int(query.pop("page", 1)), int(query.pop("page_size", 20))
        if number * size > self.window:
            return httpx.Response(400, json={"message": "Result window is too large"})
        if size > 1:
            self.asked.append({**query, "page": str(number)})
        filters = {name: query[name] for name in FACETS.values() if name in query}
        hits = self._hits(filters)
        if query.get("sort", "").startswith("-"):
            hits.reverse()
        total = min(len(hits), self.window) if self.has_facets else len(hits)
        found = [one for one in hits[(number - 1) * size : number * size] if one not in self.gone]
        text = request.headers.get(masks.HEADER)
        mask = masks.parse(text) if text else None
        if self.broken & {*found} and (mask is None or "title" in (mask["data"] or {})):
            return httpx.Response(500, json={"message": "Internal Server Error"})
        page = {
            "data": [{"id": one, "title": f"Jeu {one}"} for one in found],
            "page": number,
            "page_size": size,
            "total": total,
            "next_page": "next" if number * size < total else None,
            "previous_page": None,
            "facets": self._facets(filters) if self.has_facets else {},
        }
        return httpx.Response(200, json=masked(page, mask))

    def _hits(self, filters: dict[str, str]) -> list[str]:
        """The ids of the datasets that filters by parameters leave."""
        facets = {parameter: facet for facet, parameter in FACETS.items()}
        return [
            one
            for one, values in self.items.items()
            if all(value in values[facets[name]] for name, value in filters.items())
        ]

    def _facets(self, filters: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
        facets: dict[str, list[dict[str, Any]]] = {}
        for facet, parameter in FACETS.items():
            hits = self._hits({name: one for name, one in filters.items() if name != parameter})
            counts = Counter(value for one in hits for value in self.items[one][facet])
            facets[facet] = [{"name": self.first_bucket, "count": len(hits)}] + [
                {"name": name, "count": count} for name, count in counts.most_common(MOST_BUCKETS)
            ]
        return facets

    def client(self) -> Client:
        """Create a client of this portal."""
        return client_of("https://portal.example/", transport=httpx.MockTransport(self.answer))

    def search(self, client: Client, page_size: int = 5, **query: Any) -> Paginator[Any, Any]:
        """Search for all datasets, with a window as small as this portal's."""
        found = datasets.search_datasets(client, page_size=page_size, **query)
        return windowed(found, self.window)


def windowed(found: Paginator[Any, Any], window: int) -> Paginator[Any, Any]:
    """Return a search with another window."""
    operation = evolve(found.call.operation, window=window)
    return Paginator(found.client, evolve(found.call, operation=operation), found._page)


def of_one_facet(counts: dict[str, int]) -> dict[str, dict[str, list[str]]]:
    """Return datasets with a number of each license; an empty name stands for none."""
    licenses = [name for name, count in counts.items() for _ in range(count)]
    return {
        str(number): {"license": [one] if one else [], "producer_type": [], "topics": []}
        for number, one in enumerate(licenses)
    }
