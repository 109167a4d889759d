"""The udata application, its settings and its HTTP server."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import mongomock
from catalog import schemas
from database import complete_mongomock
from elastic import add_search
from flask import Flask, Response, request
from harvester import LocalBackend
from release import find
from udata import settings
from udata.app import create_app, csrf, standalone
from udata.core.dataset.models import ResourceSchema
from udata.core.reuse.models import Reuse
from udata.harvest import backends
from udata.search import adapter_catalog
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler
from werkzeug.serving import make_server as make_wsgi_server

geopf = find("oauth", "udata.geopf.auth")
proconnect = find("oauth", "udata.auth.proconnect")
GeopfClient = find("GeopfClient", "udata.geopf.client")

DATASTORES = [
    {"datastore_id": "entrepot-1", "name": "Entrepôt d'essai", "rights": ["UPLOAD", "BROADCAST"]},
    {"datastore_id": "entrepot-2", "name": None, "rights": []},
]


class Settings(settings.Defaults):
    SECRET_KEY = "portal"
    API_TOKEN_SECRET = "portal"
    SECURITY_PASSWORD_SALT = "portal"
    SESSION_COOKIE_SECURE = False
    SERVER_NAME = None
    DEFAULT_LANGUAGE = "fr"
    SITE_TITLE = "Portail d'essai"
    SITE_KEYWORDS = ["opendata", "essai"]

    MONGODB_SETTINGS = {
        "host": "mongodb://localhost:27017/udata",
        "mongo_client_class": mongomock.MongoClient,
        "uuidRepresentation": "standard",
    }
    CACHE_TYPE = "flask_caching.backends.NullCache"
    CACHE_NO_NULL_WARNING = True
    CELERY_TASK_ALWAYS_EAGER = True
    CELERY_RESULT_BACKEND = "cache+memory://"

    # No mail and no DNS lookups.
    SEND_MAIL = False
    URLS_RESOLVE_HOSTNAME = False
    URLS_ALLOW_LOCAL = True
    SECURITY_EMAIL_VALIDATOR_ARGS = {"check_deliverability": False}

    CDATA_BASE_URL = "https://portal.example.org/"
    HARVESTER_BACKENDS = ["local", "dcat"]
    HARVEST_ENABLE_MANUAL_RUN = True

    # DataCite and the resource analyser are simulated by `answer_as_neighbour`.
    DOI_PREFIX = "10.12345"
    DOI_REPO_USER = "portal"
    DOI_REPO_PASSWORD = "portal"
    PUBLISH_ON_RESOURCE_EVENTS = True

    # The identity providers do not exist; `know_provider` supplies their metadata.
    PROCONNECT_OPENID_CONF_URL = "https://proconnect.example.org/.well-known/openid-configuration"
    PROCONNECT_CLIENT_ID = "portal"
    PROCONNECT_CLIENT_SECRET = "portal"
    PROCONNECT_SCOPE = "openid"
    GEOPF_OAUTH_CLIENT_ID = "portal"
    GEOPF_OAUTH_CLIENT_SECRET = "portal"
    # An arbitrary Fernet key for a test token.
    GEOPF_TOKEN_ENCRYPTION_KEY = "cG9ydGFscG9ydGFscG9ydGFscG9ydGFscG9ydGFsMTI="


def make_app(folder: str, search_window: int | None = None) -> Flask:
    class WithFolder(Settings):
        FS_ROOT = folder

    complete_mongomock()
    # Replacements for data that udata would fetch from the network or load from plugins.
    Reuse.__badges__["essai"] = "Essai"
    ResourceSchema.all = staticmethod(schemas)
    GeopfClient.list_datastores = lambda _client: DATASTORES
    add_backend()

    app = standalone(create_app("udata.settings.Defaults", override=WithFolder))
    complete_search()
    for client, issuer in [
        (proconnect.proconnect, "https://proconnect.example.org"),
        (geopf.geopf, "https://geopf.example.org"),
    ]:
        know_provider(client, issuer)
    add_search(app, search_window)
    app.after_request(say_route)
    methods = ["DELETE", "GET", "POST", "PUT"]
    neighbour = csrf.exempt(answer_as_neighbour)
    app.add_url_rule("/neighbour/<path:path>", view_func=neighbour, methods=methods)
    return app


def add_backend() -> None:
    """Add `LocalBackend` to the harvest backends that are installed."""
    name = "get_all_backends" if hasattr(backends, "get_all_backends") else "get_all"
    installed = getattr(backends, name)
    setattr(backends, name, lambda *app: {**installed(*app), LocalBackend.name: LocalBackend})


def complete_search() -> None:
    """Let every search without Elasticsearch return pages; 14.13.0 forgets it for some models."""
    for adapter in adapter_catalog.values():
        adapter.mongo_search = in_pages(adapter.mongo_search)


def in_pages(search: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    def search_page(args: dict[str, Any]) -> Any:
        found = search(args)
        if hasattr(found, "total"):
            return found
        return found.paginate(args["page"], args["page_size"])

    return search_page


def know_neighbours(app: Flask, root: str) -> None:
    """Set the URLs of the services that udata calls to routes of this portal."""
    app.config["DOI_PLATFORM_URI"] = f"{root}/neighbour/datacite"
    app.config["RESOURCES_ANALYSER_URI"] = f"{root}/neighbour/analyser"
    app.config["GEOPF_API_BASE"] = f"{root}/neighbour/geopf"
    app.config["CAPTCHETAT_BASE_URL"] = f"{root}/neighbour/captchetat"
    app.config["CAPTCHETAT_OAUTH_BASE_URL"] = f"{root}/neighbour/captchetat"


def answer_as_neighbour(path: str) -> dict[str, Any]:
    """Return the response of an external service that succeeds."""
    return {"timeout": False, "error": None, "access_token": "token"}


def say_route(response: Response) -> Response:
    """Add the matched route to the response, so that tests can check it."""
    if request.url_rule is not None:
        response.headers["X-Portal-Route"] = request.url_rule.rule
    return response


def know_provider(client: Any, issuer: str) -> None:
    """Set the metadata that an OpenID client would fetch from its provider."""
    client.server_metadata.update(
        issuer=issuer,
        authorization_endpoint=f"{issuer}/authorize",
        token_endpoint=f"{issuer}/token",
        end_session_endpoint=f"{issuer}/logout",
        _loaded_at=time.time(),
    )


class RequestHandler(WSGIRequestHandler):
    # Streams (CSV) are sent in chunks, as by a production server.
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Do nothing: a line for each request would hide the tracebacks."""


def make_server(app: Flask, host: str, port: int) -> BaseWSGIServer:
    return make_wsgi_server(host, port, app, threaded=True, request_handler=RequestHandler)
