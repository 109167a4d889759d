"""Operations that cannot succeed on the test portal, with the reasons."""

from __future__ import annotations

REQUEST_ONLY = {
    "geopf_auth": "completes a login, which requires an identity provider",
    "get_proconnect_auth_api": "completes a login, which requires an identity provider",
    "get_proconnect_logout_api": "completes a logout, which requires an identity provider",
}
