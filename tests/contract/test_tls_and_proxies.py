"""Certificates and proxies as people have them configured; https is never given up."""

from __future__ import annotations

import datetime as dt
import json
import socket
import ssl
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.fakes.fault_proxy import FaultProxy, Reply, fault_proxy, redirected
from wpkg.errors import InvalidInput
from wpkg.oci.reference import Repository
from wpkg.registry.client import RegistryClient
from wpkg.registry.errors import UnexpectedAnswer, Unreachable
from wpkg.registry.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOST = "registry.test"  # a name that is not this machine's, for all that it leads here
VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
TAGS = json.dumps({"name": "a/b", "tags": ["1.0.0"]}).encode()


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, *PROXIES, *(name.lower() for name in PROXIES)):
        monkeypatch.delenv(name, raising=False)
    resolve = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *rest, **named: resolve("127.0.0.1" if host == HOST else host, *rest, **named),
    )


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of `HOST` with its key, which nobody has signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "certificate.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return file


@pytest.fixture
def secure(certificate: Path) -> Iterator[FaultProxy]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with fault_proxy(None, context) as server:
        server.on("GET", "/tags/", lambda r, f: Reply(200, {"Content-Type": "application/json"}, TAGS))
        yield server


def at(server: FaultProxy) -> Repository:
    return Repository(f"{HOST}:{server.address.partition(':')[2]}", "a/b")


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_certificate_of_ones_own(
    secure: FaultProxy, certificate: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, str(certificate))
    assert RegistryClient().list_tags(at(secure)) == ["1.0.0"]


def test_a_certificate_that_nobody_trusts(secure: FaultProxy) -> None:
    with pytest.raises(Unreachable, match="its TLS certificate is not valid") as caught:
        RegistryClient().list_tags(at(secure))
    assert caught.value.is_passing is False
    assert secure.seen == []


def test_a_file_of_certificates_that_is_not_there(secure: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
    with pytest.raises(InvalidInput, match="SSL_CERT_FILE names /nowhere.pem, which is not there"):
        RegistryClient().list_tags(at(secure))


def test_plain_http_is_not_a_way_out() -> None:
    with fault_proxy(None) as plain:
        with pytest.raises(Unreachable, match="TLS failed") as caught:
            RegistryClient().list_tags(at(plain))
        assert "WPKG_INSECURE_REGISTRIES" in (caught.value.hint or "")
        assert plain.seen == []
        named = Transport(plain_http=frozenset({HOST}))
        plain.on("GET", "/tags/", lambda r, f: Reply(200, {}, TAGS))
        assert RegistryClient(named).list_tags(at(plain)) == ["1.0.0"]


def test_a_redirect_out_of_encryption(
    secure: FaultProxy, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    secure.on("GET", "/tags/", redirected(f"http://{HOST}"), first=True)
    with pytest.raises(UnexpectedAnswer, match="from https to plain http"):
        RegistryClient().list_tags(at(secure))


def test_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with fault_proxy(None) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.address}")
        proxy.on("GET", "/tags/", lambda r, f: Reply(200, {}, TAGS))
        client = RegistryClient(Transport(plain_http=frozenset({"far.test"})))
        assert client.list_tags(Repository("far.test", "a/b")) == ["1.0.0"]
        assert [r.path for r in proxy.seen] == ["http://far.test/v2/a/b/tags/list"]
        monkeypatch.setenv("NO_PROXY", HOST)
        with fault_proxy(None) as near:
            near.on("GET", "/tags/", lambda r, f: Reply(200, {}, TAGS))
            client = RegistryClient(Transport(plain_http=frozenset({HOST})))
            assert client.list_tags(at(near)) == ["1.0.0"]
        assert len(proxy.seen) == 1
