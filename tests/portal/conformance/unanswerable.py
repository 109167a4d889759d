"""Operations that cannot succeed on the test portal, or not all by itself, with the reasons."""

from __future__ import annotations

REQUEST_ONLY = {
    "geopf_auth": "completes a login, which requires an identity provider",
    "get_proconnect_auth_api": "completes a login, which requires an identity provider",
    "get_proconnect_logout_api": "completes a logout, which requires an identity provider",
}

SEARCHES = """\
The searches of API v2 need a search engine, which the test portal has not. Proven without one:

* 17.18.0 is asked by its own client for Elasticsearch, which a stand-in answers. The documents, the
  queries, the facets, the pages, the limit of 10,000 results and the errors are those of udata. By
  the stand-in alone: that totals stop at 10,000, the order of equal results, what a text matches.
* 14.13.0 asks a service of its own, which does not run here. It searches its database instead, as a
  portal without that service does: no facets, exact totals. Of discussions and posts it forgets to
  make pages then, and answers 500: there the test portal makes the pages.
* Results that the index still has and the database has not are tested on a scripted portal only.
"""
"""The proofs of the searches of API v2, in Markdown."""
