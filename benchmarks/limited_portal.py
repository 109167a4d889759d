"""A portal of one dataset behind Flask-Limiter: `python limited_portal.py PORT LOG`.

It accepts 500 requests per 10 seconds, and sends `X-RateLimit-*` and `Retry-After` headers. Its log
has a line for each request: the times of the request and of the response (Unix seconds), the
status, and the seconds for which the client must not send further requests.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from flask import Flask, Response, g
from flask_limiter import Limiter
from werkzeug.serving import WSGIRequestHandler, run_simple

app = Flask(__name__)


@app.before_request
def note() -> None:
    """Record the time of the request."""
    g.came = time.time()


# Created after the hook above, so that the hook also runs for rejected requests.
Limiter(lambda: "all", app=app, default_limits=["500 per 10 seconds"], headers_enabled=True)


@app.get("/api/1/datasets/<name>/")
def dataset(name: str) -> dict[str, str]:
    """Return the dataset."""
    return {"id": "1", "slug": name}


class RequestHandler(WSGIRequestHandler):
    """Keeps connections open and logs nothing."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Do nothing: `main` writes the log."""


def main() -> None:
    """Serve until the process is stopped."""
    port, path = int(sys.argv[1]), Path(sys.argv[2])

    def log(response: Response) -> Response:
        now, headers = time.time(), response.headers
        until = (
            float(headers["X-RateLimit-Reset"]) if headers["X-RateLimit-Remaining"] == "0" else 0
        )
        with path.open("a") as file:
            print(g.came, now, response.status_code, max(0, until - now), file=file)
        return response

    # The hook that is registered first runs last, after the limiter has added its headers.
    app.after_request_funcs.setdefault(None, []).insert(0, log)
    run_simple("127.0.0.1", port, app, threaded=True, request_handler=RequestHandler)


if __name__ == "__main__":
    main()
