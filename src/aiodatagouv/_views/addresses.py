"""Web addresses in answers that anybody may have written, checked without calling them."""

from __future__ import annotations

from urllib.parse import urlsplit


def problem_of(address: str) -> str | None:
    """Why a text is no address on the web, as the rest of a sentence that begins with it.

    Names are not resolved: one may still lead to a private address.
    """
    if not address.isprintable() or " " in address or "\\" in address:
        return "has characters that no address has"
    try:
        parts = urlsplit(address)
        host, port = _host_of(address), parts.port
    except ValueError:
        return "is not an address"
    if parts.scheme not in ("http", "https"):
        return "is not http or https"
    if not host or "%" in host or port == 0:
        return "has no host"
    return "has a user name or a password" if "@" in parts.netloc else None


def is_private(address: str) -> bool:
    """Whether the host of an address is this machine, or an IP address that is not of the internet.

    Of names, only ``localhost`` is known.
    """
    from .._http.addresses import is_local_name, is_public, literal_of  # It loads an HTTP library.

    host = _host_of(address)
    try:
        literal = literal_of(host)
    except ValueError:  # It is written as 127.1 or 0x7f000001, which systems read.
        return True
    return is_local_name(host) if literal is None else not is_public(literal)


def _host_of(address: str) -> str:
    """The host of an address, as it is resolved.

    Raises:
        ValueError: It has none that could be.
    """
    host = urlsplit(address).hostname or ""
    return host if ":" in host else host.encode("idna").decode()
