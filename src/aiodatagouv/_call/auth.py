"""The API key: its source, the requests that it is sent with, and how it stays hidden."""

from __future__ import annotations

import os
from typing import NoReturn

from .. import _http
from .._environment import KEY
from .._http.shield import SecretHeaders
from .._http.spelling import Spellings
from .._http.urls import origin

_HEADER = "X-API-KEY"

_SHORTEST = 8
"""The shortest secret, in characters, that is redacted from responses; keys have dozens."""


class ApiKey:
    """An API key that is neither printed nor pickled."""

    __slots__ = ("_hidden", "_secret")

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._hidden: list[Spellings] = []
        if secret.isascii():  # Else it is refused, and encoding it could fail and show it.
            self.hide(secret)

    @classmethod
    def find(cls, given: str | None) -> ApiKey:
        """Take the given key, or else that of the environment; an empty one means no key."""
        key = os.environ.get(KEY, "") if given is None else given
        return cls(key.strip() if isinstance(key, str) else "\0")  # Which is refused.

    def check(self) -> None:
        """Refuse a key that cannot be sent.

        Raises:
            ValueError: The key is not printable ASCII.
        """
        # Apart from `find`, whose frame has the key; and without quoting it.
        if not (self._secret.isascii() and self._secret.isprintable()):
            problem = "has a character that no key has, such as a line break, or is no text"
            raise ValueError(f"the API key {problem}")

    def __bool__(self) -> bool:
        return bool(self._secret)

    def __repr__(self) -> str:
        return "ApiKey(***)" if self else "ApiKey()"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client, which may have an API key, cannot be pickled or copied")

    def headers(self, url: _http.URL, portal: _http.URL) -> SecretHeaders:
        """The headers for a request to ``url``: the key is only sent to the portal's own origin."""
        is_home = bool(self) and origin(url) == origin(portal)
        return SecretHeaders({_HEADER: self._secret} if is_home else {})

    def hide(self, secret: str) -> None:
        """Redact another secret as well."""
        if len(secret) >= _SHORTEST:
            self._hidden.append(Spellings(secret))

    def redact(self, content: bytes) -> bytes:
        """Redact every spelling of the key: a proxy may echo the request that it received."""
        for spellings in self._hidden:
            content = spellings.redact(content)
        return content
