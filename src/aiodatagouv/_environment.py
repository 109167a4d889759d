"""The environment variables that the library reads."""

from __future__ import annotations

KEY = "DATAGOUV_API_KEY"
"""The API key."""

PORTAL = "DATAGOUV_PORTAL"
"""The portal to call: a URL, ``production`` or ``demo``."""
