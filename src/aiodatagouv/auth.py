"""The API key: where it comes from, where it may go, and how it never shows."""

from __future__ import annotations

import ipaddress
import os
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from ._http import URL

ENVIRONMENT_VARIABLE = "DATAGOUV_API_KEY"
HEADER = "X-API-KEY"

_SHORTEST = 8
"""Characters of the shortest key that is looked for in answers; portals' own have dozens."""


class Secrets(dict[str, str]):
    """Headers that do not print: tracebacks may show the local variables of each frame."""

    def __repr__(self) -> str:
        return f"<{len(self)} secret headers>"


class ApiKey:
    """A key that neither prints nor pickles."""

    __slots__ = ("_secret",)

    def __init__(self, secret: str) -> None:
        self._secret = secret

    @classmethod
    def find(cls, given: str | None) -> ApiKey:
        """The key that was given, or else the environment's; an empty one means none."""
        return cls((os.environ.get(ENVIRONMENT_VARIABLE, "") if given is None else given).strip())

    def check(self) -> None:
        """Refuse a key that cannot be sent.

        Raises:
            ValueError: It cannot.
        """
        if not (self._secret.isascii() and self._secret.isprintable()):
            # Without a quotation, which would show it.
            raise ValueError("the API key has a character that no key has, such as a line break")

    def __bool__(self) -> bool:
        return bool(self._secret)

    def __repr__(self) -> str:
        return "ApiKey(***)" if self else "ApiKey()"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an API key cannot be pickled")

    def headers(self, url: URL, portal: URL) -> Secrets:
        """The headers for a request to ``url``: the key goes to the portal's own origin only."""
        return Secrets({HEADER: self._secret} if self and origin(url) == origin(portal) else {})

    def struck_out(self, content: bytes) -> bytes:
        """What somebody answered, without the key: a proxy may show what it was sent."""
        is_a_word = len(self._secret) < _SHORTEST
        return content if is_a_word else content.replace(self._secret.encode(), b"***")


def origin(url: URL) -> tuple[str, str, int | None]:
    """Scheme, host and port."""
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme)


def shown(url: URL, portal: URL) -> str:
    """An address as errors show it: what signs a request to another host is not for them."""
    return str(url if origin(url) == origin(portal) else url.copy_with(query=None, userinfo=b""))


def is_private(url: URL) -> bool:
    """Whether nobody on the way can read what is sent: https, or this very machine."""
    if url.scheme == "https" or url.host == "localhost":
        return True
    try:
        return ipaddress.ip_address(url.host).is_loopback
    except ValueError:
        return False
