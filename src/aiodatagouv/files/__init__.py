"""Files: what is published is sent, what is linked is fetched, and both are verified.

>>> resource = await files.upload(client, dataset, "stops.csv")
>>> await files.download(client, resource, "copy.csv")
>>> report = await files.sync(client, dataset, "folder")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ..types import OnProgress as OnProgress
from ..types import Progress as Progress

if TYPE_CHECKING:
    from .._views.crawled import Analysis as Analysis
    from .._views.scan import Scan as Scan
    from ._download.checksums import Checksum as Checksum
    from ._download.downloads import download as download
    from ._download.wanted import Download as Download
    from ._export.exports import Export as Export
    from ._export.exports import ExportName as ExportName
    from ._export.exports import export as export
    from ._folder.folder import download_all as download_all
    from ._folder.folder import sync as sync
    from ._folder.report import OnReport as OnReport
    from ._folder.report import Outcome as Outcome
    from ._folder.report import Report as Report
    from ._upload.images import upload_image as upload_image
    from ._upload.uploads import upload as upload

_NAMES = {
    ".._views.crawled": "Analysis",
    ".._views.scan": "Scan",
    "._download.checksums": "Checksum",
    "._download.downloads": "download",
    "._download.wanted": "Download",
    "._export.exports": "Export ExportName export",
    "._folder.folder": "download_all sync",
    "._folder.report": "OnReport Outcome Report",
    "._upload.images": "upload_image",
    "._upload.uploads": "upload",
}
_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = ["OnProgress", "Progress", *_MODULE_OF]  # pyright: ignore[reportUnsupportedDunderAll]


if not TYPE_CHECKING:  # A type checker that saw this function would accept any attribute.

    def __getattr__(name: str) -> object:
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(_MODULE_OF[name], __name__), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
