"""Web pages in the place of data: what some hosts answer for a file that they no longer have."""

from __future__ import annotations

import re

_TYPES = frozenset({"text/html", "application/xhtml+xml"})

_PAGE = re.compile(
    rb"(\xef\xbb\xbf)?\s*(<!--.{0,500}?-->\s*)?<(!doctype\s+html|html)\b", re.I | re.S
)

_DATA = frozenset(
    {
        *("csv", "tsv", "txt", "json", "jsonl", "ndjson", "xml", "parquet", "dbf", "ics", "gtfs"),
        *("xls", "xlsx", "ods", "odt", "pdf", "png", "jpg", "jpeg", "tif", "tiff"),
        *("geojson", "geojsonl", "geopackage", "gpkg", "gml", "gpx", "kml", "kmz", "shp", "fgb"),
        *("zip", "gz", "tar", "7z"),
    }
)
"""The formats of which no file is a web page."""


def is_page(content_type: str, begin: bytes) -> bool:
    """Whether an answer is a web page, by its media type and its first bytes.

    Some hosts declare every file as a page, and some text begins like one.
    """
    return content_type.partition(";")[0].strip().lower() in _TYPES and bool(_PAGE.match(begin))


def is_data(format_: str) -> bool:
    """Whether a file of a format cannot be a web page."""
    return format_ in _DATA
