"""The command: what it prints, how it ends, what it refuses."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from registry_shim.limits import SHUTDOWN_GRACE_SECONDS
from tests.shim.process import run
from tests.shim.wire import SocketClient, push_manifest
from wpkg import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.shim.process import Served


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_line_on_stdout_and_a_clean_end(serve: Callable[..., Served], number: signal.Signals) -> None:
    served = serve()
    host, _, port = served.address.removeprefix("http://").partition(":")
    assert served.address == f"http://{host}:{port}"
    assert host == "127.0.0.1"
    client = SocketClient(served.address, str(served.root))
    assert client.send("GET", "/v2/").status == 200  # and the connection stays open
    assert served.stop(number) == (0, "", "")
    client.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=1)


@contextlib.contextmanager
def stuck_upload(served: Served) -> Iterator[socket.socket]:
    """A client that has sent half of a body, and never sends the rest."""
    host, _, port = served.address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as raw:
        raw.sendall(b"POST /v2/x/blobs/uploads/?digest=sha256:" + b"0" * 64 + b" HTTP/1.1\r\n")
        raw.sendall(b"Host: x\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 100")
        raw.sendall(b"12345")
        yield raw


def test_is_waited_for_not_for_ever(serve: Callable[..., Served]) -> None:
    served = serve()
    with stuck_upload(served) as raw:
        assert served.stop() == (0, "", "")
        answer = raw.recv(10_000)
    assert answer == b"" or b" 503 " in answer
    assert list((served.root / "x/_uploads").iterdir()) == []


def test_a_second_interrupt_does_not_wait(serve: Callable[..., Served]) -> None:
    served = serve()
    host, _, port = served.address.removeprefix("http://").partition(":")
    with stuck_upload(served):
        served.process.send_signal(signal.SIGINT)
        with contextlib.suppress(ConnectionRefusedError):  # the first one has been taken to heart
            for _ in range(1000):
                socket.create_connection((host, int(port)), timeout=10).close()
                threading.Event().wait(0.01)
        served.process.send_signal(signal.SIGINT)
        served.process.wait(timeout=SHUTDOWN_GRACE_SECONDS - 1)
        assert served.stop() == (0, "", "")


def test_the_end_leaves_a_plain_layout(serve: Callable[..., Served]) -> None:
    served = serve()
    client = SocketClient(served.address, str(served.root))
    push_manifest(client, "a/b", "v1")
    client.close()
    assert served.stop()[0] == 0
    assert (served.root / "a/b/index.log").read_bytes() == b""
    assert b'"v1"' in (served.root / "a/b/index.json").read_bytes()


def test_help_and_version() -> None:
    assert run("--version").stdout == f"registry-shim, version {__version__}\n"
    shown = run("serve", "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "--root" in shown.stdout
    assert "--port" in shown.stdout


def check_refusal(code: int, *arguments: str) -> str:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert all(line.startswith(("error: ", "hint: ")) for line in done.stderr.splitlines())
    return done.stderr


def test_a_root_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        assert str(path) in check_refusal(2, "serve", "--root", str(path), "--port", "0")


def test_a_root_that_cannot_be_made() -> None:
    check_refusal(2, "serve", "--root", "/proc/registry", "--port", "0")


def test_a_root_that_is_being_served(serve: Callable[..., Served]) -> None:
    served = serve()
    told = check_refusal(6, "serve", "--root", str(served.root), "--port", "0")
    assert "another registry-shim" in told


def test_a_port_that_is_taken(serve: Callable[..., Served], tmp_path: Path) -> None:
    port = serve().address.rpartition(":")[2]
    told = check_refusal(6, "serve", "--root", str(tmp_path / "other"), "--port", port)
    assert port in told


def test_an_address_that_is_not_ours(tmp_path: Path) -> None:
    check_refusal(6, "serve", "--root", str(tmp_path), "--host", "192.0.2.1", "--port", "0")


def test_another_loopback_address(serve: Callable[..., Served]) -> None:
    served = serve("--host", "127.0.0.2")
    assert served.address.startswith("http://127.0.0.2:")
    client = SocketClient(served.address, str(served.root))
    assert client.send("GET", "/v2/").status == 200
    client.close()


@pytest.mark.parametrize(
    "arguments",
    [["serve"], ["serve", "--root", "x", "--port", "65536"], ["serve", "--root", "x", "y"], ["nonsense"]],
)
def test_wrong_usage(arguments: list[str]) -> None:
    check_refusal(2, *arguments)


def test_without_arguments_it_helps() -> None:
    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    assert "serve" in done.stdout
