"""Options for passwords and encryption: what goes together, what is refused, and what a client meets."""

from __future__ import annotations

import contextlib
import http.client
import signal
import socket
import ssl
import threading
import warnings
from typing import TYPE_CHECKING

import pytest

from tests.certificates import write_certificate
from tests.shim.auth.people import PASSWORDS, basic, hash_of, htpasswd, write_files
from tests.shim.test_command import check_refusal
from tests.shim.wire import SocketClient

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.shim.process import Served


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    passwords, rules = write_files(tmp_path)
    return str(passwords), str(rules)


@pytest.fixture
def pems(tmp_path: Path) -> tuple[str, str]:
    certificate, key = write_certificate(tmp_path)
    return str(certificate), str(key)


def secure_client(served: Served, certificate: str) -> SocketClient:
    client = SocketClient(served.address, str(served.root))
    assert client.connection.port is not None
    client.connection = http.client.HTTPSConnection(
        "127.0.0.1", client.connection.port, timeout=10, context=ssl.create_default_context(cafile=certificate)
    )
    return client


def refused(tmp_path: Path, *options: str) -> str:
    told = check_refusal(2, "serve", "--root", str(tmp_path / "root"), "--port", "0", *options)
    assert "hunter2" not in told
    return told


def test_passwords(serve: Callable[..., Served], files: tuple[str, str]) -> None:
    served = serve("--htpasswd", files[0])
    client = SocketClient(served.address, str(served.root))
    assert client.send("GET", "/v2/").status == 401
    assert client.send("GET", "/v2/open/app/tags/list").status == 401  # without rules nothing is open
    for name in PASSWORDS:
        assert client.send("POST", "/v2/open/app/blobs/uploads/", headers=basic(name)).status == 202
    client.close()
    assert served.stop() == (0, "", "")


def test_rules(serve: Callable[..., Served], files: tuple[str, str]) -> None:
    served = serve("--htpasswd", files[0], "--access", files[1])
    client = SocketClient(served.address, str(served.root))
    assert client.send("GET", "/v2/open/app/tags/list").status == 404
    assert client.send("POST", "/v2/open/app/blobs/uploads/", headers=basic("bob")).status == 403
    assert client.send("POST", "/v2/open/app/blobs/uploads/", headers=basic("ci")).status == 202
    client.close()
    assert served.stop() == (0, "", "")


def test_changes_count_at_once_and_on_a_signal(
    serve: Callable[..., Served], files: tuple[str, str], tmp_path: Path
) -> None:
    served = serve("--htpasswd", files[0])
    client = SocketClient(served.address, str(served.root))
    assert client.send("GET", "/v2/", headers=basic("alice", "new")).status == 401
    (tmp_path / "htpasswd").write_text(htpasswd({**PASSWORDS, "alice": "new"}))
    assert client.send("GET", "/v2/", headers=basic("alice", "new")).status == 200
    served.process.send_signal(signal.SIGHUP)
    assert client.send("GET", "/v2/", headers=basic("alice", "new")).status == 200
    client.close()
    code, _, err = served.stop()
    assert code == 0
    assert err.count("was read again") == 2


class TestWhatIsRefused:
    def test_other_hashes_with_their_line(self, tmp_path: Path) -> None:
        path = tmp_path / "htpasswd"
        path.write_text(f"# x\nalice:{hash_of('a')}\nbob:$apr1$hunter2$hunter2\n")
        told = refused(tmp_path, "--htpasswd", str(path))
        assert told.splitlines()[0] == f"error: {path}: line 3: the hash of 'bob' is not one of bcrypt"
        assert "htpasswd -B" in told

    def test_files_that_are_not_there(self, tmp_path: Path, files: tuple[str, str]) -> None:
        assert "cannot be read" in refused(tmp_path, "--htpasswd", str(tmp_path / "none"))
        assert "cannot be read" in refused(tmp_path, "--htpasswd", files[0], "--access", str(tmp_path / "none"))

    def test_rules_that_are_none(self, tmp_path: Path, files: tuple[str, str]) -> None:
        (tmp_path / "wrong").write_text("version = 1\n[[rule]]\nprefix = ''\nraed = ['alice']\n")
        told = refused(tmp_path, "--htpasswd", files[0], "--access", str(tmp_path / "wrong"))
        assert "rule[0].raed: it is not a key" in told
        assert "did you mean 'read'?" in told

    def test_options_without_their_other_half(
        self, tmp_path: Path, files: tuple[str, str], pems: tuple[str, str]
    ) -> None:
        assert "--access needs --htpasswd" in refused(tmp_path, "--access", files[1])
        assert "without its key" in refused(tmp_path, "--tls-cert", pems[0])
        assert "without its key" in refused(tmp_path, "--tls-key", pems[1])

    def test_passwords_that_others_could_read(self, tmp_path: Path, files: tuple[str, str]) -> None:
        told = refused(tmp_path, "--host", "0.0.0.0", "--htpasswd", files[0])  # noqa: S104 - that is the point
        assert "passwords would be sent over the network unencrypted" in told
        assert "--tls-cert FILE --tls-key FILE" in told

    @pytest.mark.parametrize("size", ["", "x", "-1", "1.5GiBs", "1XB", "1Gi b b"])
    def test_sizes(self, tmp_path: Path, size: str) -> None:
        assert "is not a size" in refused(tmp_path, "--max-blob-size", size)

    def test_certificates(self, tmp_path: Path, pems: tuple[str, str]) -> None:
        certificate, key = pems
        _, other_key = write_certificate(tmp_path, "other")
        _, locked_key = write_certificate(tmp_path, "locked", password=b"hunter2")
        (tmp_path / "text").write_text("hunter2")
        (tmp_path / "binary").write_bytes(bytes(range(256)))
        for used, used_key, culprit, said in (
            (str(tmp_path / "none"), key, "none", "cannot be read"),
            (certificate, str(tmp_path / "none"), "none", "cannot be read"),
            (certificate, str(tmp_path), tmp_path.name, "cannot be read"),
            (str(tmp_path / "text"), key, "text", "it holds no certificate in PEM"),
            (str(tmp_path / "binary"), key, "binary", "it holds no certificate in PEM"),
            (key, key, "server.key", "it holds no certificate in PEM"),
            (certificate, str(tmp_path / "text"), "text", "it holds no private key in PEM"),
            (certificate, certificate, "server.pem", "it holds no private key in PEM"),
            (certificate, str(other_key), "other.key", "it is not the key of the certificate"),
            (certificate, str(locked_key), "locked.key", "it has a password"),
        ):
            told = refused(tmp_path, "--tls-cert", used, "--tls-key", used_key)
            assert said in told
            assert f"{culprit}: " in told


def test_sizes_that_are_taken(serve: Callable[..., Served]) -> None:
    served = serve("--max-blob-size", "1KiB")
    client = SocketClient(served.address, str(served.root))
    answer = client.send("POST", "/v2/x/blobs/uploads/?digest=sha256:" + "0" * 64, bytes(1025))
    assert (answer.status, answer.code) == (413, "SIZE_INVALID")
    assert "1024 bytes" in answer.body.decode()
    client.close()


@pytest.mark.parametrize("is_encrypted", [True, False])
def test_passwords_from_the_network(
    serve: Callable[..., Served], files: tuple[str, str], pems: tuple[str, str], *, is_encrypted: bool
) -> None:
    how = ["--tls-cert", pems[0], "--tls-key", pems[1]] if is_encrypted else ["--passwords-over-http"]
    served = serve("--host", "0.0.0.0", "--htpasswd", files[0], *how)  # noqa: S104 - that is the point
    assert served.address.startswith("https://" if is_encrypted else "http://")
    code, _, err = served.stop()
    assert code == 0
    assert ("passwords come in over plain HTTP, as was asked for" in err) is not is_encrypted


class TestEncryption:
    @pytest.fixture
    def served(self, serve: Callable[..., Served], pems: tuple[str, str]) -> Served:
        return serve("--tls-cert", pems[0], "--tls-key", pems[1])

    def test_requests(self, served: Served, pems: tuple[str, str]) -> None:
        assert served.address.startswith("https://127.0.0.1:")
        client = secure_client(served, pems[0])
        data = bytes(3 * 2**20)
        answer = client.send("POST", "/v2/x/blobs/uploads/", b"")
        location = answer.location
        assert client.send("PATCH", location, data).status == 202
        assert client.send("GET", location).headers["range"] == f"0-{len(data) - 1}"
        client.close()
        assert served.stop() == (0, "", "")

    def connect(self, served: Served, context: ssl.SSLContext) -> ssl.SSLSocket:
        host, _, port = served.address.partition("://")[2].partition(":")
        return context.wrap_socket(socket.create_connection((host, int(port)), timeout=10), server_hostname=host)

    def test_nothing_older_than_tls_1_2(self, served: Served) -> None:
        for version, is_spoken in (
            (ssl.TLSVersion.TLSv1_3, True),
            (ssl.TLSVersion.TLSv1_2, True),
            (ssl.TLSVersion.TLSv1_1, False),
        ):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            context.set_ciphers("ALL:@SECLEVEL=0")  # else OpenSSL itself would not offer what is old
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # which is what this is about
                context.minimum_version = ssl.TLSVersion.TLSv1
                context.maximum_version = version
            if is_spoken:
                with self.connect(served, context) as raw:
                    assert raw.version() == version.name.replace("TLSv1_", "TLSv1.")
            else:
                with pytest.raises((ssl.SSLError, ConnectionError)):
                    self.connect(served, context)
        assert served.stop() == (0, "", "")

    def test_plain_http_gets_nothing(self, served: Served) -> None:
        host, _, port = served.address.partition("://")[2].partition(":")
        with socket.create_connection((host, int(port)), timeout=10) as raw:
            raw.sendall(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"HTTP/1.1 200" not in raw.recv(1000)
        assert served.stop() == (0, "", "")

    def test_a_handshake_that_does_not_begin(self, serve: Callable[..., Served], pems: tuple[str, str]) -> None:
        served = serve("--tls-cert", pems[0], "--tls-key", pems[1], "--head-timeout", "1")
        host, _, port = served.address.partition("://")[2].partition(":")
        with (
            socket.create_connection((host, int(port)), timeout=10) as raw,
            contextlib.suppress(ConnectionError),
        ):
            assert raw.recv(100) == b""
        assert served.stop() == (0, "", "")

    def test_a_new_certificate_is_read_on_a_signal(
        self, served: Served, tmp_path: Path, pems: tuple[str, str]
    ) -> None:
        def presented() -> bytes:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            with self.connect(served, context) as raw:
                return raw.getpeercert(binary_form=True) or b""

        def wait_for_another(than: bytes) -> bytes:
            served.process.send_signal(signal.SIGHUP)
            for _ in range(100):
                if (found := presented()) != than:
                    return found
                threading.Event().wait(0.02)
            raise AssertionError("it shows the old one")

        first = presented()
        write_certificate(tmp_path)
        second = wait_for_another(first)
        (tmp_path / "server.key").write_text("nonsense")
        served.process.send_signal(signal.SIGHUP)
        for _ in range(5):
            assert presented() == second  # it goes on with what it has
            threading.Event().wait(0.02)
        code, _, err = served.stop()
        assert code == 0
        assert "the certificate was read again" in err
        assert "the certificate stays as it was" in err
        assert "Traceback" not in err
