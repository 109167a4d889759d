"""Requests that a real portal refuses."""

from __future__ import annotations

from ..types import JsonObject


class RefusedError(Exception):
    """A request that the server refuses.

    Attributes:
        status: The status of its answer.
        body: The body of its answer.
    """

    def __init__(self, status: int, body: JsonObject) -> None:
        super().__init__(body)
        self.status = status
        self.body = body


def invalid(message: str, errors: JsonObject) -> RefusedError:
    """The error for parameters or fields that are not valid, with a problem for each."""
    return RefusedError(400, {"errors": errors, "message": message})
