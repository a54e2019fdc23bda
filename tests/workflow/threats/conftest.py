"""The registry, its attacker, and the victim."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.fakes.fault_proxy import fault_proxy
from tests.shim_process import running_shim
from tests.workflow.conftest import Company
from tests.workflow.threats.scene import DEPENDS, Scene
from wpkg.registry.client import RegistryClient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_shim(tmp_path_factory.mktemp("registry")) as address:
        yield address


@pytest.fixture
def scene(
    tmp_path: Path, registry: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Scene]:
    """pay:harness 0.1.0, signed by the platform; a project of the bank that may be locked."""
    for name, value in {"HOME": "home", "WPKG_CACHE_DIR": "victim", "DOCKER_CONFIG": "home"}.items():
        monkeypatch.setenv(name, str(tmp_path / value))
    for name in ("CI", "XDG_CONFIG_HOME", "SOURCE_DATE_EPOCH"):
        monkeypatch.delenv(name, raising=False)
    place = re.sub("[^a-z0-9]+", "-", tmp_path.name.lower()).strip("-")
    with fault_proxy(registry) as proxy:
        company = Company(tmp_path, RegistryClient(), f"{proxy.address}/{place}")  # type: ignore[arg-type]
        company.publish("harness")
        company.project("validator", extra=DEPENDS)
        yield Scene(company, proxy, capsys)
