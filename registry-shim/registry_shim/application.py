"""The application: the protocol as ASGI 3 has it.

The event loop carries bytes and never waits for a disk: whatever hashes, syncs or reads more than a little
runs in a few worker threads. Of a body that comes, one piece of `CHUNK_SIZE` is at work while the next one is
received.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, TypedDict, TypeVar

from registry_shim.limits import (
    CHUNK_SIZE,
    DEFAULT_TRANSFERS,
    FILE_SEND_SIZE,
    IMMEDIATE_READ_SIZE,
    SEND_SIZE,
    SHARED_SEND_SIZE,
)
from registry_shim.protocol.messages import BlobSlice, ErrorCode, Refusal, Request, Response
from registry_shim.protocol.registry import refuse
from registry_shim.zero_copy import ZERO_COPY
from wpkg.errors import WpkgError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from concurrent.futures import Executor

    from registry_shim.limits import TransferLimits
    from registry_shim.protocol.intake import Intake
    from registry_shim.protocol.service import Service
    from registry_shim.zero_copy import OpenFile

logger = logging.getLogger("registry_shim")

T = TypeVar("T")

# The beginning of a target in absolute form, which a server must take from anybody (RFC 9112 section 3.2.2).
_ABSOLUTE = re.compile(r"https?://[^/]*", re.IGNORECASE)
_BODILESS = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


class Scope(TypedDict, total=False):
    """What ASGI says of an HTTP request, as far as it is used here."""

    type: str
    method: str
    raw_path: bytes
    query_string: bytes
    headers: list[tuple[bytes, bytes]]
    extensions: dict[str, dict[str, object]] | None


class Event(TypedDict, total=False):
    """A message of ASGI, in either direction."""

    type: str
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes | bytearray
    more_body: bool
    file: OpenFile  # see zero_copy
    offset: int
    count: int


if TYPE_CHECKING:
    Receive = Callable[[], Awaitable[Event]]
    Send = Callable[[Event], Awaitable[None]]


class ClientGone(Exception):
    """The client closed the connection before it had sent or received everything."""


class Application:
    """The ASGI application. `workers` run what may block; whoever makes the application ends them."""

    def __init__(self, registry: Service, workers: Executor, limits: TransferLimits = DEFAULT_TRANSFERS) -> None:
        self._registry = registry
        self._workers = workers
        self._limits = limits
        self._streams = 0  # long bodies that are being sent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise RuntimeError(f"a registry speaks HTTP, not {scope['type']}")
        what = f"{scope['method']} {scope['raw_path'].decode('latin-1')}"
        try:
            response = await self._answer(_read_request(scope), receive)
        except ClientGone:
            return
        except asyncio.CancelledError:
            response = _refuse_to_go_on()
        except WpkgError as error:
            response = refuse(error)
            if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                logger.log(logging.ERROR, "%s: %s", what, error)
        except Exception as error:
            # The last resort: told in full to the log, and in one line to the client.
            logger.exception(what)
            response = _describe_failure(error)
        try:
            await self._send(response, receive, send, from_file=ZERO_COPY in (scope.get("extensions") or {}))
        except WpkgError as error:
            logger.log(logging.WARNING, "%s: broken off: %s", what, error)
            raise
        except Exception:
            logger.exception(what)
            raise  # the connection is closed, which is all that can be said once a response has begun

    async def _answer(self, request: Request, receive: Receive) -> Response:
        if self._registry.is_immediate(request):
            step = self._registry.begin(request)
        else:
            step = await self._work(self._registry.begin, request)
        if isinstance(step, Response):
            return step
        try:
            last = await self._take_body(step, receive)
        except BaseException:
            await self._work(step.close)
            raise
        return await self._work(_complete, step, last)

    async def _take_body(self, intake: Intake, receive: Receive) -> bytes:
        """The last piece of the body, when `intake` has taken what came before.

        One piece is at work while the next one arrives. Raises: ClientGone, WpkgError.
        """
        at_work: asyncio.Task[None] | None = None
        body = _Body(receive, self._limits)
        try:
            while True:
                piece, is_last = await body.next_piece()
                if at_work is not None:
                    await at_work
                if is_last:
                    return piece
                at_work = asyncio.create_task(self._work(intake.take, piece))
        finally:
            if at_work is not None:
                await _settle(at_work)

    async def _send(self, response: Response, receive: Receive, send: Send, *, from_file: bool) -> None:
        body = response.body
        try:
            await send(
                {"type": "http.response.start", "status": response.status, "headers": _encode_headers(response)}
            )
            if isinstance(body, bytes):
                await _send_bytes(body, send)
            elif (piece := _read_at_once(body)) is not None:
                await send({"type": "http.response.body", "body": piece})
            else:
                await self._stream(body, receive, send, from_file=from_file)
        finally:
            if isinstance(body, BlobSlice):
                body.blob.close()

    async def _stream(self, body: BlobSlice, receive: Receive, send: Send, *, from_file: bool) -> None:
        """Send a long body until it ends or the client is gone; where that can be, straight `from_file`.

        What is in the system's memory is sent, or read, here: that is faster than to have a worker do it.
        """
        gone = asyncio.create_task(_wait_until_gone(receive))
        self._streams += 1
        position = 0
        try:
            while position < body.length:
                event = await self._next_event(body, position, from_file=from_file)
                if gone.done():
                    return
                position += event["count"] if event["type"] == ZERO_COPY else len(event["body"])
                await send({**event, "more_body": position < body.length})
        finally:
            self._streams -= 1
            gone.cancel()
            await _settle(gone)

    async def _next_event(self, body: BlobSlice, position: int, *, from_file: bool) -> Event:
        """What comes of `body` from `position`."""
        offset, left = body.offset + position, body.length - position
        count = min(FILE_SEND_SIZE if self._streams == 1 else SHARED_SEND_SIZE, left)
        if from_file and body.blob.is_cached(offset, count):
            await asyncio.sleep(0)  # see below
            return {"type": ZERO_COPY, "file": body.blob, "offset": offset, "count": count}
        length = min(SEND_SIZE, left)
        piece: bytes | bytearray | None = body.blob.read_cached(offset, length)
        if piece is None:
            piece = await self._work(_read, body, position, length)
        else:
            await asyncio.sleep(0)  # others have their turn also when the client takes everything at once
        return {"type": "http.response.body", "body": piece}

    async def _work(self, function: Callable[..., T], *arguments: object) -> T:
        """What `function` returns, from a worker thread; a cancelled caller still waits for it to end.

        Otherwise files could be closed under a thread that is reading or writing them.
        """
        future = asyncio.get_running_loop().run_in_executor(self._workers, function, *arguments)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            while not future.done():
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait([future])
            raise


def _complete(intake: Intake, piece: bytes) -> Response:
    """The response to a body whose last piece is `piece`; a small push is one visit to a worker."""
    try:
        intake.take(piece)
        return intake.finish()
    finally:
        intake.close()


def _read_request(scope: Scope) -> Request:
    """Raises: Refusal."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if "transfer-encoding" in headers and "content-length" in headers:
        # Whoever stands in front may believe the other one, and see other requests (RFC 9112 section 6.3).
        raise Refusal(
            HTTPStatus.BAD_REQUEST,
            ErrorCode.SIZE_INVALID,
            "a body has a Content-Length or a Transfer-Encoding",
            headers=(("Connection", "close"),),
        )
    path = scope["raw_path"].decode("latin-1")
    if not path.startswith("/") and (absolute := _ABSOLUTE.match(path)):
        path = path[absolute.end() :] or "/"
    return Request(scope["method"], path, scope["query_string"].decode("latin-1"), headers)


def _encode_headers(response: Response) -> list[tuple[bytes, bytes]]:
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in response.headers]
    has_length = any(name == b"content-length" for name, _ in headers)
    if isinstance(response.body, bytes) and not has_length and response.status not in _BODILESS:
        headers.append((b"content-length", str(len(response.body)).encode()))
    return headers


class _Body:
    """A body that is being received, and how long the client has let us wait for it."""

    def __init__(self, receive: Receive, limits: TransferLimits) -> None:
        self._receive = receive
        self._limits = limits
        self._size = 0  # bytes so far
        self._waited = 0.0  # seconds so far; what the server itself takes does not count

    async def next_piece(self) -> tuple[bytes, bool]:
        """About `CHUNK_SIZE` of the body, and whether it is the end. Raises: ClientGone, Refusal."""
        parts: list[bytes | bytearray] = []
        size = 0
        while size < CHUNK_SIZE:
            event = await self._next_event()
            if event["type"] == "http.disconnect":
                raise ClientGone
            parts.append(event.get("body", b""))
            size += len(parts[-1])
            self._size += len(parts[-1])
            if not event.get("more_body", False):
                return b"".join(parts), True
        return b"".join(parts), False

    async def _next_event(self) -> Event:
        clock = asyncio.get_running_loop().time
        began = clock()
        left = min(self._limits.idle_seconds, self._limits.patience(self._size) - self._waited)
        try:
            async with asyncio.timeout(left):
                return await self._receive()
        except TimeoutError as error:
            raise Refusal(
                HTTPStatus.REQUEST_TIMEOUT,
                ErrorCode.BLOB_UPLOAD_INVALID,
                f"the body comes too slowly: {self._size} bytes so far",
            ) from error
        finally:
            self._waited += clock() - began


async def _send_bytes(body: bytes, send: Send) -> None:
    """Send a body in pieces: what a connection cannot take at once is copied."""
    for position in range(0, max(len(body), 1), SEND_SIZE):
        following = position + SEND_SIZE
        piece = body[position:following]
        if position:
            await asyncio.sleep(0)  # in which a client that is gone is noticed
        await send({"type": "http.response.body", "body": piece, "more_body": following < len(body)})


async def _settle(task: asyncio.Task[T]) -> None:
    """Wait for a task whose outcome no longer matters."""
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass  # a body that nobody asked for


def _read_at_once(body: BlobSlice) -> bytearray | None:
    """All of a short body, None where that is long or has to be waited for."""
    is_short = body.length <= IMMEDIATE_READ_SIZE
    return body.blob.read_cached(body.offset, body.length) if is_short else None


def _read(body: BlobSlice, position: int, length: int) -> bytes:
    """Exactly the bytes of `body` from `position` that are there and wanted. Raises: EOFError."""
    length = min(length, body.length - position)
    data = body.blob.read(body.offset + position, length)
    if len(data) != length:
        # The head of the response is on its way; breaking off is the only way left to say so.
        raise EOFError("a stored blob became shorter while it was being sent")
    return data


def _refuse_to_go_on() -> Response:
    message = "the registry is being shut down; an upload can go on when it is back"
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, ErrorCode.UNSUPPORTED, message).response


def _describe_failure(error: Exception) -> Response:
    is_full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if is_full:
        refusal = Refusal(HTTPStatus.INSUFFICIENT_STORAGE, ErrorCode.DENIED, "the registry's disk is full")
    else:
        refusal = Refusal(
            HTTPStatus.INTERNAL_SERVER_ERROR, ErrorCode.UNSUPPORTED, "the registry failed; its log says why"
        )
    return refusal.response
