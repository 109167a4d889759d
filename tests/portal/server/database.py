"""Patches for mongomock, which add the features of MongoDB that udata needs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import Any

from bson import DBRef
from mongomock import collection, filtering


def complete_mongomock() -> None:
    # mongomock ignores `uuidRepresentation` when it checks documents, and rejects every UUID.
    collection.BSON = None
    make_operations_atomic()
    search_text()
    look_into_references()
    make_way_in_lists()


def make_operations_atomic() -> None:
    """Serialize operations, so that concurrent upserts insert once and reads are consistent."""
    lock = threading.RLock()

    def locked(operation: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(operation)
        def with_lock(*args: Any, **kwargs: Any) -> Any:
            with lock:
                return operation(*args, **kwargs)

        return with_lock

    for owner, names in {
        collection.Collection: [
            "_insert",
            "_update",
            "_delete",
            "_find_and_modify",
            "aggregate",
            "count_documents",
        ],
        collection.Cursor: ["_compute_results"],
    }.items():
        for name in names:
            setattr(owner, name, locked(getattr(owner, name)))


def search_text() -> None:
    """Implement `$text`: every word must occur in the document, without stemming or scores."""

    def matches(document: Any, search: Any, _apply: Any) -> bool:
        text = " ".join(value for value in document.values() if isinstance(value, str)).casefold()
        return all(word in text for word in search["$search"].casefold().replace('"', " ").split())

    def has_text(spec: Any) -> bool:
        parts = spec if isinstance(spec, list) else [*spec.values()]
        inside = [one for one in parts if isinstance(one, dict | list)]
        return "$text" in spec or any(map(has_text, inside))

    filtering.LOGICAL_OPERATOR_MAP["$text"] = matches
    get_dataset = collection.Collection._get_dataset

    def get_dataset_without_score(self: Any, spec: Any, sort: Any, fields: Any, *more: Any) -> Any:
        if has_text(spec):
            sort = [key for key in sort or () if not isinstance(key[1], dict)]
            fields = {k: v for k, v in (fields or {}).items() if not isinstance(v, dict)} or None
        return get_dataset(self, spec, sort, fields, *more)

    collection.Collection._get_dataset = get_dataset_without_score


def look_into_references() -> None:
    """Support queries for the identifier in a reference, such as `subject._ref.$id`."""
    candidates = filtering.iter_key_candidates

    def candidates_in_references(key: str, document: Any) -> Any:
        if key and isinstance(document, DBRef):
            document = document.as_doc()
        return candidates(key, document)

    filtering.iter_key_candidates = candidates_in_references


def make_way_in_lists() -> None:
    """Let `$set` create missing parent objects in lists, as in `resources.$.geopf.push`."""
    update = collection.Collection._update_document_fields_positional

    def update_with_way(
        self: Any, doc: Any, fields: Any, spec: Any, updater: Any, subdocument: Any = None
    ) -> Any:
        for key in fields:
            name, in_list, rest = key.partition(".$.")
            for item in doc.get(name, []) if in_list else []:
                for part in rest.split(".")[:-1]:
                    item = item.setdefault(part, {})
        return update(self, doc, fields, spec, updater, subdocument)

    collection.Collection._update_document_fields_positional = update_with_way
