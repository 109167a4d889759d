"""Tools for the tests of programs that use this client: a portal in memory, and no network.

>>> portal = FakePortal()
>>> portal.add(models.Dataset, title="Vélos")
>>> async with portal.client() as client:
...     dataset = await api.datasets.get_dataset(client, "velos")

For pytest, ``pytest_plugins = ["aiodatagouv.testing.plugin"]`` in ``conftest.py`` adds the fixture
``fake_portal`` and refuses the network.
"""

from __future__ import annotations

from ._recorded import RecordedRequest as RecordedRequest
from .errors import NetworkRefusedError as NetworkRefusedError
from .errors import UnansweredError as UnansweredError
from .network import network_refused as network_refused
from .portal import FakePortal as FakePortal

__all__ = [
    "FakePortal",
    "NetworkRefusedError",
    "RecordedRequest",
    "UnansweredError",
    "network_refused",
]
