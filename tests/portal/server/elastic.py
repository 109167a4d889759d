"""A stand-in for Elasticsearch, in the process of the portal: what udata's search asks of it.

udata talks to it through the real `elasticsearch` client, whose transport is replaced. The
documents, the queries, the facets and the responses are udata's own. Releases before 17.7.2 use
another client, or call another service to search: they are left to search in the database.
"""

from __future__ import annotations

import datetime as dt
import re
import threading
from importlib import import_module
from typing import Any

from flask import Flask
from release import exists

MOST_COUNTED = 10_000
"""Elasticsearch counts no further, unless it is asked to, which udata does not."""

RANGES = {"gte": lambda a, b: a >= b, "gt": lambda a, b: a > b, "lte": lambda a, b: a <= b}

Source = dict[str, Any]


class Elasticsearch:
    """An index for each kind of object.

    Attributes:
        window: The most items that pages can reach, and that are counted.
    """

    def __init__(self, window: int) -> None:
        self.window = window
        self._indices: dict[str, dict[str, Source]] = {}
        self._is_filled = False
        self._lock = threading.RLock()

    def perform_request(
        self, method: str, url: str, headers: Any = None, params: Any = None, body: Any = None
    ) -> Any:
        """Answer a request of the client, in place of its transport."""
        _, index, kind, *rest = [*url.split("/"), ""]
        with self._lock:
            if kind == "_search":
                self._fill()
                return self._search(index, body)
            documents = self._indices.setdefault(index, {})
            (key,) = filter(None, rest)
            if method == "PUT":
                documents[key] = body
                return {"result": "created"}
            if key not in documents:
                from elasticsearch.exceptions import NotFoundError

                raise NotFoundError(404, "not found", {"_id": key, "found": False})
            if method == "DELETE":
                del documents[key]
                return {"result": "deleted"}
            return {"_index": index, "_id": key, "found": True, "_source": documents[key]}

    def _fill(self) -> None:
        """Index what was seeded before the first search, as `udata search index` does."""
        if self._is_filled:
            return
        self._is_filled = True
        commands = import_module("udata.search.commands")
        for adapter in commands.iter_adapters():
            commands.index_model(adapter, None)

    def _search(self, index: str, body: Source) -> Source:
        found = self._indices.get(index, {})
        hits = {key: one for key, one in found.items() if matches(one, body["query"])}
        offset, size = body.get("from", 0), body.get("size", 10)
        if offset + size > self.window:
            from elasticsearch.exceptions import RequestError

            raise RequestError(400, "search_phase_execution_exception", {"error": "window"})
        wanted = [
            (key, one)
            for key, one in hits.items()
            if "post_filter" not in body or matches(one, body["post_filter"])
        ]
        for order in reversed(body.get("sort", [])):
            wanted = _sorted(wanted, *_order(order))
        return {
            "hits": {
                "total": {
                    "value": min(len(wanted), self.window),
                    "relation": "eq" if len(wanted) <= self.window else "gte",
                },
                "hits": [
                    {"_index": index, "_id": key, "_score": 1.0, "_source": one}
                    for key, one in wanted[offset : offset + size]
                ],
            },
            "aggregations": _aggregations([*hits.values()], body.get("aggs", {})),
        }


def matches(source: Source, query: Source) -> bool:
    """Tell whether a document matches a query."""
    ((kind, clause),) = query.items()
    match kind:
        case "match_all":
            return True
        case "function_score":
            return matches(source, clause["query"])
        case "bool":
            required = [*clause.get("must", []), *clause.get("filter", [])]
            optional = clause.get("should", [])
            least = clause.get("minimum_should_match", 0 if required or not optional else 1)
            return all(matches(source, one) for one in required) and (
                sum(matches(source, one) for one in optional) >= least
            )
        case "term":
            ((name, value),) = clause.items()
            return str(_plain(value)) in {str(_plain(one)) for one in values(source, name)}
        case "range":
            ((name, limits),) = clause.items()
            return any(
                all(RANGES[key](_moment(one), _moment(limit)) for key, limit in limits.items())
                for one in values(source, name)
            )
        case "match":
            ((name, value),) = clause.items()
            return _has_words(source, [name], value["query"])
        case "multi_match":
            names = [name.partition("^")[0] for name in clause["fields"]]
            return _has_words(source, names, clause["query"])
    raise ValueError(f"no query of udata is known to have {kind}")


def values(source: Source, name: str) -> list[Any]:
    """Return the values of a field; none if it is null."""
    value = source.get(name.removesuffix(".keyword"))
    return [one for one in (value if isinstance(value, list) else [value]) if one is not None]


def _has_words(source: Source, names: list[str], text: str) -> bool:
    """Tell whether every word occurs in one of the fields: without stemming, synonyms or scores."""
    words = " ".join(str(one) for name in names for one in values(source, name)).casefold()
    return all(word in words for word in text.casefold().split())


def _aggregations(sources: list[Source], wanted: Source) -> Source:
    return {name: _aggregation(sources, one) for name, one in wanted.items()}


def _aggregation(sources: list[Source], wanted: Source) -> Source:
    if "filter" in wanted:
        sources = [one for one in sources if matches(one, wanted["filter"])]
        return {"doc_count": len(sources), **_aggregations(sources, wanted.get("aggs", {}))}
    if "terms" in wanted:
        field, size = wanted["terms"]["field"], wanted["terms"]["size"]
        counts: dict[Any, int] = {}
        for source in sources:
            for value in {_plain(one) for one in values(source, field)}:
                counts[value] = counts.get(value, 0) + 1
        largest = sorted(counts.items(), key=lambda one: (-one[1], str(one[0])))[:size]
        return {"buckets": [{"key": key, "doc_count": count} for key, count in largest]}
    field, ranges = wanted["date_range"]["field"], wanted["date_range"]["ranges"]
    dates = [_moment(one) for source in sources for one in values(source, field)]
    # From the earliest date on, whatever the order of the request.
    ranges = sorted(ranges, key=lambda one: _moment(one["from"]))
    return {
        "buckets": [
            {"key": one["key"], "doc_count": sum(date >= _moment(one["from"]) for date in dates)}
            for one in ranges
        ]
    }


def _order(order: Any) -> tuple[str, bool]:
    """Return the field of a sort order, and whether it is descending."""
    if isinstance(order, str):
        return order, False
    ((name, direction),) = order.items()
    return name, direction["order"] == "desc"


def _sorted(
    hits: list[tuple[str, Source]], name: str, descending: bool
) -> list[tuple[str, Source]]:
    """Sort hits by a field; those without it come last. All scores are the same."""
    if name == "_score":
        return hits
    having = [hit for hit in hits if values(hit[1], name)]
    missing = [hit for hit in hits if not values(hit[1], name)]
    return [
        *sorted(having, key=lambda hit: _plain(values(hit[1], name)[0]), reverse=descending),
        *missing,
    ]


def _plain(value: Any) -> Any:
    """Return a value as it is indexed."""
    if isinstance(value, dt.datetime):
        return value.isoformat()
    return int(value) if isinstance(value, bool) else value


def _moment(value: Any) -> dt.datetime:
    """Return a date, or the moment of a date such as `now-12M/d`."""
    if isinstance(value, dt.datetime):
        moment = value
    elif math := re.fullmatch(r"now-(\d+)([dMy])/d", str(value)):
        days = int(math[1]) * {"d": 1, "M": 365 / 12, "y": 365}[math[2]]
        midnight = dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        moment = midnight - dt.timedelta(days=int(days))
    else:
        moment = dt.datetime.fromisoformat(str(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def add_search(app: Flask, window: int | None) -> None:
    """Let a release that searches in Elasticsearch do so.

    Args:
        app: The application.
        window: The most items that pages of a search can reach; None for as many as there.
    """
    if not exists("udata_search_service.search_clients"):
        return
    client = import_module("elasticsearch")
    if client.VERSION >= (8,):
        return
    query = import_module("udata.search.query")
    # It would be fetched from the network.
    dataservices = import_module("udata.core.dataservices.search").DataserviceSearch
    dataservices.fetch_documentation_content = staticmethod(lambda _url: None)
    stand_in = Elasticsearch(window or MOST_COUNTED)
    if window is not None:
        query.ES_MAX_RESULT_WINDOW = window
    client.Transport.perform_request = lambda _self, *request, **more: stand_in.perform_request(
        *request, **more
    )
    app.config["ELASTICSEARCH_URL"] = "http://elasticsearch.invalid"
