"""The server: the application behind a socket, on uvicorn, from the first request until a signal."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvicorn

from registry_shim.application import Application
from registry_shim.connections import Connection
from registry_shim.errors import CannotListen
from registry_shim.limits import (
    DEFAULT_TRANSFERS,
    KEEP_ALIVE_SECONDS,
    LISTEN_BACKLOG,
    SHUTDOWN_GRACE_SECONDS,
    WORKER_THREADS,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from registry_shim.limits import TransferLimits
    from registry_shim.protocol.service import Service
    from registry_shim.tls import Encryption


def listen(host: str, port: int) -> socket.socket:
    """A socket that accepts connections to `host` at `port`, 0 for any free one. Raises: CannotListen."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(LISTEN_BACKLOG)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise CannotListen(f"cannot listen on {host} port {port}: {error.strerror}") from error
    return listener


def address_of(listener: socket.socket, scheme: str = "http") -> str:
    """The URL of what listens, `http://127.0.0.1:5000`."""
    host, port = listener.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if listener.family == socket.AF_INET6 else f"{scheme}://{host}:{port}"


def is_local(listener: socket.socket) -> bool:
    """Whether only this machine can reach what listens."""
    return ipaddress.ip_address(listener.getsockname()[0].partition("%")[0]).is_loopback


@dataclass(frozen=True, slots=True)
class Hooks:
    """What is called when something happens to the server."""

    ready: Callable[[], None]  # it answers requests
    reload: Callable[[], None] | None = None  # SIGHUP came
    let_go: Callable[[], None] | None = None  # it ends: whoever waits for others is to stop waiting
    register: Callable[[Callable[[], None]], None] | None = None  # is given what ends it, from any thread


class _Server(uvicorn.Server):
    """Uvicorn, which says when it is ready, and for which a signal is a way to end and not to fail."""

    def __init__(self, config: uvicorn.Config, limits: TransferLimits, hooks: Hooks) -> None:
        super().__init__(config)
        self._limits = limits
        self._hooks = hooks

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup([])
        for listener in sockets or ():
            # As uvicorn does it, which has no word for how long a handshake may take.
            server = await asyncio.get_running_loop().create_server(
                self._connection,
                sock=listener,
                backlog=LISTEN_BACKLOG,
                ssl=self.config.ssl,
                ssl_handshake_timeout=self._limits.head_seconds if self.config.ssl is not None else None,
            )
            self.servers.append(server)
        self._hooks.ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._hooks.let_go is not None:
            self._hooks.let_go()
        await super().shutdown(sockets)

    def end(self) -> None:
        """Let running requests end, then return from `run`; from any thread."""
        self.should_exit = True

    def _connection(self) -> Connection:
        return Connection(self._limits, self.config, self.server_state, self.lifespan.state)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield  # signals are for the program that this registry is a part of
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        if self._hooks.reload is not None:
            loop.add_signal_handler(signal.SIGHUP, self._hooks.reload)
        yield


def serve(
    registry: Service,
    listener: socket.socket,
    hooks: Hooks,
    limits: TransferLimits = DEFAULT_TRANSFERS,
    encryption: Encryption | None = None,
    threads: int = WORKER_THREADS,
) -> None:
    """Serve on `listener` until a signal asks to end, or what `hooks.register` was given is called.

    Without `encryption` it is plain HTTP. `threads` may be waiting at the same time.
    """
    with ThreadPoolExecutor(threads, "worker") as workers:
        config = uvicorn.Config(
            Application(registry, workers, limits),
            http="h11",  # what Connection is made of
            lifespan="off",
            ws="none",
            log_config=None,
            log_level="critical",  # what goes wrong in the application is logged above, where it is known
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=SHUTDOWN_GRACE_SECONDS,
        )
        config.load()
        config.ssl = encryption.context if encryption is not None else None
        server = _Server(config, limits, hooks)
        if hooks.register is not None:
            hooks.register(server.end)
        server.run([listener])
