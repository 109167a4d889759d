"""The names that generated packages of other portals import.

``python -m generator client`` makes such packages. Within a minor release of this package, the
names here keep their meaning, so that code that was generated for one goes on working. Programs
import from :mod:`aiodatagouv` instead.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._call import answers as answers
    from ._call.call import prepare as prepare
    from ._decoding.declared import declare as declare
    from ._encoding.body import Body as Body
    from ._encoding.body import BodyOf as BodyOf
    from ._renamed import renamed as renamed
    from ._renamed import renamed_constants as renamed_constants
    from ._views.crawled import Crawled as Crawled
    from ._views.page import PageView as PageView
    from ._views.view import View as View
    from .client import Client as Client
    from .links import Link as Link
    from .operation import Operation as Operation
    from .operation import Order as Order
    from .operation import Parameter as Parameter
    from .pagination import Paginator as Paginator
    from .streams import Stream as Stream
    from .types import UNSET as UNSET
    from .types import Fields as Fields
    from .types import File as File
    from .types import Id as Id
    from .types import JsonObject as JsonObject
    from .types import Unset as Unset

_NAMES = {
    "_call.answers": "answers",
    "_call.call": "prepare",
    "_decoding.declared": "declare",
    "_encoding.body": "Body BodyOf",
    "_renamed": "renamed renamed_constants",
    "_views.crawled": "Crawled",
    "_views.page": "PageView",
    "_views.view": "View",
    "client": "Client",
    "links": "Link",
    "operation": "Operation Order Parameter",
    "pagination": "Paginator",
    "streams": "Stream",
    "types": "UNSET Fields File Id JsonObject Unset",
}
_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = [*_MODULE_OF]  # pyright: ignore[reportUnsupportedDunderAll]


if not TYPE_CHECKING:  # A type checker that saw this function would accept any attribute.

    def __getattr__(name: str) -> object:
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = import_module(f".{_MODULE_OF[name]}", __package__)
        value = module if name == "answers" else getattr(module, name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
