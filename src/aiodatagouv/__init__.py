"""The async Python client for data.gouv.fr and every other udata portal.

>>> from aiodatagouv import Client, api
>>>
>>> async with Client() as client:
...     async for dataset in api.datasets.list_datasets(client, q="vélo"):
...         print(dataset.title)

Importing this package is cheap: the module of each name is imported when the name is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .version import __version__ as __version__

if TYPE_CHECKING:
    from ._fields.projection import Page as Page
    from .api.operations import OPERATIONS as OPERATIONS
    from .client import DEMO as DEMO
    from .client import PRODUCTION as PRODUCTION
    from .client import Client as Client
    from .errors import AddressError as AddressError
    from .errors import APIError as APIError
    from .errors import AuthenticationError as AuthenticationError
    from .errors import BadRequestError as BadRequestError
    from .errors import CheckpointError as CheckpointError
    from .errors import DataGouvError as DataGouvError
    from .errors import DecodeError as DecodeError
    from .errors import DestinationError as DestinationError
    from .errors import DownloadError as DownloadError
    from .errors import GoneError as GoneError
    from .errors import HarvestFileError as HarvestFileError
    from .errors import IntegrityError as IntegrityError
    from .errors import LockedError as LockedError
    from .errors import MaskError as MaskError
    from .errors import MissingFieldError as MissingFieldError
    from .errors import MissingResultsError as MissingResultsError
    from .errors import NetworkError as NetworkError
    from .errors import NoTableError as NoTableError
    from .errors import NotFoundError as NotFoundError
    from .errors import NotJSONError as NotJSONError
    from .errors import OrderError as OrderError
    from .errors import PermissionDeniedError as PermissionDeniedError
    from .errors import RateLimitedError as RateLimitedError
    from .errors import RedirectError as RedirectError
    from .errors import ServerError as ServerError
    from .errors import StoreError as StoreError
    from .errors import TimeoutError as TimeoutError
    from .errors import TooLargeError as TooLargeError
    from .errors import TooManyResultsError as TooManyResultsError
    from .errors import UnreachableError as UnreachableError
    from .errors import UploadError as UploadError
    from .links import Link as Link
    from .operation import Operation as Operation
    from .operation import Order as Order
    from .operation import Parameter as Parameter
    from .pagination import Paginator as Paginator
    from .portal import Portal as Portal
    from .rate import Rate as Rate
    from .retry import Retry as Retry
    from .retry import RetryPolicy as RetryPolicy
    from .streams import Stream as Stream
    from .types import UNSET as UNSET
    from .types import File as File
    from .types import Progress as Progress
    from .types import Unset as Unset

_NAMES = {
    "api.operations": "OPERATIONS",
    "client": "DEMO PRODUCTION Client",
    "errors": "AddressError APIError AuthenticationError BadRequestError CheckpointError "
    "DataGouvError DecodeError DestinationError DownloadError GoneError HarvestFileError "
    "IntegrityError LockedError MaskError MissingFieldError MissingResultsError NetworkError "
    "NotFoundError NoTableError NotJSONError OrderError PermissionDeniedError RateLimitedError "
    "RedirectError ServerError StoreError TimeoutError TooLargeError TooManyResultsError "
    "UnreachableError UploadError",
    "links": "Link",
    "operation": "Operation Order Parameter",
    "pagination": "Paginator",
    "_fields.projection": "Page",
    "portal": "Portal",
    "rate": "Rate",
    "retry": "Retry RetryPolicy",
    "streams": "Stream",
    "types": "UNSET File Progress Unset",
}
_MODULES = {
    *("api", "bulk", "errors", "files", "models", "operation", "pagination", "portal", "rate"),
    *("retry", "streams", "types"),
}
"""The modules that are attributes without being imported first."""

_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = ["__version__", *_MODULE_OF]  # pyright: ignore[reportUnsupportedDunderAll]


if not TYPE_CHECKING:  # A type checker that saw this function would accept any attribute.

    def __getattr__(name: str) -> object:
        if name in _MODULES:
            return import_module(f".{name}", __name__)
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
