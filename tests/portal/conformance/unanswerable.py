"""Operations that cannot answer in memory, and why."""

from __future__ import annotations

REQUEST_ONLY = {
    "geopf_auth": "comes back from an identity provider with its code",
    "get_proconnect_auth_api": "comes back from an identity provider with its code",
    "get_proconnect_logout_api": "needs a session at an identity provider",
}
