"""The application without a server: a request, and the events that answer it."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from registry_shim.application import Application
from registry_shim.protocol.registry import Registry
from registry_shim.store.store import Store
from tests.shim.conftest import new_id
from tests.shim.wire import InProcessClient, push_blob

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from registry_shim.application import Event, Scope


def events_for_blob(
    root: Path,
    data: bytes,
    headers: Mapping[str, str] | None = None,
    extensions: dict[str, dict[str, object]] | None = None,
) -> list[Event]:
    """What is sent as the body when a blob is asked for, by a client that goes on listening."""
    sent: list[Event] = []

    async def send(event: Event) -> None:
        sent.append(event)

    async def receive() -> Event:
        await asyncio.Event().wait()
        raise AssertionError

    with Store(root, new_id) as store, ThreadPoolExecutor(1) as workers:
        digest = push_blob(InProcessClient(store, str(root)), "x", data).digest
        scope: Scope = {
            "type": "http",
            "method": "GET",
            "raw_path": f"/v2/x/blobs/{digest}".encode(),
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in (headers or {}).items()],
            "extensions": extensions,
        }
        asyncio.run(Application(Registry(store), workers)(scope, receive, send))
    return sent[1:]
