"""A proxy in front of a real registry that does wrong what it is told to, and remembers what it was sent."""

from __future__ import annotations

import base64
import gzip
import json
import re
import socket
import struct
import sys
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

ALWAYS = 1_000_000


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print what goes wrong here; not that a client hangs up, which is what many tests are about."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes

    @property
    def authorization(self) -> str | None:
        return self.headers.get("authorization")


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: int | None = None  # bytes of the body after which the connection ends
    reset: bool = False  # it ends with a reset
    pause: float = 0  # seconds before the answer


@dataclass
class _Rule:
    method: str
    pattern: re.Pattern[str]
    fault: Callable[[Request, Callable[[], Reply]], Reply]
    left: int


class FaultProxy:
    """Passes everything on to `upstream`, but for what its rules say. The first rule that fits is taken."""

    def __init__(self, upstream: str | None) -> None:
        self._upstream = upstream
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()
        self.seen: list[Request] = []
        self.address = ""

    def on(
        self,
        method: str,
        pattern: str,
        fault: Callable[[Request, Callable[[], Reply]], Reply],
        times: int = ALWAYS,
        *,
        first: bool = False,
    ) -> None:
        """Have `fault` answer requests whose method and path fit, `times` times; `first`: before all that is known."""
        self._rules.insert(0 if first else len(self._rules), _Rule(method, re.compile(pattern), fault, times))

    def forget_rules(self) -> None:
        """Pass everything on."""
        self._rules.clear()

    def asked(self, method: str, pattern: str = "") -> list[Request]:
        """What came so far."""
        return [r for r in self.seen if r.method == method and re.search(pattern, r.path)]

    def answer(self, request: Request) -> Reply:
        with self._lock:
            self.seen.append(request)
            rule = next(
                (
                    r
                    for r in self._rules
                    if r.left and re.fullmatch(r.method, request.method) and r.pattern.search(request.path)
                ),
                None,
            )
            if rule is not None:
                rule.left -= 1
        return rule.fault(request, lambda: self.forward(request)) if rule else self.forward(request)

    def forward(self, request: Request) -> Reply:
        if self._upstream is None:
            return Reply(404)
        connection = HTTPConnection(self._upstream, timeout=30)
        headers = {k: v for k, v in request.headers.items() if k not in ("authorization", "transfer-encoding")}
        with closing(connection):
            connection.request(request.method, request.path, request.body or None, headers)
            response = connection.getresponse()
            body = response.read()
        drop = ("transfer-encoding", "connection")
        return Reply(response.status, {k: v for k, v in response.getheaders() if k.lower() not in drop}, body)


@contextmanager
def fault_proxy(upstream: str | None, tls: ssl.SSLContext | None = None) -> Iterator[FaultProxy]:
    """A proxy on a free port of this machine; without an upstream, everything is 404."""
    proxy = FaultProxy(upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body are written apart

        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = proxy.answer(Request(self.command, self.path, headers, body))
            time.sleep(reply.pause)
            try:
                self._send(reply)
            except OSError:
                self.close_connection = True  # nobody waits for it any more

        def _send(self, reply: Reply) -> None:
            if reply.reset and reply.cut is None:
                self._reset()
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                if name.lower() not in ("content-length", "date", "server"):
                    self.send_header(name, value)
            length = reply.headers.get("Content-Length") or reply.headers.get("content-length")
            is_head = self.command == "HEAD"
            self.send_header("Content-Length", str(length if is_head and length else len(reply.body)))
            self.end_headers()
            if is_head:
                return
            self.wfile.write(reply.body if reply.cut is None else reply.body[: reply.cut])
            self.wfile.flush()
            if reply.cut is not None:
                self.close_connection = True
                if reply.reset:
                    self._reset()

        def _reset(self) -> None:
            self.close_connection = True
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.wfile = open("/dev/null", "wb")  # noqa: SIM115, PTH123 - what the base class flushes at the end

        do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _handle  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with _Server(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.daemon_threads = True
        server.block_on_close = False
        proxy.address = f"127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()


# --- faults ----------------------------------------------------------------------------------------


def truncated(request: Request, forward: Callable[[], Reply]) -> Reply:
    """Half of the body, then the end."""
    reply = forward()
    return replace(reply, cut=len(reply.body) // 2)


def reset_midway(request: Request, forward: Callable[[], Reply]) -> Reply:
    """Half of the body, then a reset."""
    reply = forward()
    return replace(reply, cut=len(reply.body) // 2, reset=True)


def reset_at_once(request: Request, forward: Callable[[], Reply]) -> Reply:
    """No answer; the registry never hears of it."""
    return Reply(0, reset=True)


def reset_after_done(request: Request, forward: Callable[[], Reply]) -> Reply:
    """The registry has done it, and nobody is told."""
    forward()
    return Reply(0, reset=True)


def corrupted(request: Request, forward: Callable[[], Reply]) -> Reply:
    """One bit of the body is another."""
    reply = forward()
    at = len(reply.body) // 2
    changed = bytes([reply.body[at] ^ 1]) if reply.body else b""
    return replace(reply, body=reply.body[:at] + changed + reply.body[at + 1 :])


def longer(request: Request, forward: Callable[[], Reply]) -> Reply:
    """More than was asked for."""
    reply = forward()
    return replace(reply, body=reply.body + b"more")


def zipped(request: Request, forward: Callable[[], Reply]) -> Reply:
    """Content encoding that nobody asked for."""
    reply = forward()
    return replace(reply, body=gzip.compress(reply.body), headers={**reply.headers, "Content-Encoding": "gzip"})


def web_page(request: Request, forward: Callable[[], Reply]) -> Reply:
    """A login page, with 200."""
    return Reply(200, {"Content-Type": "text/html; charset=utf-8"}, b"<html>please log in</html>")


def other_digest(request: Request, forward: Callable[[], Reply]) -> Reply:
    """A header that says another digest."""
    reply = forward()
    return replace(reply, headers={**reply.headers, "Docker-Content-Digest": "sha256:" + "0" * 64})


def slow(request: Request, forward: Callable[[], Reply]) -> Reply:
    """An answer after everybody has given up."""
    return replace(forward(), pause=2.5)


def status(code: int, **headers: str) -> Callable[[Request, Callable[[], Reply]], Reply]:
    """A failure; headers with `_` for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = json.dumps({"errors": [{"code": "TOOMANYREQUESTS", "message": "not now"}]}).encode()
    return lambda request, forward: Reply(code, named, body)


def redirected(base: str) -> Callable[[Request, Callable[[], Reply]], Reply]:
    """The same path at another place."""
    return lambda request, forward: Reply(307, {"Location": base + request.path})


def without_referrers(request: Request, forward: Callable[[], Reply]) -> Reply:
    """A registry of before 1.1: it neither lists referrers nor says that it knows subjects."""
    if "/referrers/" in request.path:
        return Reply(404)
    reply = forward()
    return replace(reply, headers={k: v for k, v in reply.headers.items() if k.lower() != "oci-subject"})


class TokenGate:
    """Wants a Bearer token from `/token`, which wants a password if it has one; `tokens` are those given out."""

    def __init__(self, proxy: FaultProxy, password: str | None = None, life: float = 300) -> None:
        self._proxy = proxy
        self._password = password
        self._life = life
        self.tokens: list[str] = []
        self.realm = f"http://{proxy.address}/token"
        proxy.on("GET|POST", r"^/token", self._give)
        proxy.on(".*", r"^/v2/", self._check)

    def expire(self) -> None:
        """No token that was given out is good any more."""
        self.tokens = [f"stale {token}" for token in self.tokens]

    def _give(self, request: Request, forward: Callable[[], Reply]) -> Reply:
        if self._password is not None:
            wanted = "Basic " + base64.b64encode(f"user:{self._password}".encode()).decode()
            if request.authorization != wanted:
                return Reply(401)
        self.tokens.append(f"token-{len(self.tokens)}")
        body = json.dumps({"token": self.tokens[-1], "expires_in": self._life}).encode()
        return Reply(200, {"Content-Type": "application/json"}, body)

    def _check(self, request: Request, forward: Callable[[], Reply]) -> Reply:
        if request.authorization in [f"Bearer {token}" for token in self.tokens]:
            return forward()
        return Reply(401, {"WWW-Authenticate": f'Bearer realm="{self.realm}",service="here"'})


def basic_gate(password: str) -> Callable[[Request, Callable[[], Reply]], Reply]:
    """Wants user and password."""
    wanted = "Basic " + base64.b64encode(f"user:{password}".encode()).decode()

    def check(request: Request, forward: Callable[[], Reply]) -> Reply:
        return (
            forward() if request.authorization == wanted else Reply(401, {"WWW-Authenticate": 'Basic realm="x"'})
        )

    return check
