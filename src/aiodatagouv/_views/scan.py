"""Parquet files on the web, as pyarrow, polars and DuckDB read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

if TYPE_CHECKING:
    import duckdb

_HTTPFS = """
    SELECT loaded OR (installed AND current_setting('autoload_known_extensions'))
    FROM duckdb_extensions() WHERE extension_name = 'httpfs'
"""
"""Whether the connection reads from the web without downloading an extension."""


@frozen
class Scan:
    """A Parquet file on the web, of which an engine fetches the columns that it is asked for.

    >>> scan = resource.scan()
    >>> polars.scan_parquet(**scan.polars()).select("commune", "prix")
    >>> pyarrow.parquet.read_table(**scan.pyarrow(), columns=["commune", "prix"])
    >>> scan.duckdb(duckdb.connect()).aggregate("commune, avg(prix)")

    The engines call the host of the file themselves, without an API key: the limits, the retries
    and the proxy of a ``Client`` do not apply there, but the environment's proxy does. They follow
    redirects, also to private hosts.
    """

    url: str
    """The address of the file."""
    size: int | None = None
    """Its size in bytes as the crawler states it, None if it does not."""

    def polars(self) -> dict[str, Any]:
        """The arguments of ``polars.scan_parquet`` and ``polars.read_parquet``."""
        # A glob would be looked for in what may be a part of the address.
        return {"source": self.url, "glob": False}

    def pyarrow(self) -> dict[str, Any]:
        """The arguments of ``pyarrow.parquet.read_table`` and ``pyarrow.dataset.dataset``.

        Raises:
            ModuleNotFoundError: pyarrow or fsspec is not installed.
            ValueError: The environment's proxy cannot be used.
        """
        from .remote import arrow_files

        return {"source": self.url, "filesystem": arrow_files(self.url)}

    def duckdb(self, connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
        """The file as a relation of a connection to DuckDB.

        The extension ``httpfs`` reads it if it is installed (``INSTALL httpfs``). Else fsspec does,
        which is then registered with the connection for the files of this library only.

        Args:
            connection: An open connection, such as ``duckdb.connect()``.

        Raises:
            ModuleNotFoundError: Without ``httpfs``: fsspec is not installed.
            ValueError: Without ``httpfs``: the environment's proxy cannot be used.
        """
        with connection.cursor() as beside:  # A result of the connection may still be read.
            has_httpfs = beside.execute(_HTTPFS).fetchall() == [(True,)]
        if has_httpfs:
            return connection.read_parquet(self.url)
        from .remote import duckdb_files

        scheme, files = duckdb_files(self.url)
        if not connection.filesystem_is_registered(scheme):
            connection.register_filesystem(files)
        return connection.read_parquet(f"{scheme}://{self.url}")
