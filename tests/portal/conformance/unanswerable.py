"""Operations that cannot succeed on a portal in memory, and the reasons."""

from __future__ import annotations

REQUEST_ONLY = {
    "geopf_auth": "is where an identity provider sends a browser with the code of a login",
    "get_proconnect_auth_api": "is where an identity provider sends a browser with such a code",
    "get_proconnect_logout_api": "is where it sends a browser after a logout, with the state of it",
}
