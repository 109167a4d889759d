"""The plan for a file: leave it, ask its host whether it has changed, or fetch it."""

from __future__ import annotations

import re
from typing import Any, Literal, Self, TypeAlias, cast

from attrs import fields, frozen

from ..._http import parse_url
from ..._views.view import View
from ...errors import AddressError
from .._download.checksums import Expected
from .._download.route import host_of
from .manifest import Record, Signs, State
from .names import name_of

Action: TypeAlias = Literal["leave", "keep", "refuse", "compare", "ask", "fetch"]
"""The next step for a file.

``leave`` it, as it is up to date; ``keep`` it, as it was changed here; ``refuse`` it, as something
else is at its place; ``compare`` it with the checksum of the portal, and fetch it if it differs;
``ask`` its host, which answers with the file only if it has changed; ``fetch`` it.
"""

_SECRET = re.compile(r"(?<=://)[^/?#]*@|[?#].*", re.DOTALL)
"""The parts of an address that may be a password or a signature."""

_NAMES = {
    "url": "address",
    "checksum": "checksum",
    "size": "size",
    "modified": "date",
    "crawled": "date",
}


@frozen(kw_only=True)
class Listed:
    """A file that the source has.

    Attributes:
        id: The id of its resource.
        dataset: The id of its dataset, if it is known.
        folder: The name of the folder that it belongs in; "" for the one that is synchronized.
        title: The title of its resource.
        format: The format that its resource has.
        signs: The properties by which its versions are told apart.
        expected: The properties that it must have.
        source: The name of the source that lists it; "" if that has none.
        is_watched: Whether the portal would notice a change: it stores or crawls the file.
    """

    id: str
    dataset: str | None
    folder: str
    title: str
    format: str | None
    signs: Signs
    expected: Expected
    source: str
    is_watched: bool

    @classmethod
    def of(
        cls,
        resource: View,
        dataset: str | None = None,
        folder: str = "",
        *,
        source: str = "",
        verify: bool = True,
    ) -> Self:
        """Read a resource; only its id and its address are needed.

        Args:
            resource: The resource.
            dataset: The id of its dataset, if it is known.
            folder: The name of the folder that it belongs in.
            source: The name of the source.
            verify: Whether the file must have the properties that the portal has for it.

        Raises:
            AddressError: The address has characters that no address has.
            MissingFieldError: The id or the address is not among the fields that were asked for.
            DecodeError: A field that is needed has another type.
        """
        view: Any = resource
        json, expected = resource.to_dict(), Expected.of(resource)
        id, url = plain(cast("str", view.id)), cast("str", view.url)
        if plain(url) != url:
            raise AddressError(_SECRET.sub("", plain(url)), "is not an http or https address")
        extras = json.get("extras")
        crawled = extras.get("analysis:last-modified-at") if isinstance(extras, dict) else None
        title, form = json.get("title"), json.get("format")
        signs = Signs(
            url=url,
            checksum=expected.checksum,
            size=expected.size,
            modified=_text(json.get("last_modified")),
            crawled=_text(crawled),
        )
        return cls(
            id=id,
            dataset=_dataset_of(json) if dataset is None else dataset,
            folder=folder,
            title=_text(title) or "",
            format=_text(form),
            signs=signs,
            expected=expected if verify else Expected(),
            source=source,
            is_watched=json.get("filetype") == "file" or signs.crawled is not None,
        )

    @property
    def address(self) -> str:
        """Its address as reports show it: without its query, which may be a signature."""
        return _SECRET.sub("", self.signs.url)

    @property
    def name(self) -> str:
        """The name that it should have."""
        return name_of(url=self.signs.url, title=self.title, format=self.format, id=self.id)

    @property
    def host(self) -> str:
        """The host of its address; "" if that is no address."""
        return host_at(self.signs.url)


@frozen
class Plan:
    """The next step for a file.

    Attributes:
        action: The step.
        reason: Why, unless the file is new or up to date.
    """

    action: Action
    reason: str | None = None


def plan_for(
    listed: Listed, record: Record | None, state: State, *, keep_altered: bool = False
) -> Plan:
    """Decide about a file.

    The checksum of the portal decides, if it is that of the file itself; else the other properties
    that the portal has, if it stores or crawls the file; else its host is asked, if it has told
    how (``ETag``, ``Last-Modified``).

    Args:
        listed: The file that the source has.
        record: The file of an earlier run.
        state: Its state now.
        keep_altered: Whether a file is left alone that was changed here.
    """
    if record is None:
        return Plan("fetch")
    if state == "foreign":
        return Plan("refuse", "something else than a file is at its place")
    if state == "missing":
        return Plan("fetch", None if record.at is None else "it was removed here")
    if state == "altered":
        return Plan("keep" if keep_altered else "fetch", "it was changed here")
    return _plan_for_intact(listed, record)


def _plan_for_intact(listed: Listed, record: Record) -> Plan:
    checksum = _binding(listed)
    if checksum is not None and record.checksum is not None:
        if checksum == record.checksum:
            return Plan("leave")
        if checksum.type == record.checksum.type:
            return Plan("fetch", "its checksum has changed")
    changed = _changed(listed.signs, record.portal)
    if checksum is not None and (changed or record.checksum is None):
        return Plan("compare", changed)
    can_ask = record.etag is not None or record.last_modified is not None
    if changed:
        is_same = listed.signs.url == record.portal.url
        return Plan("ask" if can_ask and is_same else "fetch", changed)
    return Plan("ask" if can_ask and not listed.is_watched else "leave")


def host_at(url: str) -> str:
    """The host of an address; "" if it is no address."""
    try:
        return host_of(parse_url(url))
    except ValueError:
        return ""


def _binding(listed: Listed) -> Any:
    """The checksum that the file has now, if the portal knows it."""
    return listed.expected.checksum if listed.expected.as_of is None else None


def _changed(signs: Signs, before: Signs) -> str | None:
    """The first property that has changed, in words."""
    for one in fields(Signs):
        if getattr(signs, one.name) != getattr(before, one.name):
            return f"its {_NAMES[one.name]} has changed"
    return None


def _dataset_of(json: dict[str, Any]) -> str | None:
    """The id of the dataset of a community resource."""
    dataset = json.get("dataset")
    return _text(dataset.get("id")) if isinstance(dataset, dict) else None


def _text(value: Any) -> str | None:
    return plain(value) if isinstance(value, str) else None


def plain(text: str) -> str:
    """A text that a file can have: JSON may have halves of characters, which are escaped."""
    return text.encode(errors="backslashreplace").decode()
