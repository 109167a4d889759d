"""Web addresses in answers that anybody may have written, checked without calling them."""

from __future__ import annotations

import ipaddress
import socket
from typing import TypeAlias
from urllib.parse import urlsplit

_IP: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


def problem_of(address: str) -> str | None:
    """Why a text is not the address of something on the web, None if it is.

    Names are not resolved: one may still lead to a private address.
    """
    if not address.isprintable() or " " in address or "\\" in address:
        return "has characters that no address has"
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
        host = (host or "").encode("idna").decode() if ":" not in (host or "") else host
    except ValueError:
        return "is not an address"
    if parts.scheme not in ("http", "https"):
        return "is not http or https"
    if not host or "%" in host or port == 0:
        return "has no host"
    return "has a user name or password" if "@" in parts.netloc else None


def is_private(address: str) -> bool:
    """Whether the host of an address is this machine, or one that only some networks reach.

    Only hosts that are written as an IP address, in any notation, and ``localhost`` are known.
    """
    host = urlsplit(address).hostname or ""
    host = host if ":" in host else host.encode("idna").decode()
    host = host.rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    ip = _ip_of(host)
    return ip is not None and not _is_public(ip)


def _ip_of(host: str) -> _IP | None:
    """The IP address that a host is written as: also ``127.1``, ``0x7f000001`` and such."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def _is_public(ip: _IP) -> bool:
    if isinstance(ip, ipaddress.IPv6Address):
        inside = ip.ipv4_mapped or ip.sixtofour
        if inside is not None:
            return _is_public(inside)
    return ip.is_global and not ip.is_multicast
