"""Bodies that the system sends from the file: which, to whom, and what becomes of them when something goes wrong."""

from __future__ import annotations

import contextlib
import errno
import http.client
import os
import random
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from registry_shim import connections
from registry_shim.inprocess import serving
from registry_shim.limits import FILE_SEND_SIZE, LOCAL_SEND_BUFFER, SEND_SIZE, SHARED_SEND_SIZE
from registry_shim.store.blobs import BlobFile
from registry_shim.zero_copy import ZERO_COPY
from tests.certificates import write_certificate
from tests.shim.asgi import events_for_blob
from tests.shim.process import Served
from tests.shim.wire import SocketClient, push_blob

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


DATA = os.urandom(10 * FILE_SEND_SIZE + 12_345)
HEAD = "HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(("first", "last"), [(0, len(DATA) - 1), (7, FILE_SEND_SIZE + 70_000)])
def test_what_is_in_memory_is_sent_from_the_file(tmp_path: Path, first: int, last: int) -> None:
    events = events_for_blob(tmp_path, DATA, {"range": f"bytes={first}-{last}"}, {ZERO_COPY: {}})
    at = first
    for event in events:
        assert (event["type"], event["offset"]) == (ZERO_COPY, at)
        assert 0 < event["count"] <= FILE_SEND_SIZE
        at += event["count"]
        assert event["more_body"] is (at <= last)
    assert at == last + 1


def test_clients_that_take_turns_get_less_at_a_time(tmp_path: Path) -> None:
    alone = events_for_blob(tmp_path / "alone", DATA, extensions={ZERO_COPY: {}})
    assert {event["count"] for event in alone[:-1]} == {FILE_SEND_SIZE}
    together = events_for_blob(tmp_path / "together", DATA, extensions={ZERO_COPY: {}}, clients=2)
    assert {event["count"] for event in together[1:-1]} == {SHARED_SEND_SIZE}
    assert sum(event["count"] for event in together) == len(DATA)


def test_who_comes_when_others_have_left_is_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    send = os.sendfile
    counts: list[int] = []

    def count(out: int, file: int, offset: int, wanted: int) -> int:
        counts.append(wanted)
        return send(out, file, offset, wanted)

    monkeypatch.setattr(os, "sendfile", count)
    with serving(tmp_path / "registry") as registry:
        client = SocketClient(registry.url, str(tmp_path))
        digest = push_blob(client, "x", DATA).digest
        assert client.send("GET", f"/v2/x/blobs/{digest}").body == DATA
        before = len(counts)
        assert client.send("GET", f"/v2/x/blobs/{digest}").body == DATA
        client.close()
    assert max(counts[before:]) == FILE_SEND_SIZE


def test_what_is_not_is_read_by_a_worker_and_what_follows_sent_from_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []

    def is_cached(_: BlobFile, offset: int, __: int) -> bool:
        looked.append(offset)
        return len(looked) % 2 == 0

    monkeypatch.setattr(BlobFile, "is_cached", is_cached)
    events = events_for_blob(tmp_path, DATA, extensions={ZERO_COPY: {}})
    at = 0
    for number, event in enumerate(events):
        if number % 2 == 0:
            assert event["body"] == DATA[at : at + SEND_SIZE]
            at += len(event["body"])
        else:
            assert event["offset"] == at
            at += event["count"]
    assert at == len(DATA)
    assert [event["type"] for event in events[:3]] == ["http.response.body", ZERO_COPY, "http.response.body"]


def test_without_the_extension_bytes_are_sent(tmp_path: Path) -> None:
    events = events_for_blob(tmp_path, DATA)
    assert b"".join(event["body"] for event in events) == DATA


def test_what_counts_as_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(DATA)
    blob = BlobFile(os.open(path, os.O_RDONLY))
    assert blob.is_cached(0, len(DATA))
    assert not blob.is_cached(0, len(DATA) + 1)  # there is no such byte
    os.fsync(blob.fileno())
    os.posix_fadvise(blob.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    assert not blob.is_cached(0, len(DATA))
    blob.read(len(DATA) - 1, 1)
    assert blob.is_cached(len(DATA) - 1, 1)
    assert not blob.is_cached(0, len(DATA))
    blob.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Served, str]]:
    """A registry that sends from files, and where DATA is in it."""
    served = Served(tmp_path / "registry")
    client = SocketClient(served.address, str(tmp_path))
    digest = push_blob(client, "x", DATA).digest
    client.close()
    yield served, f"/v2/x/blobs/{digest}"
    served.stop()


@contextlib.contextmanager
def connected(served: Served) -> Iterator[socket.socket]:
    host, _, port = served.address.partition("//")[2].partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as raw:
        yield raw


def read_body(raw: socket.socket, length: int) -> bytes:
    """The body of an answer whose head says its length."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = raw.recv(1000)
        assert part, "the connection was closed"
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    assert f"content-length: {length}".encode() in head.lower()
    parts = [body]
    missing = length - len(body)
    while missing:
        parts.append(raw.recv(min(missing, 1 << 16)))
        assert parts[-1], "the connection was closed"
        missing -= len(parts[-1])
    return b"".join(parts)


def test_one_answer_after_the_other_on_one_connection(served: tuple[Served, str]) -> None:
    """Also of requests that are sent before they are answered."""
    registry, target = served
    with connected(registry) as raw:
        for _ in range(2):
            raw.sendall(f"GET {target} {HEAD}\r\n".encode() * 2 + f"HEAD {target} {HEAD}\r\n".encode())
            assert read_body(raw, len(DATA)) == DATA
            assert read_body(raw, len(DATA)) == DATA
            head = raw.recv(10_000)
            assert head.startswith(b"HTTP/1.1 200")
            assert head.endswith(b"\r\n\r\n")
    assert registry.stop() == (0, "", "")


@pytest.mark.parametrize("is_local", [True, False])
def test_little_waits_for_a_client_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_local: bool
) -> None:
    """Over a network the system decides, and lets it grow."""
    if not is_local:
        monkeypatch.setattr(connections, "_is_on_this_machine", lambda _: False)
    buffers: list[int] = []  # bytes, which Linux says twice (socket(7))

    def data_received(self: connections.Connection, data: bytes) -> None:
        buffers.append(self.transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF))
        receive(self, data)

    receive = connections.Connection.data_received
    monkeypatch.setattr(connections.Connection, "data_received", data_received)
    with serving(tmp_path / "registry") as registry:
        client = SocketClient(registry.url, str(tmp_path))
        assert client.send("GET", "/v2/").status == 200
        client.close()
    assert (buffers[0] // 2 == LOCAL_SEND_BUFFER) is is_local


def test_many_at_once(served: tuple[Served, str]) -> None:
    registry, target = served

    def get(number: int) -> bytes:
        with connected(registry) as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536 << number)
            raw.sendall(f"GET {target} {HEAD}\r\n".encode())
            return read_body(raw, len(DATA))

    with ThreadPoolExecutor(8) as pool:
        assert all(data == DATA for data in pool.map(get, range(8)))
    assert registry.stop() == (0, "", "")


@pytest.mark.parametrize("leave", ["close", "reset"])
@pytest.mark.parametrize("after", [100, 3 << 20], ids=["at once", "amid a piece"])
def test_who_goes_away_is_not_missed(served: tuple[Served, str], leave: str, after: int) -> None:
    registry, target = served
    for _ in range(5):
        with connected(registry) as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            if leave == "reset":
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            raw.sendall(f"GET {target} {HEAD}\r\n".encode())
            assert raw.recv(after, socket.MSG_WAITALL).startswith(b"HTTP/1.1 200")
    with connected(registry) as raw:
        raw.sendall(f"GET {target} {HEAD}\r\n".encode())
        assert read_body(raw, len(DATA)) == DATA
    assert registry.stop() == (0, "", "")


def test_hundreds_that_hang_up_leave_no_word(served: tuple[Served, str]) -> None:
    """At whatever moment it is, of short answers and of long ones, of one and of several in a row."""
    registry, target = served
    client = SocketClient(registry.address, str(registry.root))
    targets = [f"/v2/x/blobs/{push_blob(client, 'x', DATA[:size]).digest}" for size in (3000, 300_000, 2_000_000)]
    client.close()
    chance = random.Random(20261127)
    for _ in range(400):
        wanted = [chance.choice([target, *targets]) for _ in range(chance.choice([1, 1, 2, 3]))]
        with connected(registry) as raw:
            raw.sendall(b"".join(f"GET {path} {HEAD}\r\n".encode() for path in wanted))
            time.sleep(chance.choice([0, 0.001, 0.003]) * chance.random())
            if chance.random() < 0.5:
                raw.recv(chance.choice([1, 1000, 100_000]))
            if chance.random() < 0.5:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert registry.stop() == (0, "", "")


def test_a_blob_that_becomes_shorter_breaks_the_connection_off(served: tuple[Served, str]) -> None:
    registry, target = served
    algorithm, _, encoded = target.rpartition("/")[2].partition(":")
    with connected(registry) as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        raw.sendall(f"GET {target} {HEAD}\r\n".encode())
        assert raw.recv(100, socket.MSG_PEEK).startswith(b"HTTP/1.1 200")
        os.truncate(registry.root / "x/blobs" / algorithm / encoded, 6 * FILE_SEND_SIZE + 1)
        with pytest.raises((AssertionError, ConnectionError)):
            read_body(raw, len(DATA))
    code, output, said = registry.stop()
    assert (code, output) == (0, "")
    assert "became shorter while it was being sent" in said


def test_so_does_one_that_becomes_shorter_while_a_piece_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    send = os.sendfile
    left = FILE_SEND_SIZE // 2  # bytes

    def shrink(out: int, file: int, offset: int, count: int) -> int:
        os.truncate(f"/proc/self/fd/{file}", left)
        return send(out, file, offset, count)

    monkeypatch.setattr(os, "sendfile", shrink)
    with serving(tmp_path / "registry") as registry:
        client = SocketClient(registry.url, str(tmp_path))
        digest = push_blob(client, "x", DATA).digest
        with pytest.raises(http.client.IncompleteRead) as caught:
            client.send("GET", f"/v2/x/blobs/{digest}")
        client.close()
    assert caught.value.partial == DATA[:left]
    assert "a file became shorter while it was being sent" in caplog.text


def test_shutting_down_does_not_wait_for_who_does_not_read(served: tuple[Served, str]) -> None:
    registry, target = served
    with connected(registry) as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.sendall(f"GET {target} {HEAD}\r\n".encode())
        assert raw.recv(100, socket.MSG_PEEK).startswith(b"HTTP/1.1 200")
        code, output, _ = registry.stop()  # waits 15 s at most
    assert (code, output) == (0, "")


@pytest.fixture
def encrypted(tmp_path: Path) -> Iterator[tuple[Served, str, ssl.SSLContext]]:
    """The same over TLS, and who trusts it."""
    plain = Served(tmp_path / "registry")
    client = SocketClient(plain.address, str(tmp_path))
    digest = push_blob(client, "x", DATA).digest
    client.close()
    assert plain.stop() == (0, "", "")
    certificate, key = write_certificate(tmp_path)
    served = Served(tmp_path / "registry", "--tls-cert", str(certificate), "--tls-key", str(key))
    yield served, f"/v2/x/blobs/{digest}", ssl.create_default_context(cafile=str(certificate))
    served.stop()


def test_over_tls_everything_is_encrypted(encrypted: tuple[Served, str, ssl.SSLContext]) -> None:
    registry, target, trust = encrypted
    with connected(registry) as raw, trust.wrap_socket(raw, server_hostname="127.0.0.1") as wrapped:
        wrapped.sendall(f"GET {target} {HEAD}\r\n".encode())
        assert read_body(wrapped, len(DATA)) == DATA
    assert registry.stop() == (0, "", "")


def test_who_goes_away_over_tls_leaves_no_word_either(encrypted: tuple[Served, str, ssl.SSLContext]) -> None:
    registry, target, trust = encrypted
    for number in range(60):
        with connected(registry) as raw, trust.wrap_socket(raw, server_hostname="127.0.0.1") as wrapped:
            wrapped.sendall(f"GET {target} {HEAD}\r\n".encode() * 9)
            wrapped.shutdown(socket.SHUT_WR)
            for _ in range(number % 4):
                wrapped.recv(300_000)
    assert registry.stop() == (0, "", "")


def test_where_files_cannot_be_sent_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []

    def refuse(*_: int) -> int:
        tried.append(1)
        raise OSError(errno.EINVAL, "not for this file system")

    monkeypatch.setattr(os, "sendfile", refuse)
    with serving(tmp_path / "registry") as registry:
        client = SocketClient(registry.url, str(tmp_path))
        digest = push_blob(client, "x", DATA).digest
        assert client.send("GET", f"/v2/x/blobs/{digest}").body == DATA
        assert (
            client.send("GET", f"/v2/x/blobs/{digest}", headers={"Range": "bytes=5-700000"}).body == DATA[5:700001]
        )
        client.close()
    assert len(tried) == 12
