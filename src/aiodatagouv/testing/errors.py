"""The errors of tests: not ``DataGouvError``s, so that no code under test catches them as one."""

from __future__ import annotations


class UnansweredError(RuntimeError):
    """The portal in memory cannot answer as a real one would; the message says what to do."""


class NetworkRefusedError(RuntimeError):
    """A client without a transport was about to call a real host."""
