"""Fixtures for the tests of other projects; pytest finds them where wpkg is installed (docs/registry-shim.md).

This module is loaded by every run of pytest: it loads the registry only for a test that asks for it.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike
    from typing import Unpack

    from registry_shim.inprocess import ServedRegistry, ServeOptions


class StartRegistry(Protocol):
    """Starts a registry that lives as long as the session."""

    def __call__(self, data: str | PathLike[str] | None = None, **options: Unpack[ServeOptions]) -> ServedRegistry:
        """A registry with everything in `data`, or in a temporary directory of the session."""


@pytest.fixture
def registry_shim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedRegistry]:
    """An empty OCI registry of this test's own, on a free loopback port."""
    from registry_shim.inprocess import serving

    with serving(tmp_path_factory.mktemp("registry-shim")) as registry:
        yield registry


@pytest.fixture(scope="session")
def registry_shim_factory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartRegistry]:
    """Start OCI registries that live as long as the session: `registry_shim_factory(data=None, **options)`."""
    from registry_shim.inprocess import serving

    with ExitStack() as stack:

        def start(data: str | PathLike[str] | None = None, **options: Unpack[ServeOptions]) -> ServedRegistry:
            root = data if data is not None else tmp_path_factory.mktemp("registry-shim")
            return stack.enter_context(serving(root, **options))

        yield start
