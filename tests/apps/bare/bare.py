"""The least that an application can be: it says yes, for tests that ask a great many times."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment


def application(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer any request with 204."""
    start_response("204 No Content", [])
    return []
