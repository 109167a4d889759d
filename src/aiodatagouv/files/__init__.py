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
    from .downloads import download as download
    from .exports import Export as Export
    from .exports import export as export
    from .folder import download_all as download_all
    from .folder import sync as sync
    from .images import upload_image as upload_image
    from .report import Outcome as Outcome
    from .report import Report as Report
    from .uploads import upload as upload
    from .wanted import Download as Download

_NAMES = {
    "downloads": "download",
    "exports": "Export export",
    "folder": "download_all sync",
    "images": "upload_image",
    "report": "Outcome Report",
    "uploads": "upload",
    "wanted": "Download",
}
_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = ["OnProgress", "Progress", *_MODULE_OF]  # pyright: ignore[reportUnsupportedDunderAll]


if not TYPE_CHECKING:  # A type checker that saw this function would accept any attribute.

    def __getattr__(name: str) -> object:
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
