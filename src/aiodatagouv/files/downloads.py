"""The download of a resource: from wherever its file is, verified, into a path."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from ..api import v2
from ..client import Client
from ..models.community_resource import CommunityResource
from ..models.resource import Resource
from ..models.uploaded_community_resource import UploadedCommunityResource
from ..models.uploaded_resource import UploadedResource
from ..types import OnProgress
from .checksums import Expected
from .fetch import fetch
from .wanted import MAX_SIZE, Download, Wanted

AnyResource: TypeAlias = Resource | CommunityResource | UploadedResource | UploadedCommunityResource
"""A resource, as the portal answers it."""


async def download(
    client: Client,
    resource: AnyResource | str,
    path: str | Path,
    *,
    progress: OnProgress | None = None,
    max_size: int | None = MAX_SIZE,
    allow_private: bool = False,
    resume: bool = True,
    verify: bool = True,
) -> Download:
    """Download the file of a resource.

    >>> done = await files.download(client, resource, "stops.csv")
    """
    if isinstance(resource, str):
        resource = (await v2.datasets.get_resource(client, resource)).resource
    url = resource.url
    if not url:
        raise ValueError(f"the resource {resource.id} has no file: its url is empty")
    expected = Expected.of(resource) if verify else Expected()
    wanted = Wanted(
        expected,
        max_size=max_size,
        allow_private=allow_private,
        resume=resume,
        progress=progress,
    )
    done = await fetch(client, url, Path(path), wanted)
    assert isinstance(done, Download)  # Nothing was said to be there already.
    return done
