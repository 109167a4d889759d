"""The addresses that a file is fetched from: each is checked before a request is sent there."""

from __future__ import annotations

from ... import _http
from ..._http.addresses import impossible, is_local_name, is_public, literal_of
from ..._http.urls import origin
from ...errors import AddressError

MAX_REDIRECTS = 10
"""The redirects that are followed for one file."""

_PRIVATE = "is not an address of the internet: allow_private=True fetches it nevertheless"


def first_hop(address: str, *, allow_private: bool, portal: _http.URL) -> _http.URL:
    """Check the address of a file.

    Raises:
        AddressError: It is refused.
    """
    try:
        url = _http.parse_url(address)
    except ValueError:
        raise AddressError(_shown(address), "is not an http or https address") from None
    # The portal was named by the user: it may be on this network, or on this machine.
    _check(url, allow_private=allow_private or origin(url) == origin(portal))
    return url.copy_with(fragment=None)


def next_hop(
    url: _http.URL,
    location: str,
    *,
    hops: int,
    is_home: bool,
    allow_private: bool,
    portal: _http.URL,
) -> _http.URL:
    """Check the address that a redirect leads to.

    Args:
        url: The address that answered.
        location: The ``Location`` of the answer.
        hops: The redirects that were followed so far.
        is_home: Whether all addresses so far are the portal's.
        allow_private: Whether it may be one that is not of the internet.
        portal: The portal.

    Raises:
        AddressError: It is refused, or there were too many redirects.
    """
    try:
        target = _http.join(url, location)
        target = _http.parse_url(str(target))
    except ValueError:
        raise AddressError(
            _shown(location), _redirected("is not an http or https address", url)
        ) from None
    if hops >= MAX_REDIRECTS:
        raise AddressError(
            shown(target), _redirected(f"is reached by more than {MAX_REDIRECTS} redirects", url)
        )
    # The portal redirects to any address that a publisher has entered.
    if (url.scheme, target.scheme) == ("https", "http") and origin(url) != origin(portal):
        raise AddressError(
            shown(target), _redirected("is http: others could read and change the file", url)
        )
    allow_private = allow_private or (is_home and origin(target) == origin(portal))
    _check(target, allow_private=allow_private, source=url)
    return target.copy_with(fragment=None)


def private(url: _http.URL, problem: str, source: _http.URL | None) -> AddressError:
    """The error for a host that has an address which is not of the internet."""
    return AddressError(
        shown(url), _redirected(f"has the address {problem}, which {_PRIVATE}", source)
    )


def shown(url: _http.URL) -> str:
    """An address as errors and logs show it: without its query, which may be a signature."""
    return str(url.copy_with(query=None, fragment=None, userinfo=b""))


def shown_text(address: str) -> str:
    """An address that was not checked yet, as errors and logs show it."""
    try:
        return shown(_http.parse_url(address))
    except ValueError:
        return _shown(address)


def _check(url: _http.URL, *, allow_private: bool, source: _http.URL | None = None) -> None:
    if url.userinfo:
        raise AddressError(shown(url), _redirected("has a user name or a password", source))
    if problem := impossible(url):
        raise AddressError(shown(url), _redirected(problem, source))
    host = url.raw_host.decode("ascii")
    literal = literal_of(host)
    is_private = is_local_name(host) if literal is None else not is_public(literal)
    if is_private and not allow_private:
        raise AddressError(shown(url), _redirected(_PRIVATE, source))


def _redirected(problem: str, source: _http.URL | None) -> str:
    return problem if source is None else f"{problem} (redirected from {shown(source)})"


def _shown(text: str) -> str:
    """A text that is not an address, without what may be a signature or a password."""
    shown = text.partition("?")[0].rpartition("@")[2]
    return shown.encode(errors="backslashreplace").decode()  # JSON may have half a character.
