"""Limits of what is stored and of what a client may cost, each with its answer."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from registry_shim.errors import NoSpaceLeft
from registry_shim.limits import SPARE_CONNECTIONS, UploadLimits
from registry_shim.store.store import Store
from tests.shim.conftest import new_id
from tests.shim.wire import InProcessClient, SocketClient, closing, push_blob, push_manifest, put, start_upload
from wpkg.oci.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.shim.process import Served
    from tests.shim.wire import Answer

HUGE = 2**62


@contextlib.contextmanager
def limited_client(root: Path, **limits: int) -> Iterator[InProcessClient]:
    with Store(root, new_id, UploadLimits(**limits)) as store:
        yield InProcessClient(store, str(root))


def pieces(*data: bytes) -> Iterator[bytes]:
    yield from data


class TestSizeOfABlob:
    @pytest.fixture
    def client(self, root: Path) -> Iterator[InProcessClient]:
        with limited_client(root, blob_size=10) as client:
            yield client

    def check(self, answer: Answer) -> None:
        assert (answer.status, answer.code) == (413, "SIZE_INVALID")
        assert "a blob may have 10 bytes" in answer.body.decode()

    def test_in_one_request(self, client: InProcessClient) -> None:
        assert push_blob(client, "x", b"0123456789").size == 10
        target = f"/v2/x/blobs/uploads/?digest={Digest.of(b'0123456789A')}"
        self.check(client.send("POST", target, b"0123456789A"))
        self.check(client.send("POST", target, pieces(b"012345", b"6789A")))
        assert client.send("GET", f"/v2/x/blobs/{Digest.of(b'0123456789A')}").status == 404

    def test_is_refused_before_it_is_sent(self, client: InProcessClient) -> None:
        def never() -> Iterator[bytes]:
            yield b"asked for"
            raise AssertionError

        headers = {"Content-Length": "11"}
        self.check(client.send("POST", f"/v2/x/blobs/uploads/?digest={Digest.of(b'')}", never(), headers))
        location = start_upload(client, "x")
        self.check(client.send("PATCH", location, never(), headers))
        self.check(client.send("PUT", closing(location, Digest.of(b"")), never(), headers))

    def test_in_chunks(self, client: InProcessClient) -> None:
        location = start_upload(client, "x")
        assert client.send("PATCH", location, b"012345").status == 202
        self.check(client.send("PATCH", location, pieces(b"67", b"89", b"A")))
        self.check(client.send("PUT", closing(location, Digest.of(b"x")), pieces(b"6789", b"A")))
        self.check(client.send("PATCH", location, b"6789A"))
        # What was there before is there still, and the upload can be ended within the limit.
        assert client.send("GET", location).headers["range"] == "0-5"
        digest = Digest.of(b"0123456789")
        assert client.send("PUT", closing(location, digest), b"6789").status == 201
        assert client.send("GET", f"/v2/x/blobs/{digest}").body == b"0123456789"


class TestOpenUploads:
    def check(self, answer: Answer) -> None:
        assert (answer.status, answer.code) == (429, "TOOMANYREQUESTS")
        assert answer.headers["retry-after"] == "60"

    def test_are_counted_by_repository(self, root: Path) -> None:
        with limited_client(root, sessions=2) as client:
            first, second = (start_upload(client, "x") for _ in range(2))
            self.check(client.send("POST", "/v2/x/blobs/uploads/"))
            self.check(client.send("POST", f"/v2/x/blobs/uploads/?digest={Digest.of(b'a')}", b"a"))
            start_upload(client, "y")
            assert client.send("DELETE", first).status == 204
            push_blob(client, "x", b"there is room for a moment")
            third = start_upload(client, "x")
            self.check(client.send("POST", "/v2/x/blobs/uploads/"))
            assert client.send("PUT", closing(second, Digest.of(b"a")), b"a").status == 201
            assert client.send("PUT", closing(third, Digest.of(b"a")), b"not a").status == 400
            for _ in range(2):
                start_upload(client, "x")
            self.check(client.send("POST", "/v2/x/blobs/uploads/"))
        with limited_client(root, sessions=2) as client:  # a restart forgets none
            self.check(client.send("POST", "/v2/x/blobs/uploads/"))

    def test_one_that_vanished_does_not_count(self, root: Path) -> None:
        with limited_client(root, sessions=1) as client:
            location = start_upload(client, "x")
            next((root / "x/_uploads").iterdir()).unlink()
            assert client.send("PATCH", location, b"x").status == 404
            start_upload(client, "x")


class TestSpaceThatIsKept:
    def check(self, answer: Answer) -> None:
        assert (answer.status, answer.code) == (507, "DENIED")

    def test_uploads_leave_it_and_the_rest_goes_on(self, root: Path) -> None:
        with limited_client(root) as client:
            manifest = push_manifest(client, "x", "v1")
            location = start_upload(client, "x")
            assert client.send("PATCH", location, b"abc").status == 202
        with limited_client(root, free_space=HUGE) as client:
            self.check(client.send("POST", "/v2/x/blobs/uploads/"))
            self.check(client.send("POST", f"/v2/x/blobs/uploads/?digest={Digest.of(b'a')}", b"a"))
            self.check(client.send("PATCH", location, b"d"))
            self.check(client.send("PATCH", location, pieces(b"d")))
            self.check(client.send("PUT", closing(location, Digest.of(b"abc"))))
            self.check(put(client, "x", "v2", manifest.data))
            assert client.send("GET", location).headers["range"] == "0-2"
            assert client.send("GET", "/v2/x/manifests/v1").body == manifest.data
            assert client.send("DELETE", location).status == 204
            assert client.send("DELETE", "/v2/x/manifests/v1").status == 202
            assert client.send("GET", "/v2/x/tags/list").json["tags"] == []

    def test_a_disk_that_fills_up_meanwhile(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with limited_client(root) as client:
            location = start_upload(client, "x")
            assert client.send("PATCH", location, b"abc").status == 202

            def check_space(directory: Path, size: int, reserve: int) -> None:
                if size > 3:
                    raise NoSpaceLeft("the registry's disk is nearly full")

            monkeypatch.setattr("registry_shim.store.uploads.check_space", check_space)
            self.check(client.send("PATCH", location, pieces(b"def", b"more than that")))
            assert (
                client.send("GET", location).headers["range"] == "0-5"
            )  # it goes on from here, when there is room

    def test_what_is_announced_counts(self, root: Path) -> None:
        with limited_client(root, blob_size=2 * HUGE) as client:
            target = f"/v2/x/blobs/uploads/?digest={Digest.of(b'a')}"
            self.check(client.send("POST", target, b"a", {"Content-Length": str(HUGE)}))
            assert list((root / "x/_uploads").iterdir()) == []


# --- over sockets ---


def connect(served: Served) -> socket.socket:
    host, _, port = served.address.partition("://")[2].partition(":")
    return socket.create_connection((host, int(port)), timeout=10)


def read_answer(raw: socket.socket) -> tuple[bytes, bytes]:
    """The head and the body of an answer after which the connection ends."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while part := raw.recv(65536):
            data += part
    head, _, body = data.partition(b"\r\n\r\n")
    return head, body


def code_of(body: bytes) -> str:
    return str(json.loads(body)["errors"][0]["code"])


def test_too_many_connections(serve: Callable[..., Served]) -> None:
    served = serve("--max-connections", "2")
    first, second = (SocketClient(served.address, str(served.root)) for _ in range(2))
    assert [client.send("GET", "/v2/").status for client in (first, second)] == [200, 200]
    with connect(served) as third:
        third.sendall(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n")
        head, body = read_answer(third)
    assert head.startswith(b"HTTP/1.1 503")
    assert b"retry-after: 1" in head
    assert code_of(body) == "TOOMANYREQUESTS"
    assert first.send("GET", "/v2/").status == 200  # who is in goes on
    first.close()
    for _ in range(100):
        fourth = SocketClient(served.address, str(served.root))
        status = fourth.send("GET", "/v2/").status
        fourth.close()
        if status == 200:
            break
        threading.Event().wait(0.02)
    assert status == 200
    second.close()
    assert served.stop() == (0, "", "")


def test_far_too_many_connections_are_closed_unheard(serve: Callable[..., Served]) -> None:
    served = serve("--max-connections", "1")
    with contextlib.ExitStack() as stack:
        for _ in range(1 + SPARE_CONNECTIONS):
            stack.enter_context(connect(served))
        with connect(served) as beyond:
            assert read_answer(beyond) == (b"", b"")
    assert served.stop() == (0, "", "")


class TestSlowClients:
    @pytest.fixture
    def served(self, serve: Callable[..., Served]) -> Iterator[Served]:
        served = serve("--head-timeout", "1", "--idle-timeout", "1", "--min-rate", "1GiB")
        yield served
        assert served.stop() == (0, "", "")

    def trickle(self, raw: socket.socket, piece: bytes) -> float:
        """The seconds until the server has had enough of a piece every now and then."""
        began = time.monotonic()
        raw.settimeout(0.1)
        while time.monotonic() - began < 10:
            with contextlib.suppress(TimeoutError):
                raw.recv(1, socket.MSG_PEEK)
                return time.monotonic() - began
            raw.sendall(piece)
        raise AssertionError("it waits for ever")

    def trickle_for_ever(self, raw: socket.socket) -> None:
        for _ in range(100):
            raw.sendall(b"x")
            threading.Event().wait(0.05)

    @pytest.mark.parametrize("before", [0, 1])
    def test_a_head_that_trickles_in(self, served: Served, before: int) -> None:
        with connect(served) as raw:
            for _ in range(before):  # a connection that has been of use is treated alike
                raw.sendall(b"HEAD /v2/ HTTP/1.1\r\nHost: x\r\n\r\n")
                assert raw.recv(10_000).startswith(b"HTTP/1.1 200")
            raw.sendall(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n")
            assert 0.5 < self.trickle(raw, b"X-A: b\r\n") < 5
            raw.settimeout(10)
            head, body = read_answer(raw)
        assert head.startswith(b"HTTP/1.1 408")
        assert code_of(body) == "UNSUPPORTED"

    def test_a_connection_on_which_nothing_comes(self, served: Served) -> None:
        with connect(served) as raw:
            assert read_answer(raw) == (b"", b"")

    def test_a_body_that_trickles_in(self, served: Served) -> None:
        client = SocketClient(served.address, str(served.root))
        location = start_upload(client, "x")
        with connect(served) as raw:
            raw.sendall(f"PATCH {location} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n".encode())
            assert 0.5 < self.trickle(raw, b"x") < 5
            raw.settimeout(10)
            assert raw.recv(10_000).startswith(b"HTTP/1.1 408")
        assert client.send("PATCH", location, b"y").status == 202  # the session is free again
        client.close()

    def test_a_refused_body_that_trickles_in(self, served: Served) -> None:
        with connect(served) as raw:
            raw.sendall(b"PUT /v2/x/manifests/v1 HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n")
            assert raw.recv(10_000).startswith(b"HTTP/1.1 413")
            with pytest.raises(ConnectionError):
                self.trickle_for_ever(raw)

    def test_a_client_that_does_not_read(self, served: Served) -> None:
        client = SocketClient(served.address, str(served.root))
        digest = push_blob(client, "x", bytes(16 * 2**20)).digest
        client.close()
        blob = served.root / "x/blobs/sha256" / digest.encoded

        def is_open() -> bool:
            found = False
            for handle in Path(f"/proc/{served.process.pid}/fd").iterdir():
                with contextlib.suppress(FileNotFoundError):
                    found = found or handle.readlink() == blob
            return found

        with connect(served) as raw:
            raw.sendall(f"GET /v2/x/blobs/{digest} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert raw.recv(100).startswith(b"HTTP/1.1 200")
            assert is_open()
            for _ in range(100):
                if not is_open():
                    break
                threading.Event().wait(0.05)
            assert not is_open()


def test_a_client_that_goes_on_reading_is_not_cut_off(serve: Callable[..., Served]) -> None:
    """It takes longer than a piece may take, but no piece does."""
    served = serve("--idle-timeout", "2", "--min-rate", "1GiB")
    client = SocketClient(served.address, str(served.root))
    digest = push_blob(client, "x", bytes(64 * 2**20)).digest
    client.close()
    with connect(served) as raw:
        raw.sendall(f"GET /v2/x/blobs/{digest} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        size = 0
        while part := raw.recv(2**20, socket.MSG_WAITALL):
            size += len(part)
            threading.Event().wait(0.05)
    assert size > 64 * 2**20
    assert served.stop() == (0, "", "")


def test_what_is_not_http(serve: Callable[..., Served]) -> None:
    served = serve()
    for nonsense in (
        b"NONSENSE\r\n\r\n",
        b"GET /v2/ HTTP/1.1\r\nHost x\r\n\r\n",
        b"\x16\x03\x01\x00\xa5\x01\x00\n\n",
    ):
        with connect(served) as raw:
            raw.sendall(nonsense)
            head, body = read_answer(raw)
        assert head.startswith(b"HTTP/1.1 400")
        assert code_of(body) == "UNSUPPORTED"
    assert served.stop() == (0, "", "")
