"""Proxies: the one that the caller or the environment names, and the hosts that need none."""

from __future__ import annotations

import base64
import ipaddress
import os
import re
from typing import NoReturn
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, getproxies_environment, proxy_bypass

from .._environment import PROXIES

_PORTS = {"http": 80, "https": 443}

_SOCKS = frozenset({"socks", "socks4", "socks4a", "socks5", "socks5h"})

_NAME = re.compile(r"[\w.-]+")

_NOT_A_PROXY = (
    "not the URL of an http or https proxy, such as http://proxy.example:3128; "
    "a user and password in it must be percent-encoded"
)


class Proxy:
    """A proxy that is printed without its user and password, and not pickled.

    Attributes:
        name: The argument or the environment variable that names it.
        problem: Why it cannot be used; empty if it can.
        is_given: Whether the caller named it, not the environment.
        url: Its URL, without user and password; empty if there is none.
        address: Its host and port.
        authorization: The value of ``Proxy-Authorization``; empty if it has no user.
        password: The password in it.
        exceptions: The environment's list of hosts that need none; None for the system's own list.
    """

    __slots__ = (
        "address",
        "authorization",
        "exceptions",
        "host",
        "is_given",
        "name",
        "password",
        "port",
        "problem",
        "url",
    )

    def __init__(
        self, text: str, name: str, *, is_given: bool, exceptions: str | None = ""
    ) -> None:
        self.name = name
        self.is_given = is_given
        self.exceptions = exceptions
        self.problem = self.url = self.address = self.authorization = self.password = self.host = ""
        self.port = 0
        # No error is raised here: a traceback would show the password among the local variables.
        if text:
            self.problem = self._parse(text if "://" in text else f"http://{text}")

    @classmethod
    def find(cls, given: str | None) -> Proxy:
        """Take the given proxy, or else that of the environment; an empty one means none.

        Errors are left to :meth:`check`, whose frame does not have the password.
        """
        if given is not None:
            # Other types are refused as a text that is not a URL.
            text = given.strip() if isinstance(given, str) else ":"
            return cls(text, "proxy", is_given=True)
        found = getproxies()
        text = found.get("https", "").strip() or found.get("all", "").strip()
        names = [one for one in PROXIES if text and os.environ.get(one, "").strip() == text]
        is_of_environment = bool(getproxies_environment())
        return cls(
            text,
            names[0] if names else "the system's proxy",
            is_given=False,
            exceptions=found.get("no", "") if is_of_environment else None,
        )

    def _parse(self, text: str) -> str:
        """Parse the URL; return the problem that it has."""
        try:
            parts = urlsplit(text)
            host, port = parts.hostname or "", parts.port
            if parts.scheme in _SOCKS:
                return f"a SOCKS proxy ({parts.scheme}) is not supported: name an http proxy"
            if ":" in host:
                ipaddress.IPv6Address(host)
            else:
                host = host.encode("idna").decode()
        except ValueError:
            return _NOT_A_PROXY
        is_name = ":" in host or _NAME.fullmatch(host)
        rest = parts.path.strip("/") + parts.query + parts.fragment
        is_odd = any(char.isspace() or not char.isprintable() for char in text)
        if parts.scheme not in _PORTS or not is_name or rest or is_odd or port == 0:
            return _NOT_A_PROXY
        self.host, self.port = host, port or _PORTS[parts.scheme]
        self.address = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        self.url = f"{parts.scheme}://{self.address}"
        if parts.username or parts.password:
            self.password = unquote(parts.password or "")
            user = f"{unquote(parts.username or '')}:{self.password}"
            self.authorization = f"Basic {base64.b64encode(user.encode()).decode()}"
        return ""

    def __bool__(self) -> bool:
        return bool(self.url or self.problem)

    def __repr__(self) -> str:
        return f"Proxy({self.address})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a proxy cannot be pickled")

    def check(self, scheme: str, *, has_key: bool) -> Proxy | None:
        """Return the proxy for a portal of a scheme, or None if it is called without one.

        Raises:
            ValueError: The proxy cannot be used.
        """
        # The environment's proxy is only used for https, where it cannot read the traffic.
        if not self or not (self.is_given or scheme == "https"):
            return None
        if self.problem:
            raise ValueError(f"{self.name}: {self.problem}")
        if has_key and scheme != "https":
            raise ValueError(f"{self.name}: an API key is only sent through a proxy over https")
        return self

    def serves(self, host: str, port: int) -> bool:
        """Whether requests to a host, in ASCII, go through the proxy."""
        if self.is_given:
            return True
        if self.exceptions is None:
            return not proxy_bypass(host)
        return not is_exempt(host, port, self.exceptions)


def is_exempt(host: str, port: int, exceptions: str) -> bool:
    """Whether a list such as ``NO_PROXY`` names a host: by name, domain, address or network."""
    host = host.strip("[]").rstrip(".").lower()
    return any(
        _is_named(host, port, entry.lower()) for entry in exceptions.replace(",", " ").split()
    )


def _is_named(host: str, port: int, entry: str) -> bool:
    scheme, separator, rest = entry.partition("://")
    if separator:
        if scheme not in ("https", "all"):
            return False
        entry = rest
    if entry == "*":
        return True
    # The port of a name or of an IPv4 address, or of an IPv6 address in brackets.
    if with_port := re.fullmatch(r"([^:]*|\[.*\]):(\d+)", entry):
        entry = with_port[1]
        if int(with_port[2]) != port:
            return False
    entry = entry.replace("[", "").replace("]", "")
    address = _address(host)
    if address is not None:
        try:
            return address in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    try:
        entry = entry.removeprefix("*").strip(".").encode("idna").decode()
    except UnicodeError:
        return False
    return bool(entry) and (host == entry or host.endswith(f".{entry}"))


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
