"""Datasets that udata cannot send, as a faulty import or an incomplete deletion leaves them."""

from __future__ import annotations

from typing import Any

from bson import DBRef, ObjectId
from udata.core.dataset.models import Dataset

KINDS: dict[str, dict[str, Any]] = {
    # Its organization does not exist: 500 for whole pages, but not for other fields.
    "organization": {"organization": DBRef("organization", ObjectId()), "owner": None},
    # Its date of creation is not one: 400 for pages with that date.
    "date": {"created_at_internal": "yesterday"},
    # A field that the model does not have: 500 for all pages, whatever their fields.
    "document": {"no_such_field": 1},
}
"""Kind of fault -> the fields that are set in the database."""

_whole: dict[str, dict[str, Any]] = {}


def break_dataset(one: str, kind: str) -> None:
    """Break a dataset in the database."""
    documents = Dataset._get_collection()
    _whole[one] = documents.find_one({"_id": ObjectId(one)})
    documents.update_one({"_id": ObjectId(one)}, {"$set": KINDS[kind]})


def mend_dataset(one: str) -> None:
    """Restore a dataset."""
    Dataset._get_collection().replace_one({"_id": ObjectId(one)}, _whole.pop(one))
