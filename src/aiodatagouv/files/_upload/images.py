"""Images: logos, banners, avatars, and the pictures of posts, reuses and visualizations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeAlias, overload

from attrs import evolve

from ...api import me, ops, organizations, posts, reuses, users, visualizations
from ...client import Client
from ...errors import DataGouvError
from ...models.chart import Chart
from ...models.image_upload import ImageUpload
from ...models.organization import Organization
from ...models.post import Post
from ...models.reuse import Reuse
from ...models.uploaded_image import UploadedImage
from ...models.user import User
from ...models.v2.reuse import Reuse as FoundReuse
from ...operation import Operation
from ...types import UNSET, File
from .extensions import extension
from .retries import Retries, is_unknown

Owner: TypeAlias = Organization | Reuse | FoundReuse | Post | Chart | User
"""An object that has an image."""

Box: TypeAlias = tuple[int, int, int, int]
"""A part of an image in pixels: its left, upper, right and lower edge."""

ImageSource: TypeAlias = str | Path | bytes | BinaryIO
"""The path of an image, its bytes, or a binary file open for reading."""

_MEDIA_TYPES = {
    "jpg": "image/jpeg",
    "jpe": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
}
"""The extensions of images that the portal accepts; some releases go by the media type."""


@overload
async def upload_image(
    client: Client,
    owner: Organization,
    source: ImageSource,
    *,
    bbox: Box | None = None,
    kind: Literal["logo", "banner"] | None = None,
    name: str | None = None,
) -> UploadedImage: ...
@overload
async def upload_image(
    client: Client,
    owner: Reuse | FoundReuse | Post | Chart,
    source: ImageSource,
    *,
    bbox: Box | None = None,
    kind: Literal["image"] | None = None,
    name: str | None = None,
) -> UploadedImage: ...
@overload
async def upload_image(
    client: Client,
    owner: User,
    source: ImageSource,
    *,
    bbox: Box | None = None,
    kind: Literal["avatar"] | None = None,
    name: str | None = None,
) -> UploadedImage: ...
@overload
async def upload_image(
    client: Client,
    owner: Owner,
    source: ImageSource,
    *,
    bbox: Box | None = None,
    kind: None = None,
    name: str | None = None,
) -> UploadedImage: ...
async def upload_image(
    client: Client,
    owner: Owner,
    source: ImageSource,
    *,
    bbox: Box | None = None,
    kind: Literal["logo", "banner", "image", "avatar"] | None = None,
    name: str | None = None,
) -> UploadedImage:
    """Upload the image of an object, instead of the one that it has.

    >>> await files.upload_image(client, organization, "logo.png", bbox=(0, 0, 400, 400))

    Args:
        client: The client, which needs a key.
        owner: The organization, reuse, post, visualization or user. The key of an administrator is
            needed for the avatar of another user.
        source: The path of a JPEG, PNG or WebP file, which is not read as a whole, its bytes, or a
            binary file open for reading.
        bbox: The part of the image that is shown: its left, upper, right and lower edge in pixels.
            By default the portal decides.
        kind: The image: of an organization its ``logo``, by default, or its ``banner``. The others
            have one each: an ``avatar`` for users, otherwise the ``image``.
        name: The name of the file, by default the source's own; bytes need one.

    Returns:
        The address of the image.

    Raises:
        ValueError: The owner has no such image, the box is none, or the file is no such image.
        OSError: The path cannot be read.
        APIError: The portal refuses the image.
        NetworkError: There is no answer; the image may have been replaced.
    """
    file = _file(source, name)
    body = ImageUpload(file=file, bbox=UNSET if bbox is None else _checked(bbox))
    operation, send = await _way(client, owner, kind)
    retry = evolve(client._options.retry, unsafe=False)
    client = client.with_options(retry=retry)
    retries = Retries(retry, operation)
    can_repeat = isinstance(file.content, bytes | Path) or file.content.seekable()
    while True:
        try:
            return await send(client, body)
        except DataGouvError as error:
            # The second time, the image is replaced by itself.
            if not (can_repeat and is_unknown(error) and await retries.pause(error)):
                raise


_Send: TypeAlias = Callable[[Client, ImageUpload], Awaitable[UploadedImage]]


async def _way(client: Client, owner: Owner, kind: str | None) -> tuple[Operation, _Send]:
    """The operation by which an object gets its image.

    Raises:
        ValueError: It has none, or none of this kind.
    """
    found: Operation
    upload: Any  # Functions differ in the name of their second parameter.
    match owner, kind:
        case Organization(), "logo" | None:
            found, upload = ops.UPLOAD_ORGANIZATION_LOGO, organizations.upload_organization_logo
        case Organization(), "banner":
            found = ops.UPLOAD_ORGANIZATION_BANNER
            upload = organizations.upload_organization_banner
        case Reuse() | FoundReuse(), "image" | None:
            found, upload = ops.UPLOAD_REUSE_IMAGE, reuses.upload_reuse_image
        case Post(), "image" | None:
            found, upload = ops.UPLOAD_POST_IMAGE, posts.upload_post_image
        case Chart(), "image" | None:
            found = ops.UPLOAD_VISUALIZATION_IMAGE
            upload = visualizations.upload_visualization_image
        case User(), "avatar" | None:
            if (await me.get_me(client, fields="id")).id == owner.id:
                return ops.UPLOAD_MY_AVATAR, lambda one, body: me.upload_my_avatar(one, body=body)
            found, upload = ops.UPLOAD_USER_AVATAR, users.upload_user_avatar
        case _:
            raise ValueError(
                f"a {type(owner).__name__} has no image"
                + (f" of the kind {kind!r}" if kind else "")
            )
    return found, lambda one, body: upload(one, owner.id, body=body)


def _file(source: ImageSource, name: str | None) -> File:
    content: Any = Path(source) if isinstance(source, str) else source
    if isinstance(content, Path):
        name = name or content.name
        with content.open("rb"):  # Raises an OSError before anything is sent.
            pass
    own = getattr(content, "name", None)
    if not name and not isinstance(own, str):
        raise ValueError("give the name of the file, such as name='logo.png'")
    name = name or Path(str(own)).name
    media_type = _MEDIA_TYPES.get(extension(name))
    if media_type is None:
        known = ", ".join(_MEDIA_TYPES)
        raise ValueError(f"{name!r} must have the extension of an image: {known}")
    return File(content, name, media_type)


def _checked(bbox: Box) -> str:
    numbers = [*bbox]
    is_whole = len(numbers) == 4 and all(type(one) is int for one in numbers)
    if not is_whole or not (0 <= numbers[0] < numbers[2] and 0 <= numbers[1] < numbers[3]):
        raise ValueError(
            f"bbox is {bbox!r}: it must be four whole numbers of pixels (left, upper, right, "
            "lower), with left < right and upper < lower"
        )
    return ",".join(map(str, numbers))
