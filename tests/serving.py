"""HTTP servers of a few lines, on this machine, for the length of a block."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


class Reply(NamedTuple):
    """What is answered to a request."""

    status: int
    data: bytes = b""
    headers: Mapping[str, str] = {}


@contextmanager
def serving(reply_to: Callable[[str, Mapping[str, str]], Reply]) -> Iterator[str]:
    """The address, host:port, of a server; `reply_to` is given path and headers of each GET and HEAD."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            reply = reply_to(self.path, dict(self.headers))
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.data)

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
