"""What several tests of commands begin with."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.fakes.fault_proxy import FaultProxy, fault_proxy
from tests.shim_process import running_shim
from tests.workflow.conftest import Company
from wpkg.registry.client import RegistryClient
from wpkg.trust.keyfile import write_key_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def proxied_company(tmp_path: Path) -> Iterator[tuple[Company, FaultProxy]]:
    """A company whose registry is reached through a proxy, with its keys as files; their password is `pw`."""
    with running_shim(tmp_path / "registry") as address, fault_proxy(address) as proxy:
        company = Company(tmp_path, RegistryClient(), proxy.address)  # type: ignore[arg-type]
        (tmp_path / "platform.key").write_bytes(write_key_file(company.platform_key, b"pw", os.urandom))
        company.key_file(company.platform_key, "platform.pub")
        yield company, proxy
