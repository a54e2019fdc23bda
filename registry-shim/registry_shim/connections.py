"""Connections: how many there are, and how long a client may take.

uvicorn closes what has been idle for long, but waits for ever for the rest of a request that has begun and for a
client that does not read, and answers in plain text when there are too many.
"""

from __future__ import annotations

import ipaddress
import socket
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from registry_shim.limits import CHUNK_SIZE, LOCAL_SEND_BUFFER, SHUTDOWN_GRACE_SECONDS, SPARE_CONNECTIONS
from registry_shim.protocol.messages import ErrorCode, Refusal
from registry_shim.zero_copy import offering_zero_copy

if TYPE_CHECKING:
    import asyncio

    import uvicorn
    from uvicorn.protocols.http.h11_impl import RequestResponseCycle
    from uvicorn.server import ServerState

    from registry_shim.limits import TransferLimits

RETRY_AFTER_SECONDS = 1
_CLOSE = ("Connection", "close")
TOO_MANY = Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.TOOMANYREQUESTS,
    "too many clients are connected; try again in a moment",
    headers=(("Retry-After", str(RETRY_AFTER_SECONDS)), _CLOSE),
)
TOO_SLOW = Refusal(
    HTTPStatus.REQUEST_TIMEOUT, ErrorCode.UNSUPPORTED, "the request did not come in time", headers=(_CLOSE,)
)
NOT_HTTP = Refusal(HTTPStatus.BAD_REQUEST, ErrorCode.UNSUPPORTED, "this is not HTTP/1.1", headers=(_CLOSE,))


class Connection(H11Protocol):
    """One connection, within `limits`."""

    def __init__(
        self, limits: TransferLimits, config: uvicorn.Config, state: ServerState, app_state: dict[str, Any]
    ) -> None:
        super().__init__(config, state, app_state)
        self.limits = limits
        self._head_timer: asyncio.TimerHandle | None = None
        self._read_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio.Protocol."""
        super().connection_made(transport)
        count = len(self.connections)
        if count > self.limits.connections + SPARE_CONNECTIONS:
            transport.abort()
            return
        if count > self.limits.connections:
            self.app = _answer_too_many
        elif transport.get_extra_info("sslcontext") is None:
            self.app = offering_zero_copy(self.app, self, self.limits)
            if _is_on_this_machine(transport):
                # More would have left the processor's memory by the time that the client reads it. Over a network,
                # the system knows better how much has to be under way.
                buffered = transport.get_extra_info("socket")
                buffered.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LOCAL_SEND_BUFFER)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        served = self.cycle
        super().data_received(data)
        if self.cycle is not served:
            self._stop_head_timer()
        elif not self._is_serving():
            # A head that has begun; or a body that was answered before it had come, and is not wanted.
            self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._stop_head_timer()
        self._stop_read_timer()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """See asyncio.Protocol: more is to be sent than the client has read."""
        super().pause_writing()
        if self._read_timer is None:
            self._read_timer = self.loop.call_later(self.limits.patience(CHUNK_SIZE), self.transport.abort)

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        self._stop_read_timer()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """Close what has been idle for long."""
        super().timeout_keep_alive_handler()
        self._close()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - what uvicorn would say
        """Answer what is not HTTP."""
        self._refuse(NOT_HTTP)

    def _is_serving(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request, for all that uvicorn says
        return cycle is not None and not cycle.response_complete

    def _expect_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.limits.head_seconds, self._give_up)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _stop_read_timer(self) -> None:
        if self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        if self._is_serving():
            return
        if self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]:
            self._refuse(TOO_SLOW)
        else:
            self._close()

    def _refuse(self, refusal: Refusal) -> None:
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            response = refusal.response
            for event in (
                h11.Response(status_code=response.status, headers=_headers(refusal)),
                h11.Data(data=_body(refusal)),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self._close()

    def _close(self) -> None:
        """Close, and do not wait for ever until the client has read what it was sent."""
        self.transport.close()
        self.loop.call_later(SHUTDOWN_GRACE_SECONDS, self.transport.abort)


def _is_on_this_machine(transport: asyncio.Transport) -> bool:
    """Whether the client is."""
    address = transport.get_extra_info("peername")
    return address is not None and ipaddress.ip_address(address[0].partition("%")[0]).is_loopback


async def _answer_too_many(_scope: object, _receive: object, send: Any) -> None:
    await send({"type": "http.response.start", "status": TOO_MANY.status, "headers": _headers(TOO_MANY)})
    await send({"type": "http.response.body", "body": _body(TOO_MANY)})


def _headers(refusal: Refusal) -> list[tuple[bytes, bytes]]:
    headers = (*refusal.response.headers, ("Content-Length", str(len(_body(refusal)))))
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]


def _body(refusal: Refusal) -> bytes:
    body = refusal.response.body
    if not isinstance(body, bytes):
        raise TypeError("an error is not a blob")
    return body
