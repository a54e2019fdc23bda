"""A registry that is asked over https: the usual case, but for where these tests run."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from registry_shim.protocol.registry import Registry
from registry_shim.upstream.pull_through import PullThrough
from registry_shim.upstream.source import connect
from tests.contract import test_tls_and_proxies as tls
from tests.fakes.fault_proxy import FaultProxy, fault_proxy
from tests.shim.upstream.conftest import TTL, Clock
from tests.shim.wire import InProcessClient, push_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from registry_shim.store.store import Store
    from tests.shim.wire import SocketClient

_environment = tls._environment
certificate = tls.certificate


@pytest.fixture
def secure(there: str, certificate: Path) -> Iterator[FaultProxy]:
    """What is there, encrypted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with fault_proxy(there, context) as proxy:
        yield proxy


@pytest.fixture
def mirror(secure: FaultProxy, store: Store, root: Path, clock: Clock) -> InProcessClient:
    port = secure.address.rpartition(":")[2]
    sources = connect([f"https://{tls.HOST}:{port},m"], {}, clock)
    return InProcessClient(store, str(root), PullThrough(Registry(store), store, sources, TTL, clock))


def test_with_its_certificate(
    upstream: SocketClient, mirror: InProcessClient, name: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    pushed = push_manifest(upstream, name, "v1")
    assert mirror.send("GET", f"/v2/m/{name}/manifests/v1").body == pushed.data


def test_with_a_certificate_that_nobody_trusts(
    upstream: SocketClient, mirror: InProcessClient, secure: FaultProxy, name: str
) -> None:
    push_manifest(upstream, name, "v1")
    answer = mirror.send("GET", f"/v2/m/{name}/manifests/v1")
    assert (answer.status, answer.code) == (502, "UNSUPPORTED")
    assert secure.seen == []


def test_clients_are_not_told_what_files_are_missing_here(
    mirror: InProcessClient,
    name: str,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", f"{root}/missing.pem")
    answer = mirror.send(
        "GET", f"/v2/m/{name}/manifests/v1"
    )  # whose check finds the path of the root in no answer
    assert answer.status == 502
    assert f"{root}/missing.pem" in caplog.text
