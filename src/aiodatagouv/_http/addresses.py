"""Addresses of the internet: those that everybody can reach, and those inside of a network."""

from __future__ import annotations

import ipaddress
import re
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
"""The addresses by which NAT64 reaches those of IPv4."""

_RELAYS = ipaddress.IPv4Network("192.88.99.0/24")
"""The former addresses of relays to 6to4, of which Python takes most for ordinary ones."""

_UNICAST = ipaddress.IPv6Network("2000::/3")
"""The only addresses of IPv6 that are handed out for the internet."""

_EXAMPLES = ipaddress.IPv6Network("3fff::/20")
"""Addresses for documentation, which Python 3.11 takes for ordinary ones."""

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
