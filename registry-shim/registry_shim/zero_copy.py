"""Bodies that the system sends from a file by itself (sendfile(2)), without that they pass through this process.

It is the extension "Zero Copy Send" of ASGI (asgi.readthedocs.io, "Extensions"), which uvicorn does not offer.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any, Protocol, TypedDict

import h11

from registry_shim.limits import SEND_SIZE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from uvicorn.protocols.http.h11_impl import H11Protocol

    from registry_shim.limits import TransferLimits

    Send = Callable[[Any], Awaitable[None]]
    ASGIApplication = Callable[[Any, Any, Any], Awaitable[None]]

ZERO_COPY = "http.response.zerocopysend"


class OpenFile(Protocol):
    """What is open as a file."""

    def fileno(self) -> int:
        """The number that the system knows it by."""


class SendFromFile(TypedDict):
    """The event: a part of a file is the next part of the body."""

    type: str  # ZERO_COPY
    file: OpenFile
    offset: int  # bytes from the start of the file
    count: int  # bytes
    more_body: bool


def offering_zero_copy(
    application: ASGIApplication, connection: H11Protocol, limits: TransferLimits
) -> ASGIApplication:
    """`application`, which may use the extension on `connection`, one that is not encrypted."""

    async def serve(scope: Any, receive: Any, send: Send) -> None:
        async def send_either(event: Any) -> None:
            if event["type"] != ZERO_COPY:
                await send(event)
                return
            await _send_from_file(connection, event, limits.patience(event["count"]))
            # Of a body that the client left, h11 would not believe that it ends here.
            if not event["more_body"] and not connection.transport.is_closing():
                await send({"type": "http.response.body", "body": b""})

        scope["extensions"] = {**(scope.get("extensions") or {}), ZERO_COPY: {}}
        await application(scope, receive, send_either)

    return serve


async def _send_from_file(connection: H11Protocol, event: SendFromFile, seconds: float) -> None:
    """Nothing where the client is gone; one that takes longer than `seconds` is sent away. Raises: EOFError."""
    transport, loop, count = connection.transport, connection.loop, event["count"]
    if transport.is_closing():
        return
    body: Any = _Unread(count)  # h11 wants no more of it than its length
    file: Any = event["file"]  # nor asyncio of this than its number
    connection.conn.send_with_data_passthrough(h11.Data(data=body))
    try:
        async with asyncio.timeout(seconds):
            sent = await loop.sendfile(transport, file, event["offset"], count, fallback=False)
    except asyncio.SendfileNotAvailableError:
        # The client is gone, or files of this file system cannot be sent; nothing of it was.
        sent = await _send_copies(connection, event)
    except (ConnectionError, TimeoutError):
        transport.abort()
        return
    if sent != count and not transport.is_closing():
        # The head of the response is on its way; breaking off is the only way left to say so.
        raise EOFError("a file became shorter while it was being sent")


async def _send_copies(connection: H11Protocol, event: SendFromFile) -> int:
    """How many bytes could be read; they pass through this process."""
    sent = 0
    while sent < event["count"] and not connection.transport.is_closing():
        length = min(SEND_SIZE, event["count"] - sent)
        piece = os.pread(event["file"].fileno(), length, event["offset"] + sent)
        if not piece:
            break
        connection.transport.write(piece)
        sent += len(piece)
        await connection.flow.drain()
    return sent


class _Unread:
    """Stands for so many bytes of a body, which h11 only counts."""

    def __init__(self, length: int) -> None:
        self._length = length

    def __len__(self) -> int:
        return self._length
