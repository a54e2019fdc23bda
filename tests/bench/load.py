"""`load.py ADDRESS CONNECTIONS SECONDS METHOD TARGET...`: asks for the targets in turn, and prints how often it was
answered.

One process and no more of HTTP than it needs, so that what is measured is the registry: it sends each request as
soon as that connection's last answer is whole. Anything but 200 ends it.
"""

from __future__ import annotations

import itertools
import re
import selectors
import socket
import sys
import time

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_PIECE = 1 << 18
IMAGE_MANIFEST = "application/vnd.oci.image.manifest.v1+json"  # without it, docker-registry has none


class _Connection:
    """One request at a time."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray()
        self._missing: int | None = None  # bytes of the answer; None before its head is here

    def send(self, request: bytes) -> None:
        self._buffer.clear()
        self._missing = None
        self.socket.sendall(request)

    def receive(self, *, has_body: bool) -> bool:
        """Whether the answer is whole now."""
        data = self.socket.recv(_PIECE)
        if not data:
            sys.exit("error: the registry closed the connection")
        if self._missing is None:
            self._buffer += data
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return False
            if self._buffer[9:12] != b"200":
                sys.exit(f"error: {self._buffer[:end].decode('latin-1')}")
            match = _LENGTH.search(self._buffer, 0, end)
            length = int(match[1]) if match is not None and has_body else 0
            self._missing = length - (len(self._buffer) - end - 4)
        else:
            self._missing -= len(data)
        return self._missing <= 0


def main(address: str, connections: int, seconds: float, method: str, targets: list[str]) -> int:
    """How many answers came in time."""
    heads = f"Host: {address}\r\nAccept: {IMAGE_MANIFEST}, */*\r\n\r\n"
    requests = itertools.cycle([f"{method} {target} HTTP/1.1\r\n{heads}".encode() for target in targets])
    has_body = method != "HEAD"
    count = 0
    with selectors.DefaultSelector() as selector:
        for _ in range(connections):
            connection = _Connection(address)
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.send(next(requests))
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            for key, _ in selector.select():
                if key.data.receive(has_body=has_body):
                    count += 1
                    key.data.send(next(requests))
        for key in list(selector.get_map().values()):
            key.data.socket.close()
    return count


print(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4], sys.argv[5:]))
