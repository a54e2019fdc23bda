"""What only a real connection shows: many clients, slow ones, broken ones, and memory."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from registry_shim.application import Application
from registry_shim.limits import DEFAULT_TRANSFERS, SEND_SIZE, TransferLimits
from registry_shim.protocol.intake import SmallIntake
from registry_shim.protocol.registry import Registry
from registry_shim.store.blobs import BlobFile
from tests.shim.asgi import events_for_blob
from tests.shim.process import Served
from tests.shim.wire import (
    EMPTY_JSON,
    Answer,
    SocketClient,
    check_error,
    closing,
    image,
    push_blob,
    put,
    start_upload,
)
from wpkg.oci.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from registry_shim.application import Event, Scope
    from registry_shim.protocol.intake import Intake
    from registry_shim.protocol.messages import Request, Response


MIB = 1024 * 1024


@pytest.fixture
def socket_client(shared_server: Served) -> Iterator[SocketClient]:
    client = SocketClient(shared_server.address, str(shared_server.root.parent))
    yield client
    client.close()


@contextlib.contextmanager
def connected(served: Served) -> Iterator[socket.socket]:
    host, _, port = served.address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as raw:
        yield raw


def read_to_end(raw: socket.socket) -> bytes:
    parts = []
    while part := raw.recv(65536):
        parts.append(part)
    return b"".join(parts)


def wait_for(is_so: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(1000):
        if is_so():
            return
        pause.wait(0.005)
    raise AssertionError("it did not happen within five seconds")


def peak_memory(served: Served) -> int:
    """Bytes that the process has had in memory at most."""
    status = Path(f"/proc/{served.process.pid}/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def test_the_same_blob_from_eight_clients(shared_server: Served, repository: str) -> None:
    data = bytes(range(256)) * 8192  # 2 MiB
    digest = Digest.of(data)
    start = threading.Barrier(8)

    def push(number: int) -> int:
        client = SocketClient(shared_server.address, str(shared_server.root.parent))
        start.wait()
        target = (
            f"/v2/{repository}/blobs/uploads/?digest={digest}"
            if number % 2
            else closing(start_upload(client, repository), digest)
        )
        answer = client.send("POST" if number % 2 else "PUT", target, data)
        assert client.send("GET", f"/v2/{repository}/blobs/{digest}").body == data
        client.close()
        return answer.status

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(push, range(8))) == [201] * 8
    directory = shared_server.root / repository
    assert [path.name for path in (directory / "blobs/sha256").iterdir()] == [digest.encoded]
    assert list((directory / "_uploads").iterdir()) == []


def test_small_reads_go_on_beside_large_transfers(shared_root: Path) -> None:
    served = Served(shared_root / "of its own")  # whose memory is not that of other tests
    data = bytes(MIB) * 48
    client = SocketClient(served.address, str(shared_root))
    small = push_blob(client, "x", b"small").digest
    large = push_blob(client, "x", data).digest
    is_over = threading.Event()

    def transfer() -> None:
        other = SocketClient(served.address, str(shared_root))
        assert len(other.send("GET", f"/v2/x/blobs/{large}").body) == len(data)
        assert push_blob(other, "x", data).digest == large
        other.close()
        is_over.set()

    thread = threading.Thread(target=transfer)
    thread.start()
    answered = 0
    while not is_over.is_set():
        assert client.send("GET", f"/v2/x/blobs/{small}").body == b"small"
        answered += 1
    thread.join()
    client.close()
    memory = peak_memory(served)
    assert served.stop() == (0, "", "")
    assert answered > 20
    assert memory < 60 * MIB


def test_a_blob_that_has_to_be_read_from_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bytes, by way of a worker."""
    monkeypatch.setattr(BlobFile, "read_cached", lambda _blob, _offset, _length: None)
    data = os.urandom(3 * SEND_SIZE + 1)
    events = events_for_blob(tmp_path, data)
    assert b"".join(event["body"] for event in events) == data
    assert [len(event["body"]) for event in events] == [SEND_SIZE] * 3 + [1]


def test_many_transfers_take_little_memory(shared_root: Path) -> None:
    """Of blobs and of the longest manifests, to clients that take their time."""
    served = Served(shared_root / "for many")
    client = SocketClient(served.address, str(shared_root))
    large = push_blob(client, "x", bytes(16 * MIB)).digest
    push_blob(client, "x", b"{}")
    long = image().ljust(4 * MIB)
    assert put(client, "x", "long", long).status == 201
    for target, count in ((f"/v2/x/blobs/{large}", 24), ("/v2/x/manifests/long", 4)):
        with contextlib.ExitStack() as stack:
            sockets = [stack.enter_context(connected(served)) for _ in range(count)]
            for raw in sockets:
                raw.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            for raw in sockets:
                assert raw.recv(12) == b"HTTP/1.1 200"
    client.close()
    memory = peak_memory(served)
    assert served.stop() == (0, "", "")
    assert memory < 60 * MIB


def test_a_body_that_is_cut_off_stays_in_its_session(
    shared_server: Served, socket_client: SocketClient, repository: str
) -> None:
    data = bytes(range(256)) * 12 * 1024  # 3 MiB
    digest = Digest.of(data)
    for method, target in (("PATCH", "{}"), ("PUT", f"{{}}?digest={digest}")):
        location = start_upload(socket_client, repository)
        with connected(shared_server) as raw:
            head = f"{method} {target.format(location)} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n"
            raw.sendall(head.encode() + data[: 2 * MIB])
            wait_for(lambda: socket_client.send("GET", location).headers["range"] != "0-0")  # noqa: B023
        # It goes on where the other broke off, once the server has seen that it did.
        wait_for(lambda: socket_client.send("PATCH", location).status == 202)  # noqa: B023
        received = int(socket_client.send("GET", location).headers["range"].removeprefix("0-")) + 1
        assert MIB <= received <= 2 * MIB
        assert socket_client.send("GET", f"/v2/{repository}/blobs/{digest}").status == 404
        rest = {"Content-Range": f"{received}-{len(data) - 1}"}
        assert socket_client.send("PUT", closing(location, digest), data[received:], rest).status == 201
        assert socket_client.send("GET", f"/v2/{repository}/blobs/{digest}").body == data
        assert socket_client.send("DELETE", f"/v2/{repository}/blobs/{digest}").status == 202


def test_a_cut_off_push_in_one_request_leaves_nothing(
    shared_server: Served, socket_client: SocketClient, repository: str
) -> None:
    push_blob(socket_client, repository, b"something")
    uploads = shared_server.root / repository / "_uploads"
    with connected(shared_server) as raw:
        head = f"POST /v2/{repository}/blobs/uploads/?digest={EMPTY_JSON.digest} HTTP/1.1\r\nHost: x\r\n"
        raw.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n".encode())
        wait_for(lambda: len(list(uploads.iterdir())) == 1)
    wait_for(lambda: not list(uploads.iterdir()))
    assert socket_client.send("GET", f"/v2/{repository}/blobs/{EMPTY_JSON.digest}").status == 404


def test_a_session_is_one_request_s(shared_server: Served, socket_client: SocketClient, repository: str) -> None:
    location = start_upload(socket_client, repository)
    with connected(shared_server) as raw:
        raw.sendall(
            f"PATCH {location} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n".encode()
        )
        assert raw.recv(100).startswith(b"HTTP/1.1 100")  # it holds the session now
        for method, target in (
            ("PATCH", location),
            ("DELETE", location),
            ("PUT", closing(location, "sha256:" + "0" * 64)),
        ):
            answer = socket_client.send(method, target)
            assert (answer.status, answer.code) == (429, "TOOMANYREQUESTS")
            assert answer.headers["retry-after"] == "1"
        raw.sendall(b"12345")
        assert b" 202 " in raw.recv(1000)
    assert socket_client.send("PUT", closing(location, Digest.of(b"12345"))).status == 201


def test_a_client_that_goes_away_while_it_downloads(
    shared_server: Served, socket_client: SocketClient, repository: str
) -> None:
    """The rest is not read for nobody, and the file is closed."""
    digest = push_blob(socket_client, repository, b"long").digest
    blob = shared_server.root / repository / "blobs/sha256" / digest.encoded
    os.truncate(blob, 1024 * 1024 * MIB)  # a hole that takes minutes to read

    def is_open() -> bool:
        found = False
        for handle in Path(f"/proc/{shared_server.process.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                found = found or handle.readlink() == blob
        return found

    with connected(shared_server) as raw:
        raw.sendall(f"GET /v2/{repository}/blobs/{digest} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert raw.recv(1000).startswith(b"HTTP/1.1 200")
        wait_for(is_open)
    wait_for(lambda: not is_open())
    blob.unlink()


def test_refused_before_the_body_is_asked_for(shared_server: Served) -> None:
    """`Expect: 100-continue` saves the client a body that would be refused."""
    with connected(shared_server) as raw:
        raw.sendall(
            b"PUT /v2/x/manifests/v1 HTTP/1.1\r\nHost: x\r\nContent-Type: a/b\r\nConnection: close\r\n"
            b"Content-Length: 5000000\r\nExpect: 100-continue\r\n\r\n"
        )
        assert raw.recv(1000).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(
    "target",
    [
        b"/v2/../../etc/passwd",
        b"/v2/x/../../y/tags/list",
        b"/v2/x%2f..%2fy/tags/list",
        b"/v2/\x00/tags/list",
        b"//v2/",
    ],
)
def test_raw_paths(shared_server: Served, target: bytes) -> None:
    with connected(shared_server) as raw:
        raw.sendall(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = read_to_end(raw)
    assert answer.split(b" ")[1] in (b"400", b"404")
    assert str(shared_server.root).encode() not in answer


@pytest.mark.parametrize("target", [b"http://x/v2/", b"HTTPS://other.test:1/v2/", b"http:///v2/"])
def test_a_target_in_absolute_form_is_its_path(shared_server: Served, target: bytes) -> None:
    with connected(shared_server) as raw:
        raw.sendall(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert read_to_end(raw).endswith(b"\r\n\r\n{}")


class Scripted(Registry):
    """A registry that does what a test says."""

    def __init__(self, begin: Callable[[], Response | Intake]) -> None:
        self._begin = begin

    def is_immediate(self, request: Request) -> bool:
        assert request.path == "/%s"
        return True

    def begin(self, request: Request) -> Response | Intake:
        assert request.path == "/%s"
        return self._begin()


@pytest.mark.parametrize(
    "head",
    [
        b"PUT /v2/x/manifests/v1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"PUT /v2/x/manifests/v1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n",
        b"PUT /v2/x/manifests/v1 HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"PUT /v2/x/manifests/v1 HTTP/1.1\r\nHost: x\r\nContent-Length: +2\r\n\r\n",
        b"PUT /v2/x/manifests/v1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
        b"PUT /v2/x/manifests/v1 HTTP/1.1\r\nHost: x\r\nA b: c\r\n\r\n",
        b"PUT /v2/x/manifests/v1 HTTP/1.1\r\nHost: x\r\nA: b\x00\r\n\r\n",
        b"PUT /v2/x y/manifests/v1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /v2/ HTTP/1.1\r\nHost: x\r\nA: " + b"b" * (1 << 20) + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
    ],
)
def test_what_could_be_read_as_two_requests_or_none_is_refused(shared_server: Served, head: bytes) -> None:
    """One answer at most, and what follows is never taken for a request (RFC 9112 section 6.3)."""
    with connected(shared_server) as raw:
        with contextlib.suppress(OSError):
            raw.sendall(head + b"0\r\n\r\nGET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n")
            raw.shutdown(socket.SHUT_WR)
        try:
            answer = read_to_end(raw)
        except ConnectionResetError:
            answer = b""
    assert answer.count(b"HTTP/1.1 ") <= 1
    assert b"200 OK" not in answer
    assert not answer or answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 501"))


def ask(
    registry: Registry, receive: Callable[[], Awaitable[Event]], limits: TransferLimits = DEFAULT_TRANSFERS
) -> Answer:
    """The answer of the application, as its server would be given it."""
    sent: list[Event] = []

    async def send(event: Event) -> None:
        sent.append(event)

    scope: Scope = {"type": "http", "method": "PUT", "raw_path": b"/%s", "query_string": b"", "headers": []}
    with ThreadPoolExecutor(1) as workers:
        asyncio.run(Application(registry, workers, limits)(scope, receive, send))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    answer = Answer(sent[0]["status"], headers, bytes(sent[1]["body"]))
    check_error(answer, "PUT", "/srv/secret")
    return answer


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/srv/secret"), 507),
        (OSError(errno.EIO, "Input/output error", "/srv/secret"), 500),
        (ZeroDivisionError("/srv/secret"), 500),
    ],
)
def test_what_nobody_foresaw(caplog: pytest.LogCaptureFixture, error: Exception, status: int) -> None:
    """One line for the client, everything for the log."""

    async def receive() -> Event:
        return {"type": "http.request"}

    def fail() -> Response:
        raise error

    assert ask(Scripted(fail), receive).status == status
    assert "PUT /%s" in caplog.text
    assert "/srv/secret" in caplog.text


def test_a_body_that_stops_coming() -> None:
    is_closed = threading.Event()

    class Waiting(SmallIntake):
        def close(self) -> None:
            is_closed.set()

    async def receive() -> Event:
        await asyncio.Event().wait()
        raise AssertionError

    def never(_data: bytes) -> Response:
        raise AssertionError

    limits = TransferLimits(idle_seconds=0.01)
    assert ask(Scripted(lambda: Waiting(10, never)), receive, limits).status == 408
    assert is_closed.is_set()
