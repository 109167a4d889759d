"""Uploads: a file becomes a resource, exactly one, with the content that was sent."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from types import UnionType
from typing import Literal, Protocol, TypeAlias, get_args, overload

from attrs import evolve

from ..._checks import check_callback, check_count, check_text
from ...api import ops
from ...client import Client
from ...errors import DataGouvError, UploadError
from ...models.community_resource import CommunityResource
from ...models.dataset import Dataset
from ...models.dataset_full import DatasetFull
from ...models.dataset_reference import DatasetReference
from ...models.resource import Resource
from ...models.uploaded_community_resource import UploadedCommunityResource
from ...models.uploaded_resource import UploadedResource
from ...models.v2 import dataset as v2_dataset
from ...models.v2 import dataset_full as v2_dataset_full
from ...types import Id, OnProgress
from .attempts import Attempts
from .extensions import check_extension
from .journal import Journal
from .parts import Meter, Sender
from .places import Made, Place, made_of
from .retries import Retries
from .sources import PathContent, Source, content_of
from .state import ClientUploads
from .unbroken import unbroken

CHUNK_SIZE = 8 << 20
"""The bytes of a part by default."""


class _Identified(Protocol):
    @property
    def id(self) -> str | None: ...


AnyDataset: TypeAlias = (
    Dataset | DatasetFull | DatasetReference | v2_dataset.Dataset | v2_dataset_full.DatasetFull
)
"""A dataset, as the portal answers it."""

Replaceable: TypeAlias = Resource | UploadedResource
"""A resource of a dataset, as the portal answers it."""

CommunityReplaceable: TypeAlias = CommunityResource | UploadedCommunityResource
"""A community resource, as the portal answers it."""


@overload
async def upload(
    client: Client,
    dataset: AnyDataset | Id,
    source: Source,
    *,
    resource: Replaceable | Id | None = None,
    community: Literal[False] = False,
    title: str | None = None,
    name: str | None = None,
    size: int | None = None,
    chunk_size: int = CHUNK_SIZE,
    concurrency: int = 4,
    journal: str | Path | None = None,
    progress: OnProgress | None = None,
) -> Resource: ...
@overload
async def upload(
    client: Client,
    dataset: AnyDataset | Id,
    source: Source,
    *,
    resource: CommunityReplaceable | Id | None = None,
    community: Literal[True],
    title: str | None = None,
    name: str | None = None,
    size: int | None = None,
    chunk_size: int = CHUNK_SIZE,
    concurrency: int = 4,
    journal: str | Path | None = None,
    progress: OnProgress | None = None,
) -> CommunityResource: ...
@overload
async def upload(
    client: Client,
    dataset: AnyDataset | Id,
    source: Source,
    *,
    resource: Replaceable | CommunityReplaceable | Id | None = None,
    community: bool,
    title: str | None = None,
    name: str | None = None,
    size: int | None = None,
    chunk_size: int = CHUNK_SIZE,
    concurrency: int = 4,
    journal: str | Path | None = None,
    progress: OnProgress | None = None,
) -> Made: ...
async def upload(
    client: Client,
    dataset: AnyDataset | Id,
    source: Source,
    *,
    resource: Replaceable | CommunityReplaceable | Id | None = None,
    community: bool = False,
    title: str | None = None,
    name: str | None = None,
    size: int | None = None,
    chunk_size: int = CHUNK_SIZE,
    concurrency: int = 4,
    journal: str | Path | None = None,
    progress: OnProgress | None = None,
) -> Made:
    """Upload a file as a new resource of a dataset, or as the new file of a resource.

    >>> resource = await files.upload(client, dataset, "stops.csv", title="Stops")

    A file of at most ``chunk_size`` bytes is sent in one request, a larger one in parts, several at
    once, and with a last request that assembles them. The size and the SHA-1 checksum that the
    portal has computed are compared with those of what was sent.

    A request without an answer may have been carried out. The resources of the dataset, which are
    listed just before it and again afterwards, then tell, and one that it has created is the
    result. Otherwise the upload is attempted again, as often as the retry policy of the client
    says. A resource that the portal has answered with a wrong file is deleted.

    The clients of an event loop know of each other's uploads. Another program that uploads the same
    file under the same name to the same dataset at that moment cannot be told from this one.
    Therefore a second resource with the file is not deleted: it may be of that program, or of a
    request that the portal has carried out late. A warning names it.

    A replacement that is cancelled ends its request, and gives the resource its title back, before
    it is over; a second cancellation breaks that off.

    Args:
        client: The client, which needs a key.
        dataset: The dataset, its id or its slug.
        source: The path of the file, its bytes, a binary file open for reading, or an async
            iterator of its bytes.
        resource: The resource of the dataset, or its id, that gets the file instead of its own. It
            keeps its title.
        community: Whether the resource is a community resource.
        title: The title of the resource; by default the portal makes one of the name.
        name: The name of the file, by default the source's own; bytes and iterators need one. The
            portal accepts a file by its extension, and changes the rest.
        size: The size in bytes of an iterator, or of a file that cannot be rewound, if it is known.
        chunk_size: The bytes of a part. Memory for ``concurrency`` of them is needed.
        concurrency: How many parts are sent at once.
        journal: The path of a small file for the state of the upload, which makes it happen once
            even if the process is killed: the same call with the same journal continues, and once
            that is done, returns the resource without a request. Only for the source of a path.
            By default there is none.
        progress: Called with the bytes sent so far.

    Returns:
        The resource as the portal has it afterwards.

    Raises:
        TypeError: The dataset, the resource, the title or the name is something else.
        ValueError: The portal does not accept files with this extension, there is no name, or an
            argument does not fit another.
        OSError: The source cannot be read.
        IntegrityError: The source changed meanwhile, or the portal stored something else.
        UploadError: The portal may have the file, has it without its title, or has a wrong one in
            the resource to replace; the error says so.
        CheckpointError: The journal is of another upload, in use or damaged.
        DestinationError: The journal cannot be written.
        APIError: The portal refuses the upload.
        NetworkError: There is no answer, and nothing on the portal.
    """
    check_count("chunk_size", chunk_size)
    check_count("concurrency", concurrency)
    for label, text in (("title", title), ("name", name)):
        if text is not None:
            check_text(label, text)
    check_callback("progress", progress)
    if size is not None:
        check_count("size", size, least=0)
    dataset = _id_of(dataset, AnyDataset, "dataset")
    kinds = CommunityReplaceable if community else Replaceable
    replaced = None if resource is None else _id_of(resource, kinds, "resource")
    content = content_of(source, name, size)
    try:
        check_text("name", content.name)
        if journal is not None and not isinstance(content, PathContent):
            raise ValueError("a journal needs the path of a file: nothing else can be read again")
        if journal is not None and isinstance(content, PathContent) and content.is_at(journal):
            raise ValueError("the journal is the file itself: give another path")
        identity = {
            "portal": client.base_url,
            "dataset": dataset,
            "resource": replaced,
            "community": community,
            "title": title,
            "name": content.name,
            "size": content.size,
            "changed_at": getattr(content, "changed_at", None),
            "chunk_size": chunk_size,
        }
        opened = Journal() if journal is None else Journal.open(Path(journal), identity)
        try:
            if opened.state.done is not None:
                return made_of(opened.state.done, community=community)
            shared = ClientUploads.of(client)
            # A request is repeated only after a look at what it has done.
            retry = evolve(client._options.retry, unsafe=False)
            client = shared.watched(client.with_options(retry=retry))
            check_extension(content.name, await shared.extensions(client))
            place = Place(client, await shared.id_of(client, dataset), community)
            meter = Meter(content.name, content.size, progress)
            operation = ops.UPLOAD_NEW_DATASET_RESOURCE
            retries = partial(Retries, retry, operation)
            post = partial(place.post, replaced=replaced)
            sender = Sender(content, chunk_size, concurrency, post, retries, meter)
            attempts = Attempts(sender, place, replaced, shared, opened, retries)
            return await _run(attempts, title)
        finally:
            opened.close()
    finally:
        content.close()


async def _run(attempts: Attempts, title: str | None) -> Made:
    """Upload the file, and give the resource its title."""
    state, place, replaced = attempts.journal.state, attempts.place, attempts.replaced
    if replaced is not None and state.title is None:
        state.title = (await place.get(replaced)).title
        await attempts.journal.save()
    wanted = title or state.title
    if state.resource is None:
        try:
            found = await attempts.run()
        except (Exception, asyncio.CancelledError) as error:
            if attempts.may_have_replaced and replaced and wanted:
                await _give_back(place, replaced, wanted, error)
            raise
    else:
        found = await place.get(state.resource)
    if wanted is not None and found.title != wanted:
        try:
            found = await unbroken(place.rename(found.id, wanted))
        except DataGouvError as error:
            reason = f"the file is there, but the title could not be set to {wanted!r}: {error}"
            raise UploadError(place.dataset, found.id, reason) from error
    state.done = found.to_dict()
    await attempts.journal.save()
    return found


async def _give_back(place: Place, id: str, title: str, error: BaseException) -> None:
    """Give a resource its title after a failure: the portal has set it to the name of the file."""
    try:
        await unbroken(place.rename(id, title))
    except DataGouvError as failure:
        error.add_note(f"resource {id} may have lost its title {title!r}: {failure}")


def _id_of(one: _Identified | Id, kinds: UnionType, name: str) -> str:
    if not isinstance(one, kinds | str):
        names = " or ".join(dict.fromkeys(kind.__name__ for kind in get_args(kinds)))
        raise TypeError(f"{name} is a {type(one).__name__}, not a {names} or an id")
    id = one if isinstance(one, str) else one.id
    if not id:
        raise ValueError(f"{name} has no id")
    return id
