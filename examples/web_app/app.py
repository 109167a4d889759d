"""A web application with one client for its life, whose users never wait for long.

    pip install aiodatagouv fastapi uvicorn
    uvicorn web_app.app:app --app-dir examples
    curl 'http://127.0.0.1:8000/datasets?q=velo'

The client opens when the application starts and closes when it ends. All users share its
connections, its rate and its backoff: 200 users at once open at most ``CONNECTIONS`` connections. A
user waits at most ``DEADLINE`` seconds, for the turn of the call, its retries and its answer. Then,
or at once if the portal asks for a longer wait, the answer is 503 with Retry-After.

Each process of the server has a client of its own: with ``--workers 4``, divide ``CONNECTIONS`` and
``RATE`` by four. ``--limit-concurrency`` of uvicorn bounds the users that wait. The portal is
data.gouv.fr, or that of the environment variable DATAGOUV_PORTAL. The users see what everybody may
see, so no API key is used.
"""

from __future__ import annotations

import logging
import math
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Query, Request
from fastapi.responses import JSONResponse

from aiodatagouv import (
    APIError,
    Client,
    DataGouvError,
    GoneError,
    NetworkError,
    NotFoundError,
    RateLimitedError,
    RetryPolicy,
    ServerError,
    api,
)

log = logging.getLogger(__name__)

CONNECTIONS = 16
RATE: float | None = 5.0
"""Requests a second: keep answers for some time if there are more users."""
DEADLINE = 10.0
"""The most seconds that a call may take, waiting included."""

POLICY = RetryPolicy(attempts=3, max_wait=5, deadline=DEADLINE)
"""Calls that a user waits for: a longer wait that the portal asks for is an error at once."""


@dataclass
class Producer:
    """The publisher of a dataset."""

    name: str


@dataclass
class Found:
    """A dataset in a list of results."""

    id: str
    title: str
    organization: Producer | None


@dataclass
class File:
    """A file of a dataset."""

    title: str
    url: str
    format: str | None


@dataclass
class Details(Found):
    """A dataset with its files."""

    description: str
    resources: list[File]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    """Keep one client open for the life of the application."""
    async with Client(
        api_key="", rate=RATE, retry=POLICY, timeout=DEADLINE, max_connections=CONNECTIONS
    ) as client:
        app.state.client = client
        yield


app = FastAPI(title="Datasets", lifespan=lifespan)


def client_of(request: Request) -> Client:
    """The client of the application."""
    client: Client = request.app.state.client
    return client


Portal = Annotated[Client, Depends(client_of)]


@app.get("/datasets")
async def search(client: Portal, q: Annotated[str, Query(min_length=2)]) -> list[Found]:
    """The first twenty datasets that a search finds."""
    page = await api.datasets.list_datasets(client, q=q, page_size=20).into(Found)
    return page.data


@app.get("/datasets/{dataset}")
async def show(client: Portal, dataset: str) -> Details:
    """A dataset, by its id or slug."""
    try:
        return await api.datasets.get_dataset(client, dataset, into=Details)
    except DataGouvError:  # Some, as that of a malformed answer, are a ValueError too.
        raise
    except ValueError:  # It would lead to another path.
        raise HTTPException(404, "There is no such dataset.") from None


@app.exception_handler(NotFoundError)
@app.exception_handler(GoneError)
async def not_found(request: Request, error: Exception) -> JSONResponse:
    """Answer 404 for a dataset that the portal does not have."""
    return JSONResponse({"detail": "There is no such dataset."}, 404)


@app.exception_handler(NetworkError)
@app.exception_handler(RateLimitedError)
@app.exception_handler(ServerError)
async def unavailable(request: Request, error: Exception) -> JSONResponse:
    """Answer 503 when the portal does not answer in time, and say when to come back."""
    log.warning("%s", error)
    asked = error.retry_after if isinstance(error, APIError) else None
    wait = math.ceil(DEADLINE if asked is None else asked)
    return JSONResponse(
        {"detail": f"The portal is not available. Try again in {wait} seconds."},
        503,
        headers={"Retry-After": str(wait)},
    )


@app.exception_handler(DataGouvError)
async def failed(request: Request, error: Exception) -> JSONResponse:
    """Answer 502 for any other answer of the portal; the log has its text."""
    log.error("%s", error)
    return JSONResponse({"detail": "The portal has answered with an error."}, 502)
