"""A list as everybody sees it: read without the key, although there is one.

What a key shows besides depends on the list and on its owner: private objects, deleted and archived
ones. An archived reuse is public, an archived dataset is not; the datasets of an organization are
public although they are deleted. No field of an item says all of that, but the portal does.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from .._call.auth import ApiKey
from ..errors import AuthenticationError
from .report import C


def without_key(client: C) -> C:
    """Derive a client that sends no key."""
    anonymous = client._derived()
    anonymous._key = ApiKey("")
    return anonymous


@contextmanager
def explained(*, only_public: bool) -> Generator[None]:
    """Say in the error of a list that needs a key that it was read without one, if it was.

    Raises:
        AuthenticationError: The list needs a key.
    """
    try:
        yield
    except AuthenticationError as error:
        if only_public:
            reason = "only_public reads the list without the key, and it, or a filter, needs one"
            error.message = f"{error.message} ({reason})"
        raise
