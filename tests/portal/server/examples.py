"""Example parameters for the GET operations, which lead to non-empty responses."""

from __future__ import annotations

from typing import Any

from backstage import Backstage
from catalog import Catalog
from udata.api import api, apiv2

OLD_NAMES = {"ident": "job", "format": "_format"}
"""Names of parameters of paths in older releases -> those of the package."""


def example_parameters(catalog: Catalog, backstage: Backstage) -> dict[str, dict[str, Any]]:
    """Return a mapping of each path to its parameters and its required query parameters."""
    dataset, organization = catalog.datasets[0], catalog.organizations[0]
    by_name: dict[str, Any] = {
        "_format": "ttl",
        "community": catalog.community_resources[0].id,
        "contact_point": dataset.contact_points[0].id,
        "dataservice": catalog.dataservices[0].id,
        "dataset": dataset.id,
        "identifier": "ada",
        "ids": f"{catalog.zones[0].id},{catalog.zones[1].id}",
        "job": backstage.harvest_jobs[1].id,
        "level": "fr:commune",
        "org": organization.id,
        "post": backstage.posts[0].id,
        "q": "de",
        "report": backstage.reports[0].id,
        "reuse": catalog.reuses[0].id,
        "rid": dataset.resources[0].id,
        "scope": f"Dataset:{dataset.id}",
        "size": 64,
        "source": backstage.sources[0].id,
        "topic": backstage.topics[0].id,
        "user": catalog.admin.id,
    }
    if backstage.charts:
        by_name["visualization"] = backstage.charts[0].id
    if backstage.pages:
        by_name["page"] = backstage.pages[0].id
    # `id` identifies a different kind of object in each operation.
    overrides: dict[str, dict[str, Any]] = {
        "get_discussion": {"id": catalog.discussions[0].id},
        "get_job_api": {"id": backstage.periodic_tasks[0].id},
        "get_task_api": {"id": backstage.task_ids[0]},
        "get_transfer": {"id": backstage.transfers[0].id},
        "list_dataservice_followers": {"id": catalog.dataservices[0].id},
        "list_dataset_followers": {"id": dataset.id},
        "list_organization_followers": {"id": organization.id},
        "list_reuse_followers": {"id": catalog.reuses[0].id},
        "list_user_followers": {"id": catalog.admin.id},
        # The Swagger declares both parameters as optional, but one of them is required.
        "list_transfers": {"recipient": catalog.admin.id},
        "redirect_resource": {"id": dataset.resources[0].id},
        "spatial_zone": {"id": catalog.zones[3].id},
        "spatial_zone_datasets": {"id": catalog.zones[3].id},
        "suggest_org_contact_points": {"q": "contact_point"},
        "suggest_formats": {"q": "cs"},
        "suggest_mime": {"q": "csv"},
        "suggest_tags": {"q": "tra"},
        "suggest_users": {"q": "lov"},
        "suggest_zones": {"q": "renn"},
    }
    examples: dict[str, dict[str, Any]] = {}
    both = [("", api), ("/api/2", apiv2)]
    paths = [(v + path, item) for v, one in both for path, item in one.__schema__["paths"].items()]
    for path, item in paths:
        if "get" not in item:
            continue
        given = by_name | overrides.get(item["get"]["operationId"], {})
        names = [*required_parameters(item), *overrides.get(item["get"]["operationId"], {})]
        for old, name in OLD_NAMES.items():
            path = path.replace(f"{{{old}}}", f"{{{name}}}")
            names = [name if one == old else one for one in names]
        if missing := [name for name in names if name not in given]:
            raise LookupError(f"GET {path} needs an example of {missing[0]!r}: add one here")
        if names:
            examples[path] = {
                name: given[name] if isinstance(given[name], int) else str(given[name])
                for name in names
            }
    return examples


def required_parameters(item: dict[str, Any]) -> list[str]:
    """Return the names of the required parameters of a GET operation, from the Swagger."""
    return [
        parameter["name"]
        for parameter in [*item.get("parameters", []), *item["get"].get("parameters", [])]
        if parameter["in"] == "path" or (parameter["in"] == "query" and parameter.get("required"))
    ]
