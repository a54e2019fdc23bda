"""A registry, a proxy in front of it that counts and misbehaves, and a mirror of what is behind both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from registry_shim.protocol.registry import Registry
from registry_shim.upstream.address import Upstream
from registry_shim.upstream.pull_through import PullThrough
from registry_shim.upstream.source import LONGEST_WAIT, Source
from tests.fakes.fault_proxy import FaultProxy, fault_proxy
from tests.shim.conftest import new_id
from tests.shim.wire import InProcessClient, SocketClient
from tests.shim_process import running_shim
from wpkg.oci.digest import Digest
from wpkg.registry.client import RegistryClient
from wpkg.registry.patience import Patience
from wpkg.registry.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from registry_shim.store.store import Store

TTL = 60.0  # seconds


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="session")
def there(shared_root: Path) -> Iterator[str]:
    """The registry that is mirrored."""
    with running_shim(shared_root / "there") as address:
        yield address


@pytest.fixture
def root(shared_root: Path) -> Path:
    """Of the mirror. What survives a crash is not what is tested here, so it need not wait for a disk."""
    return shared_root / new_id()


@pytest.fixture
def upstream(there: str) -> Iterator[SocketClient]:
    """For pushing to it."""
    client = SocketClient(f"http://{there}", "/nowhere")
    yield client
    client.close()


@pytest.fixture
def proxy(there: str) -> Iterator[FaultProxy]:
    with fault_proxy(there) as proxy:
        yield proxy


@pytest.fixture
def clock() -> Clock:
    return Clock()


def mirror_of(proxy: FaultProxy, store: Store, clock: Clock, prefix: str = ",m") -> PullThrough:
    """What mirrors everything behind the proxy under `m/`, and does not wait long."""
    transport = Transport(patience=Patience(1, sleep=lambda _: None, longest=LONGEST_WAIT), read_timeout=1.0)
    source = Source(Upstream.parse(f"http://{proxy.address}{prefix}"), RegistryClient(transport), clock)
    return PullThrough(Registry(store), store, [source], TTL, clock)


@pytest.fixture
def mirror(proxy: FaultProxy, store: Store, root: Path, clock: Clock) -> InProcessClient:
    return InProcessClient(store, str(root), mirror_of(proxy, store, clock))


@pytest.fixture
def name(repository: str) -> str:
    """A repository of this test's own, as it is called upstream; here it is `m/` and that."""
    return repository


def check_clean(root: Path) -> None:
    """Everything that is kept under a digest has it, and nothing is left of what was not kept."""
    for path in root.glob("**/blobs/*/*"):
        assert str(Digest.of(path.read_bytes(), path.parent.name)) == f"{path.parent.name}:{path.name}"
    assert list(root.glob("**/_uploads/*")) == []
