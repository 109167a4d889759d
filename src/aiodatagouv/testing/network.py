"""The network, refused."""

from __future__ import annotations

from contextlib import AbstractContextManager

from .. import _http
from .errors import NetworkRefusedError


def network_refused() -> AbstractContextManager[None]:
    """Refuse the network inside the block to every client without a transport of its own.

    A call of such a client raises a :class:`NetworkRefusedError`; nothing is sent, also by a client
    that was opened before.
    """
    return _http.replaced(_http.RefusingTransport(_error))


def _error(request: str) -> NetworkRefusedError:
    return NetworkRefusedError(
        f"a test was about to call a real host ({request}): use FakePortal.client(), "
        "Client(transport=...) or FakePortal.replacing_network(), or, with the pytest plugin, mark "
        "the test with datagouv_network"
    )
