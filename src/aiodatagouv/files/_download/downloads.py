"""The download of a resource: from wherever its file is, verified, into a path."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from ...api import v2
from ...client import Client
from ...models.community_resource import CommunityResource
from ...models.resource import Resource
from ...models.uploaded_community_resource import UploadedCommunityResource
from ...models.uploaded_resource import UploadedResource
from ...types import OnProgress
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
    """Download the file of a resource, from wherever it is.

    >>> done = await files.download(client, resource, "stops.csv")

    The file appears at its path once it is whole, verified and on disk. Until then it is beside it,
    as ``<name>.part`` and ``<name>.part.journal``, from which a later call continues after an
    interruption or a kill, if the host tells versions apart by a strong ``ETag`` or a date. A part
    that is of no use any more is removed.

    The host gets neither the key nor cookies, and the limits of the portal do not count. Those of
    the client do: ``timeout``, ``max_time`` for the whole download, ``proxy``, ``verify``, and
    ``retry``, whose attempts are counted anew when the file has become larger than ever
    before by a mebibyte.

    Only http and https are followed, at most 10 redirects, and none from https to http but the
    portal's. A host is called if all of its addresses are of the internet, or if it is the portal
    itself, as long as no other host has redirected to it. A proxy, and a ``transport`` that the
    client was given, resolve names themselves: then only ``localhost`` and addresses in numbers
    are checked.

    The file must have the checksum of the resource, and its size if the portal holds it; if there
    is neither, the checksum and the size that a crawler has found, unless the host says that the
    file was modified later than that, or the crawler has not dated it and the host has. Without a
    checksum, a web page is no file of a format such as CSV. Fields that a mask has left out are not
    compared. An answer without a length that ends early cannot be told from a whole one, unless the
    size or the checksum is known: ``checksum`` of the result is None if it was not compared.

    Args:
        client: The client.
        resource: The resource, or its id, by which the portal is asked for it.
        path: The path of the file; one that exists is replaced.
        progress: Called when some of the file has arrived. ``done`` falls back if the host does not
            continue what it has begun, and the file starts again.
        max_size: The most bytes that the file may have, 100 GiB by default; None for no limit.
        allow_private: Whether to call hosts on this machine or inside of this network.
        resume: Whether to continue what an interrupted call has received, and to keep it.
        verify: Whether to compare the file with what is known about it.

    Raises:
        AddressError: An address on the way is refused.
        DownloadError: The host answers with a failing status.
        IntegrityError: The file is not the one that is expected.
        TooLargeError: It is larger than ``max_size``.
        DestinationError: The path is not that of a file, or is in use, or there are files of others
            in the places of the temporary ones.
        NetworkError: The host does not answer, or the answer breaks off.
        APIError: The portal does not know the id.
        TypeError: The resource is something else.
        ValueError: The resource has no address.
        RuntimeError: The client is closed, or was opened in another event loop.
    """
    if not isinstance(resource, str | AnyResource):
        raise TypeError(f"resource is a {type(resource).__name__}, not a Resource or an id")
    if isinstance(resource, str):
        resource = (await v2.datasets.get_resource(client, resource)).resource
    url = resource.url
    if not url:
        raise ValueError("the resource has no file: its url is empty")
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
