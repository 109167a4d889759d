"""One call of an operation, checked and prepared: its path, query, mask and body."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from attrs import Factory, evolve, field, frozen

from .._checks import check_count
from .._encoding.parameters import QueryValue, pairs, segment, text
from .._encoding.taken import json_of
from .._fields import mask as masks
from ..operation import Operation
from ..types import Fields, File, Id, JsonObject, Mask

if TYPE_CHECKING:
    from .._encoding.body import Body
    from .._views.view import View


@frozen
class Call:
    """An operation with its arguments, ready for a client to call.

    Attributes:
        operation: The operation.
        path: The path below the operation's API, with its parameters filled in.
        query: The query parameters.
        mask: The fields wanted, of each item if the answer is a page; None for all.
        body: The JSON of the body, or the fields of a form; None for no body.
        query_pairs: The query parameters as they are sent.

    Raises:
        ValueError: A query parameter has an unsupported type.
    """

    operation: Operation
    path: str
    query: Mapping[str, QueryValue] = field(factory=dict[str, QueryValue])
    mask: Mask | None = None
    body: Any = field(default=None, repr=False)
    query_pairs: list[tuple[str, str]] = field(
        default=Factory(lambda self: pairs(self.query, self.operation), takes_self=True),
        init=False,
        repr=False,
    )

    @property
    def answer_mask(self) -> Mask | None:
        """The mask of the whole answer: for a page, :attr:`mask` below its items."""
        is_page = self.mask and self.operation.kind == "page"
        return {"data": self.mask, "*": None} if is_page else self.mask

    @property
    def can_be_repeated(self) -> bool:
        """Whether every file can be rewound, so that the body can be sent again."""
        files = self._files().values()
        return all(isinstance(one.content, bytes | Path) or one.content.seekable() for one in files)

    def headers(self) -> dict[str, str]:
        """The headers that say which answer is wanted."""
        headers = {"Accept": self.operation.media_type}
        headers |= dict.fromkeys(self.operation.headers, "True")
        if self.mask is not None:
            headers[masks.HEADER] = masks.header(self.mask, self.operation)
        return headers

    def content(self, opened: ExitStack) -> dict[str, Any]:
        """The body, as httpx takes it; the files that are opened for it are closed by the stack."""
        if self.body is None:
            return {}
        if not self.operation.multipart:
            return {"json": self.body}
        files = self._files()
        return {
            "files": {
                name: (one.name, one.open(opened), *([one.media_type] if one.media_type else []))
                for name, one in files.items()
            },
            "data": {
                name: text(name, one, self.operation)
                for name, one in self.body.items()
                if name not in files
            },
        }

    def with_mask(self, mask: Mask | None) -> Call:
        """The same call for other fields."""
        return evolve(self, mask=mask)

    def with_query(self, **query: QueryValue) -> Call:
        """The same call with other query parameters."""
        return evolve(self, query={**self.query, **query})

    def _files(self) -> dict[str, File]:
        if self.body is None or not self.operation.multipart:
            return {}
        return {name: one for name, one in self.body.items() if isinstance(one, File)}


def prepare(
    operation: Operation,
    *,
    path: Mapping[str, Id | int] | None = None,
    query: Mapping[str, QueryValue] | None = None,
    body: Body | View | JsonObject | Sequence[Body | View | str] | None = None,
    fields: Fields | None = None,
) -> Call:
    """Prepare a call of an operation with its arguments.

    Raises:
        MaskError: The answer cannot be narrowed down to those fields.
        ValueError: A parameter has an unsupported type or would lead to another path, or an update
            would delete a field that the body does not mention.
        TypeError: The operation takes another body.
    """
    segments = {name: segment(operation, name, value) for name, value in (path or {}).items()}
    return Call(
        operation,
        operation.path.lstrip("/").format_map(segments),
        query or {},
        None if fields is None else masks.read(fields, operation),
        json_of(operation, body),
    )


def prepare_path(
    method: str,
    path: str,
    query: Mapping[str, QueryValue] | None = None,
    json: Any = None,
    *,
    version: int = 1,
) -> Call:
    """Prepare a call of an endpoint that has no operation; see :meth:`aiodatagouv.Client.request`.

    Raises:
        ValueError: The path or version leads out of the API, or a parameter has another type.
    """
    segments = path.removeprefix("/").split("/")
    check_count("version", version)
    # HTTP libraries resolve dots, encoded ones too.
    is_outside = {unquote(one) for one in segments} & {".", ".."} or path.startswith("//")
    if not (method.isascii() and method.isalpha()):
        raise ValueError(f"method is {method!r}: it must be an HTTP method, such as GET")
    if is_outside or set(path) & set("?#\\") or not path.isascii() or not path.isprintable():
        raise ValueError(
            f"path is {path!r}: it must be a path below the root of the API, in ASCII, without "
            "dots as a segment, and without a query (give params)"
        )
    method, path = method.upper(), "/".join(segments)
    name = f"{method} {path}"
    operation = Operation(name, method, path, "", "json", "", media_type="*/*", version=version)
    return Call(operation, path, query or {}, body=json)
