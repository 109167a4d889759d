"""The environment variables that the library reads."""

from __future__ import annotations

KEY = "DATAGOUV_API_KEY"
"""The API key."""

PORTAL = "DATAGOUV_PORTAL"
"""The portal to call: a URL, ``production`` or ``demo``."""

AUTHORITIES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""The certificate authorities to trust, a file or a directory; the first that is set counts."""

PROXIES = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
"""The proxy for https; the first that is set counts. ``NO_PROXY`` lists the hosts without one."""
