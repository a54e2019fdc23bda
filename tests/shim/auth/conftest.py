from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from registry_shim.auth.guard import Guard
from registry_shim.protocol.registry import Registry
from tests.shim.auth.people import basic, write_files
from tests.shim.wire import (
    Answer,
    InProcessClient,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from registry_shim.auth.auth import Auth
    from registry_shim.protocol.service import Service
    from registry_shim.store.store import Store


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return write_files(tmp_path)


@pytest.fixture
def auth(store: Store, files: tuple[Path, Path]) -> Auth:
    return Guard(*files, b"secret").before(Registry(store))


class As:
    """A client that says who it is; None does not."""

    def __init__(self, store: Store, service: Service, name: str | None, password: str | None = None) -> None:
        self._client = InProcessClient(store, "/nowhere", service)
        self._headers = basic(name, password) if name is not None else {}

    def send(
        self,
        method: str,
        target: str,
        body: bytes | Iterable[bytes] = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        return self._client.send(method, target, body, {**self._headers, **(headers or {})})


@pytest.fixture
def owner(store: Store) -> InProcessClient:
    """Who needs not ask."""
    return InProcessClient(store, "/nowhere")
