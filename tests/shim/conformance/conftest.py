from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.shim.process import Served
from tests.shim.wire import SocketClient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def conforming(shared_root: Path) -> Iterator[str]:
    """The address of the registry: another one's that is named, or else our own, run as its users run it."""
    named = os.environ.get("WPKG_CONFORMANCE_REGISTRY")
    if named:
        yield named
        return
    served = Served(shared_root / "conformance", "--sparse")
    yield served.address
    assert served.stop() == (0, "", "")


@pytest.fixture
def client(conforming: str, shared_root: Path) -> Iterator[SocketClient]:
    connected = SocketClient(conforming, str(shared_root))
    yield connected
    connected.close()
