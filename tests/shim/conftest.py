from __future__ import annotations

import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from registry_shim.store.store import Store
from tests.shim.process import Served
from tests.shim.wire import InProcessClient, SocketClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.shim.wire import Client

# Every push syncs several files. Where nothing is to outlive the machine, that need not wait for a disk.
MEMORY = Path("/dev/shm")  # noqa: S108 - a directory of its own is made in it


def new_id() -> str:
    return secrets.token_hex(16)


@pytest.fixture(scope="session")
def shared_root() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as directory:
        yield Path(directory)


@pytest.fixture(scope="session")
def shared_store(shared_root: Path) -> Iterator[Store]:
    with Store(shared_root / "in-process", new_id) as store:
        yield store


@pytest.fixture(scope="session")
def shared_server(shared_root: Path) -> Iterator[Served]:
    served = Served(shared_root / "socket")
    yield served
    assert served.stop() == (0, "", "")


@pytest.fixture(params=["in process", "socket"])
def client(request: pytest.FixtureRequest, shared_root: Path) -> Iterator[Client]:
    """The contract is the same with and without a socket. Each test takes a repository of its own."""
    if request.param == "socket":
        served: Served = request.getfixturevalue("shared_server")
        connected = SocketClient(served.address, str(shared_root))
        yield connected
        connected.close()
    else:
        yield InProcessClient(request.getfixturevalue("shared_store"), str(shared_root))


@pytest.fixture
def repository() -> str:
    """A name that no other test has."""
    return f"test/{new_id()}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where `store` keeps everything; on a disk, and this test's own."""
    return tmp_path / "root"


@pytest.fixture
def store(root: Path) -> Iterator[Store]:
    with Store(root, new_id) as store:
        yield store


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Start a server on this test's root; whatever still runs at the end is killed."""
    started: list[Served] = []

    def start(*options: str) -> Served:
        started.append(Served(tmp_path / "root", *options))
        return started[-1]

    yield start
    for served in started:
        served.process.kill()
        served.process.communicate()
