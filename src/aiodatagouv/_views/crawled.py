"""The facts that a portal's crawler writes into the extras of a resource."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

from attrs import field, frozen

from .._decoding.dates import read_datetime
from .._decoding.place import Place, origin_of, path_of, was_wanted
from ..errors import AddressError, MissingFieldError, NoTableError
from ..types import JsonObject
from .view import View

if TYPE_CHECKING:
    from .scan import Scan

T = TypeVar("T")

_SHA1 = re.compile(r"[0-9a-f]{40}", re.ASCII | re.IGNORECASE)


class _Fact(Generic[T]):
    """The getter of one key of the extras: None for a value of another type."""

    def __init__(self, key: str, read: Callable[[Any], T | None]) -> None:
        self.key = key
        self._read = read

    def __set_name__(self, owner: type[Analysis], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, analysis: None, owner: type[Analysis]) -> Self: ...
    @overload
    def __get__(self, analysis: Analysis, owner: type[Analysis]) -> T | None: ...

    def __get__(self, analysis: Analysis | None, owner: type[Analysis]) -> Self | T | None:
        if analysis is None:
            return self
        return self._read(analysis._value(self.key, self._name))


def _flag(value: Any) -> bool | None:
    return value if type(value) is bool else None


def _number(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _text(value: Any) -> str | None:
    return value if type(value) is str else None


def _sha1(value: Any) -> str | None:
    return value.lower() if type(value) is str and _SHA1.fullmatch(value) else None


def _moment(value: Any) -> dt.datetime | None:
    if type(value) is not str:
        return None
    try:
        moment = read_datetime(value)
    except (ValueError, OverflowError):
        return None
    # The crawler has left out the zone at times, which is UTC.
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _address(value: Any) -> str | None:
    from .addresses import is_private, problem_of  # Loaded when a fact is read, not a model.

    if type(value) is not str or problem_of(value) or is_private(value):
        return None
    return value


@frozen(repr=False)
class Analysis:
    """The facts that a portal's crawler has found out about the file of a resource.

    >>> resource.analysis.available, resource.analysis.parquet_url

    The crawler of data.gouv.fr calls the address of every resource (``check``), examines the files
    that are not too large (``analysis``), and makes tables, Parquet and GeoJSON files of some.

    Its facts are extras, which the owners of a resource can write as well: do not trust them. A
    fact is None if it is missing or of another type; an address also if it is not one of http or
    https, has a user name, or names a private host. ``extras`` has everything as it came.

    Raises:
        MissingFieldError: A fact is read that was not among the fields wanted of the extras.
    """

    extras: JsonObject
    """The extras of the resource, as they were received."""
    _place: Place = field(default=None, eq=False)

    available = _Fact("check:available", _flag)
    """Whether the address answered at the last check."""
    checked_at = _Fact("check:date", _moment)
    """When it was checked last."""
    status = _Fact("check:status", _number)
    """The HTTP status of its answer."""
    timed_out = _Fact("check:timeout", _flag)
    """Whether it took too long to answer."""
    count_availability = _Fact("check:count-availability", _number)
    """How many checks in a row had this result."""
    check_error = _Fact("check:error", _text)
    """Why the check failed."""
    check_content_type = _Fact("check:headers:content-type", _text)
    """The media type that the host states."""
    check_content_length = _Fact("check:headers:content-length", _number)
    """The size that the host states, in bytes."""
    check_charset = _Fact("check:headers:charset", _text)
    """The character encoding that the host states."""

    checksum = _Fact("analysis:checksum", _sha1)
    """The SHA-1 of the file, in lower case."""
    content_length = _Fact("analysis:content-length", _number)
    """The size of the file in bytes."""
    mime_type = _Fact("analysis:mime-type", _text)
    """The media type, guessed from the content."""
    last_modified_at = _Fact("analysis:last-modified-at", _moment)
    """When the file was last modified."""
    last_modified_detection = _Fact("analysis:last-modified-detection", _text)
    """The source of that date, such as ``last-modified-header``."""
    error = _Fact("analysis:error", _text)
    """Why the file was not examined, such as ``File too large to download``."""

    parsing_started_at = _Fact("analysis:parsing:started_at", _moment)
    """When the crawler began to make a table of the file."""
    parsing_finished_at = _Fact("analysis:parsing:finished_at", _moment)
    """When it had finished."""
    parsing_error = _Fact("analysis:parsing:error", _text)
    """Why there is no table, or one of its formats is missing."""
    parsing_table = _Fact("analysis:parsing:parsing_table", _text)
    """The name of the table in the tabular API."""
    parquet_url = _Fact("analysis:parsing:parquet_url", _address)
    """The address of the table as Parquet."""
    parquet_size = _Fact("analysis:parsing:parquet_size", _number)
    """The size of the Parquet file in bytes."""
    geojson_url = _Fact("analysis:parsing:geojson_url", _address)
    """The address of the table as GeoJSON."""
    geojson_size = _Fact("analysis:parsing:geojson_size", _number)
    """The size of the GeoJSON file in bytes."""
    pmtiles_url = _Fact("analysis:parsing:pmtiles_url", _address)
    """The address of the map tiles (PMTiles)."""
    pmtiles_size = _Fact("analysis:parsing:pmtiles_size", _number)
    """The size of the map tiles in bytes."""

    def __repr__(self) -> str:
        facts = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"Analysis({facts})"

    def __rich_repr__(self) -> Iterator[tuple[str, Any]]:
        """The facts that are there and of the right type."""
        for name, fact in vars(type(self)).items():
            if isinstance(fact, _Fact) and fact.key in self.extras:
                value = getattr(self, name)
                if value is not None:
                    yield name, value

    def _value(self, key: str, name: str) -> Any:
        """The value of a key of the extras, None if there is none.

        Raises:
            MissingFieldError: It was not asked for.
        """
        if key in self.extras:
            return self.extras[key]
        origin, place = origin_of(self._place), (self._place, key)
        if origin is None or origin.mask is None or was_wanted(place):
            return None
        operation, path = origin.operation, path_of(place)
        raise MissingFieldError("Analysis", name, operation=operation, path=path, is_masked=True)


class Crawled(View, init=False):
    """A resource, whose file the portal's crawler examines."""

    if TYPE_CHECKING:  # A field of all models that have this base.
        extras: JsonObject | None

    @property
    def analysis(self) -> Analysis:
        """The facts of the crawler about the file; nothing is asked from the portal now.

        Raises:
            MissingFieldError: The extras were not among the fields wanted.
        """
        return Analysis(self.extras or {}, (self._place, "extras"))

    def scan(self, *, allow_private: bool = False) -> Scan:
        """The Parquet file that the crawler made of the resource, for pyarrow, polars or DuckDB.

        >>> import polars
        >>> table = polars.scan_parquet(**resource.scan().polars())

        Nothing is read yet: the engine fetches the columns that are asked of it, from the host of
        the file, without an API key.

        Args:
            allow_private: Whether the address may name a private host. The owner of the resource
                can write any address.

        Raises:
            NoTableError: There is no Parquet file; the error says why, as far as the crawler does.
            AddressError: Its address is not one of http or https, or is private.
            MissingFieldError: The extras, or the address in them, were not among the fields wanted.
        """
        from .addresses import is_private, problem_of
        from .scan import Scan

        analysis = self.analysis
        url = analysis._value("analysis:parsing:parquet_url", "parquet_url")
        if type(url) is not str:
            raise NoTableError(self._json.get("id"), _reason(analysis))
        problem = problem_of(url)
        if problem is None and not allow_private and is_private(url):
            problem = "is on a private host: pass allow_private=True to read it"
        if problem is not None:
            raise AddressError(url, problem)
        with suppress(MissingFieldError):  # It is worth less than the table.
            return Scan(url, analysis.parquet_size)
        return Scan(url)


def _reason(analysis: Analysis) -> str:
    """Why there is no Parquet file, as far as the extras that were asked for tell."""
    with suppress(MissingFieldError):
        if analysis.parsing_error:
            return f"the crawler could not make a table of it: {analysis.parsing_error}"
        if analysis.error:
            return f"the crawler could not examine it: {analysis.error}"
        if analysis.parsing_finished_at:
            return "the crawler made a table of it, but no Parquet file"
        if analysis.available is False:
            return f"its file was not available when the crawler checked it{_at(analysis)}"
        if analysis.checked_at or analysis.last_modified_at or analysis.checksum:
            return "the crawler made no table of it: it is no CSV or Excel file, or too large"
        return "no crawler has examined it"
    return "its extras have none, and the reason was not among the fields wanted"


def _at(analysis: Analysis) -> str:
    return f" ({analysis.checked_at:%Y-%m-%d})" if analysis.checked_at else ""
