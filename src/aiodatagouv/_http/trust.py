"""Trust: the certificate authorities that the caller or the environment names."""

from __future__ import annotations

import functools
import os
import ssl
from pathlib import Path
from typing import TypeAlias

import httpx

from .._environment import AUTHORITIES

Verify: TypeAlias = bool | str | os.PathLike[str] | ssl.SSLContext
"""Whether certificates are checked, and against which authorities."""


@functools.cache
def default_context() -> ssl.SSLContext:
    """Make the TLS context that trusts the default authorities, once: reading them takes 22 ms."""
    return httpx.create_ssl_context(trust_env=False)


def context_of(verify: Verify) -> ssl.SSLContext | None:
    """Make the TLS context; None if the default authorities are trusted.

    Raises:
        ValueError: A file or directory of certificates is missing or has none.
    """
    if isinstance(verify, ssl.SSLContext):
        if verify.protocol == ssl.PROTOCOL_TLS_SERVER:
            raise ValueError("verify is the SSLContext of a server: it must be that of a client")
        return verify
    if verify is False:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    if verify is True:
        for name in AUTHORITIES:
            if path := os.environ.get(name, "").strip():
                return _trusting(name, path)
        return None
    if not isinstance(verify, str | os.PathLike) or not os.fspath(verify):
        raise ValueError(f"verify is {verify!r}: it must be a bool, a path or an SSLContext")
    return _trusting("verify", os.fspath(verify))


def _trusting(name: str, path: str) -> ssl.SSLContext:
    # As OpenSSL reads SSL_CERT_DIR, it may list several directories.
    if any(Path(one).is_dir() for one in path.split(os.pathsep)):
        return ssl.create_default_context(capath=path)
    try:
        return ssl.create_default_context(cafile=path)
    except (OSError, ValueError) as error:  # OSError includes SSLError.
        reason = getattr(error, "strerror", None) or str(error)
        if isinstance(error, ssl.SSLError):
            reason = "no certificates in it"
        raise ValueError(f"{name} is {path!r}, which cannot be used: {reason}") from None
