"""The network, refused."""

from __future__ import annotations

from contextlib import AbstractContextManager

from .. import _http
from .errors import NetworkRefusedError


def network_refused() -> AbstractContextManager[None]:
    """Refuse the network inside the block to every client without a transport of its own.

    The first call of such a client raises a :class:`NetworkRefusedError`; nothing is sent. A client
    whose connections were opened before goes on.
    """
    return _http.replaced(_http.RefusingTransport(_error))


def _error(request: str) -> NetworkRefusedError:
    return NetworkRefusedError(
        f"a test was about to call a real host ({request}): use FakePortal.client(), "
        "Client(transport=...) or FakePortal.replacing_network(), or mark the test with "
        "datagouv_network"
    )
