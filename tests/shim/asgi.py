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
    clients: int = 1,
) -> list[Event]:
    """What is sent as the body when a blob is asked for by several clients at once, to the first of them.

    They go on listening, and nobody takes a second part before everybody has the first.
    """
    sent: list[list[Event]] = [[] for _ in range(clients)]

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
        application = Application(Registry(store), workers)

        async def ask_all() -> None:
            everybody = asyncio.Event()

            async def ask(events: list[Event]) -> None:
                async def send(event: Event) -> None:
                    events.append(event)
                    if all(len(others) > 1 for others in sent):
                        everybody.set()
                    if len(events) > 1:
                        await everybody.wait()

                await application(scope, receive, send)

            await asyncio.gather(*map(ask, sent))

        asyncio.run(ask_all())
    return sent[0][1:]
