from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from tests.fakes.fault_proxy import FaultProxy, fault_proxy
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.reference import Repository
from wpkg.registry.client import RegistryClient
from wpkg.registry.credentials import Credential
from wpkg.registry.patience import Patience
from wpkg.registry.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry_shim.pytest_plugin import StartRegistry

SECRET = "hunter2-hunter2"
BLOB = b"component" * 1000
LAYER = Descriptor.of("application/wasm", BLOB)


@pytest.fixture(scope="module")
def shim(registry_shim_factory: StartRegistry) -> str:
    address = registry_shim_factory().host
    RegistryClient().push_blob(Repository.parse(f"{address}/a/b"), LAYER, lambda: io.BytesIO(BLOB))
    return address


@pytest.fixture
def proxy(shim: str) -> Iterator[FaultProxy]:
    with fault_proxy(shim) as proxy:
        yield proxy


@pytest.fixture
def stranger(shim: str) -> Iterator[FaultProxy]:
    """Another host, which serves the same."""
    with fault_proxy(shim) as proxy:
        yield proxy


@pytest.fixture
def repository(proxy: FaultProxy) -> Repository:
    return Repository.parse(f"{proxy.address}/a/b")


class Known:
    """Credentials of the proxy, and whom they were asked for."""

    def __init__(self, registry: str, credential: Credential | None) -> None:
        self.registry = registry
        self.credential = credential
        self.warnings: list[str] = []

    def client(self) -> RegistryClient:
        patience = Patience(retries=1, sleep=lambda _: None)
        return RegistryClient(Transport(self.find, self.warnings.append, patience=patience))

    def find(self, registry: str, path: str) -> Credential | None:
        return self.credential if registry == self.registry else None


@pytest.fixture
def known(proxy: FaultProxy) -> Known:
    return Known(proxy.address, Credential("user", SECRET))


def fetch(client: RegistryClient, repository: Repository) -> None:
    assert client.fetch_blob(repository, LAYER) == BLOB
