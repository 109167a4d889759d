"""Addresses of the internet: those that everybody can reach, and those inside of a network."""

from __future__ import annotations

import ipaddress
import re
from typing import TypeAlias

from httpx import URL

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
"""The addresses by which NAT64 reaches those of IPv4."""

_RELAYS = ipaddress.IPv4Network("192.88.99.0/24")
"""The former addresses of relays to 6to4, of which Python takes most for ordinary ones."""

_UNICAST = ipaddress.IPv6Network("2000::/3")
"""The only addresses of IPv6 that are handed out for the internet."""

_EXAMPLES = ipaddress.IPv6Network("3fff::/20")
"""Addresses for documentation, which Python 3.11 takes for ordinary ones."""

_LONGEST_NAME, _LONGEST_LABEL = 253, 63
"""The most characters of a host's name, and of each part between its dots."""

_NUMBER = re.compile(r"\d+|0[xX][0-9a-fA-F]*", re.ASCII)


def literal_of(host: str) -> Address | None:
    """The address that a host is, None if it is a name.

    Raises:
        ValueError: It is an address, but not in its usual spelling: systems read ``0x7f.1``,
            ``017700000001`` and ``2130706433`` as 127.0.0.1.
    """
    host = host.strip("[]")
    if ":" in host:
        return ipaddress.IPv6Address(host)
    if not _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        return None
    return ipaddress.IPv4Address(host)


def impossible(url: URL) -> str | None:
    """Find an impossible port, name or number in an address; None if a host may have it."""
    host = url.raw_host.decode("ascii")
    if url.port is not None and not 0 < url.port < 1 << 16:
        return "has an impossible port"
    if not _is_possible(host):
        return "has an impossible host name"
    try:
        literal_of(host)
    except ValueError:
        return "has an IP address in an unusual spelling, or an invalid one"
    return None


def _is_possible(host: str) -> bool:
    """Whether the lengths of a name and of its parts are those of names that can be resolved."""
    name = host.removesuffix(".")
    return ":" in name or (
        len(name) <= _LONGEST_NAME
        and all(0 < len(label) <= _LONGEST_LABEL for label in name.split("."))
    )


def is_public(address: Address) -> bool:
    """Whether an address is one of the internet, and of a single machine there."""
    if isinstance(address, ipaddress.IPv4Address):
        is_special = address.is_multicast or address.is_reserved or address in _RELAYS
        return address.is_global and not is_special
    if address.scope_id is not None:
        return False
    inside = address.ipv4_mapped or address.sixtofour
    if address in _TRANSLATED:
        inside = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if inside is not None:
        return is_public(inside)
    return address.is_global and address in _UNICAST and address not in _EXAMPLES


def is_local_name(host: str) -> bool:
    """Whether a name stands for this machine wherever it is resolved."""
    name = host.rstrip(".").lower()
    return name == "localhost" or name.endswith(".localhost")
