"""Whatever the other registry or the network does, nothing wrong is kept, and nothing wrong is whole."""

from __future__ import annotations

import hashlib
import http.client
import os
import socket
import threading
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from registry_shim.limits import UploadLimits
from registry_shim.store.store import Store
from registry_shim.upstream.arrivals import Arrival
from tests.contract.test_faults import FAULTS
from tests.fakes import fault_proxy as faults
from tests.fakes.fault_proxy import ALWAYS
from tests.shim.conftest import new_id
from tests.shim.process import Served
from tests.shim.test_server import wait_for
from tests.shim.upstream.conftest import Clock, check_clean, mirror_of
from tests.shim.wire import EMPTY_JSON, InProcessClient, SocketClient, push_blob, push_manifest
from wpkg.oci.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fakes.fault_proxy import FaultProxy

LARGE = os.urandom(8 * 1024 * 1024)  # more than is waited for
# Without a digest to go by, what a registry says in well-formed lies is believed: that is its own word.
BELIEVED = {("tags/list", "corrupted")}


@pytest.mark.parametrize("times", [1, ALWAYS])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    "what", ["manifests/v1", "manifests/{digest}", "blobs/{blob}", "tags/list", "referrers/{digest}"]
)
def test_an_answer_is_right_or_an_error(
    upstream: SocketClient,
    mirror: InProcessClient,
    proxy: FaultProxy,
    name: str,
    root: Path,
    what: str,
    fault: str,
    times: int,
) -> None:
    pushed = push_manifest(upstream, name, "v1")
    push_manifest(upstream, name, subject=pushed.descriptor, artifact_type="a/b")
    blob = push_blob(upstream, name, os.urandom(1000))
    target = what.format(digest=pushed.digest, blob=blob.digest)
    proxy.on("GET|HEAD", "/v2/", FAULTS[fault], times)
    answer = mirror.send("GET", f"/v2/m/{name}/{target}")
    wanted = upstream.send("GET", f"/v2/{name}/{target}").body.replace(name.encode(), f"m/{name}".encode())
    if answer.status != 200:
        assert answer.status == {"403": 403, "429": 429, "503": 503}.get(fault, 502)
        assert proxy.address in answer.json["errors"][0]["message"]
    elif answer.body != wanted:
        assert (what, fault) in BELIEVED
    check_clean(root)
    proxy.forget_rules()


def test_a_blob_that_is_wrong_is_found_out_and_right_the_next_time(
    upstream: SocketClient, mirror: InProcessClient, proxy: FaultProxy, name: str, root: Path
) -> None:
    blob = push_blob(upstream, name, b"right")
    target = f"/v2/m/{name}/blobs/{blob.digest}"
    proxy.on("GET", "/blobs/", faults.corrupted)
    answer = mirror.send("GET", target)
    assert (answer.status, answer.code) == (502, "DIGEST_INVALID")
    assert "other bytes than the digest says" in answer.json["errors"][0]["message"]
    check_clean(root)
    proxy.forget_rules()
    assert mirror.send("GET", target).body == b"right"


def test_a_manifest_that_is_none(
    upstream: SocketClient, mirror: InProcessClient, proxy: FaultProxy, name: str
) -> None:
    digest = Digest.of(b"{}")
    headers = {"Content-Type": "application/json", "Docker-Content-Digest": str(digest)}
    proxy.on("GET|HEAD", "/manifests/", lambda _request, _forward: faults.Reply(200, headers, b"{}"))
    for reference in ("v1", digest):
        answer = mirror.send("GET", f"/v2/m/{name}/manifests/{reference}")
        assert (answer.status, answer.code) == (502, "MANIFEST_INVALID")


def test_what_may_not_be_had_is_not_called_missing(mirror: InProcessClient, proxy: FaultProxy, name: str) -> None:
    proxy.on("GET|HEAD", "/v2/", faults.basic_gate("secret"))
    for target in ("manifests/v1", f"blobs/{EMPTY_JSON.digest}", "tags/list"):
        answer = mirror.send("GET", f"/v2/m/{name}/{target}")
        assert (answer.status, answer.code) == (403, "DENIED")


def test_what_the_disk_has_no_room_for_is_not_begun(
    upstream: SocketClient, proxy: FaultProxy, name: str, tmp_path: Path, clock: Clock
) -> None:
    blob = push_blob(upstream, name, b"small")
    with Store(tmp_path, new_id, UploadLimits(free_space=1 << 60)) as store:
        mirror = InProcessClient(store, str(tmp_path), mirror_of(proxy, store, clock))
        answer = mirror.send("GET", f"/v2/m/{name}/blobs/{blob.digest}")
        assert (answer.status, answer.code) == (507, "DENIED")
    assert proxy.asked("GET", "/blobs/") == []
    check_clean(tmp_path)


# --- while it comes -----------------------------------------------------------------------------------


def test_the_last_byte_waits_for_the_digest() -> None:
    arrival = Arrival(10, -1)
    assert not arrival.may_read(1)
    arrival.note(10)
    assert arrival.may_read(9)
    assert not arrival.may_read(10)
    arrival.end(None)
    assert arrival.may_read(10)


def test_after_a_failure_nothing_is_read() -> None:
    arrival = Arrival(10, -1)
    arrival.note(5)
    arrival.end(ValueError("x"))
    with pytest.raises(ValueError, match="x"):
        arrival.wait_for(1)


@contextmanager
def mirroring(tmp_path: Path, address: str) -> Iterator[Served]:
    served = Served(tmp_path / "mirror", "--upstream", f"http://{address},m")
    try:
        yield served
    finally:
        served.process.kill()
        served.process.communicate()


def read(served: Served, target: str) -> tuple[int, bytes]:
    """The status, and what came until the end or until it broke off."""
    connection = http.client.HTTPConnection(served.address.removeprefix("http://"), timeout=20)
    connection.request("GET", target)
    answer = connection.getresponse()
    data = b""
    try:
        while piece := answer.read(65536):
            data += piece
    except (http.client.IncompleteRead, ConnectionError) as error:
        data += getattr(error, "partial", b"")
    connection.close()
    return answer.status, data


@pytest.mark.parametrize("fault", ["corrupted", "truncated", "reset midway", "longer"])
def test_a_large_blob_that_is_wrong_breaks_off(
    upstream: SocketClient, proxy: FaultProxy, name: str, tmp_path: Path, fault: str
) -> None:
    blob = push_blob(upstream, name, LARGE)
    with mirroring(tmp_path, proxy.address) as served:
        proxy.on("GET", "/blobs/", FAULTS[fault])
        status, data = read(served, f"/v2/m/{name}/blobs/{blob.digest}")
        assert status in (200, 502)
        assert status == 502 or len(data) < len(LARGE)
        check_clean(served.root)
        proxy.forget_rules()
        assert read(served, f"/v2/m/{name}/blobs/{blob.digest}") == (200, LARGE)
        check_clean(served.root)
        proxy.seen.clear()
        assert read(served, f"/v2/m/{name}/blobs/{blob.digest}") == (200, LARGE)
        assert proxy.seen == []
        code, _, log = served.stop()
    assert code == 0
    assert "Traceback" not in log


class HalfWay:
    """A registry with one blob, half of which comes at once, and the rest when `go_on` is set."""

    def __init__(self) -> None:
        self.digest = Digest("sha256", hashlib.sha256(LARGE).hexdigest())
        self.go_on = threading.Event()
        self.gets = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines, suppress(ConnectionError):
            request = lines.readline()
            while lines.readline() != b"\r\n":
                pass
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(LARGE)}\r\nConnection: close\r\n\r\n"
            connection.sendall(head.encode())
            if request.startswith(b"GET"):
                self.gets += 1
                connection.sendall(LARGE[: len(LARGE) // 2])
                if self.go_on.wait(20):
                    connection.sendall(LARGE[len(LARGE) // 2 :])

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def half_way() -> Iterator[HalfWay]:
    registry = HalfWay()
    yield registry
    registry.go_on.set()
    registry.close()


@contextmanager
def getting(served: Served, digest: Digest) -> Iterator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection(served.address.removeprefix("http://"), timeout=20)
    connection.request("GET", f"/v2/m/x/blobs/{digest}")
    with connection.getresponse() as answer:
        yield answer
    connection.close()


def test_a_client_gets_it_while_it_comes(half_way: HalfWay, tmp_path: Path) -> None:
    with mirroring(tmp_path, half_way.address) as served, ExitStack() as stack:
        answers = [stack.enter_context(getting(served, half_way.digest)) for _ in range(20)]
        for answer in answers:
            assert answer.read(1024 * 1024) == LARGE[: 1024 * 1024]
        assert list(served.root.glob("**/blobs/*/*")) == []
        # Others are served meanwhile, though twenty wait.
        client = SocketClient(served.address, str(tmp_path))
        push_manifest(client, "other", "v1")
        client.close()
        half_way.go_on.set()
        for answer in answers:
            assert answer.read() == LARGE[1024 * 1024 :]
        assert half_way.gets == 1
        check_clean(served.root / "m")
        assert served.stop() == (0, "", "")


def test_all_clients_may_leave(half_way: HalfWay, tmp_path: Path) -> None:
    with mirroring(tmp_path, half_way.address) as served:
        with getting(served, half_way.digest) as answer:
            answer.read(1)
        half_way.go_on.set()
        blob = served.root / "m/x/blobs/sha256" / half_way.digest.encoded
        wait_for(lambda: blob.exists() and not list(served.root.glob("**/_uploads/*")))
        check_clean(served.root)
        assert served.stop() == (0, "", "")


def test_what_was_coming_when_it_was_killed_is_forgotten(half_way: HalfWay, tmp_path: Path) -> None:
    with mirroring(tmp_path, half_way.address) as served:
        with getting(served, half_way.digest) as answer:
            answer.read(1)
            served.process.kill()
            served.process.wait()
        half_way.go_on.set()
    assert len(list((tmp_path / "mirror").glob("**/_uploads/*"))) == 1
    with mirroring(tmp_path, half_way.address) as served:
        with getting(served, half_way.digest) as answer:
            assert answer.read() == LARGE
        check_clean(served.root)


def test_it_ends_while_something_is_coming(half_way: HalfWay, tmp_path: Path) -> None:
    with mirroring(tmp_path, half_way.address) as served, getting(served, half_way.digest) as answer:
        answer.read(1)
        code, _, log = served.stop()
        assert (code, "Traceback" in log) == (0, False)
