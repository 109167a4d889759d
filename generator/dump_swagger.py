"""Write the Swagger that the udata package serves, of the version of its API given, to stdout.

Runs in a separate virtual environment, in which udata is installed.
"""

import contextlib
import sys
import tempfile
from typing import ClassVar

import mongomock
from udata.app import create_app, standalone
from udata.settings import Defaults


class Settings(Defaults):
    """The minimal settings with which the application starts, without other services."""

    SECRET_KEY = API_TOKEN_SECRET = SECURITY_PASSWORD_SALT = "not used"
    SEND_MAIL = False
    CACHE_TYPE = "flask_caching.backends.NullCache"
    CELERY_TASK_ALWAYS_EAGER = True
    SERVER_NAME = "www.data.gouv.fr"
    MONGODB_SETTINGS: ClassVar = {
        "host": "mongodb://localhost:27017/udata",
        "mongo_client_class": mongomock.MongoClient,
        "uuidRepresentation": "standard",
    }


def main(version: str) -> None:
    """Request the Swagger with the host name of data.gouv.fr and print it."""
    path = f"/api/{version}/swagger.json"
    with tempfile.TemporaryDirectory() as scratch, contextlib.redirect_stdout(sys.stderr):
        Settings.FS_ROOT = scratch
        app = standalone(create_app("udata.settings.Defaults", override=Settings))
        answer = app.test_client().get(path, base_url="https://www.data.gouv.fr")
    if answer.status_code != 200:
        raise SystemExit(f"{path} returned {answer.status}: {answer.text[:500]}")
    sys.stdout.buffer.write(answer.data)


if __name__ == "__main__":
    main(sys.argv[1])
