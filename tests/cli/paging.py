"""A registry that gives tags away two at a time: what stands between is a proxy that asks for pages of that size."""

from __future__ import annotations

import http.client
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.serving import Reply, serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PAGE = 2


@contextmanager
def paged(registry: str) -> Iterator[tuple[str, list[str]]]:
    """Its address, and the paths that are asked for as they come."""
    asked: list[str] = []

    def reply_to(path: str, headers: Mapping[str, str]) -> Reply:
        asked.append(path)
        connection = http.client.HTTPConnection(registry)
        page = f"{path}?n={PAGE}" if path.endswith("/tags/list") else path
        connection.request("GET", page, headers={"Accept": headers.get("Accept", "*/*")})
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        kept = ("Content-Type", "Docker-Content-Digest", "Link")
        return Reply(answer.status, data, {name: v for name in kept if (v := answer.headers.get(name))})

    with serving(reply_to) as address:
        yield address, asked
