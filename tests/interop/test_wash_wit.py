"""WIT packages between wpkg and `wash wit`, which is wkg's client: each resolves what the other published."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.interop.conftest import execute, python_program
from tests.wit import binary_package
from tests.workflow.conftest import PLATFORM, Company
from wpkg.oci.reference import Repository
from wpkg.project.edit import DependencyLine
from wpkg.registry.client import RegistryClient
from wpkg.workflow.add import Wanted, add
from wpkg.workflow.build import build
from wpkg.workflow.lock import lock
from wpkg.workflow.push import push

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.interop

WORLD = "package test:user@0.1.0; world w {{ import pay:{name}/validation@{version}; }}"


def wash(folder: Path, *words: str) -> str:
    done = execute(
        folder, python_program("wash"), "--non-interactive", *words, XDG_CONFIG_HOME=str(folder / "config")
    )
    assert done.code == 0, done.out
    return done.out


def configure(folder: Path, address: str, prefix: str) -> None:
    """wkg's configuration: the namespace's registry, spoken to in plain http."""
    file = folder / "config" / "wasm-pkg" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(
        f'[namespace_registries]\npay = {{ registry = "{address}", metadata = {{ preferredProtocol = "oci", '
        f'oci = {{ registry = "{address}", namespacePrefix = "{prefix}/" }} }} }}\n'
        f'[registry."{address}".oci]\nprotocol = "http"\n'
    )


def company_at(folder: Path, address: str, prefix: str) -> Company:
    """A company whose packages are at a place of their own."""
    return Company(folder, RegistryClient(), f"{address}/{prefix}")  # type: ignore[arg-type]


def test_wash_resolves_a_wit_package_that_wpkg_pushed(tmp_path: Path, address: str) -> None:
    company = company_at(tmp_path, address, "ours")
    company.sources["platform"] = binary_package(PLATFORM)
    root = company.project("platform")
    file = root / "wasmcloud.toml"
    file.write_text(file.read_text().replace('type = "component"', 'type = "wit"'))
    build(company.world(), root, compose=False)
    pushed = push(company.world(), root, company.platform_key)
    assert str(pushed.repository) == f"{address}/ours/demo/pay/platform"

    user = tmp_path / "user"
    (user / "wit").mkdir(parents=True)
    (user / "wit" / "world.wit").write_text(WORLD.format(name="platform", version="0.1.0"))
    (user / ".wash").mkdir()
    (user / ".wash" / "config.yaml").write_text("build:\n  command: 'true'\n")
    configure(user, address, "ours/demo")
    wash(user, "wit", "fetch")
    found = (user / "wit" / "deps" / "pay-platform-0.1.0" / "package.wit").read_text()
    assert "validate: func(t: transaction) -> bool;" in found
    digest = pushed.artifacts[0].publication.artifact.component.digest
    assert str(digest) in (user / "wkg.lock").read_text()


def test_wpkg_resolves_a_wit_package_that_wash_pushed(tmp_path: Path, address: str) -> None:
    data = binary_package(PLATFORM)
    (tmp_path / "platform.wasm").write_bytes(data)
    for version in ("0.1.0", "0.1.1"):
        wash(
            tmp_path, "oci", "push", "--insecure", f"{address}/theirs/demo/pay/platform:{version}", "platform.wasm"
        )
    company = company_at(tmp_path, address, "theirs")
    root = company.project("validator")
    added = add(company.world(), root, [Wanted.parse("pay:platform@^0.1")], DependencyLine(kind="wit"))
    [pin] = added.lock.packages
    assert (str(pin.pin), pin.kind, pin.size) == ("pay:platform 0.1.1", "wit", len(data))
    assert pin.source == Repository.parse(f"{address}/theirs/demo/pay/platform")
    assert "validate: func" in (root / "wit" / "deps" / "pay-platform-0.1.0" / "package.wit").read_text()
    assert lock(company.world(), root).changes == ()


def test_wpkg_resolves_a_component_that_wash_pushed(tmp_path: Path, address: str) -> None:
    company = company_at(tmp_path, address, "wash")
    (tmp_path / "harness.wasm").write_bytes(company.sources["harness"])
    wash(tmp_path, "oci", "push", "--insecure", f"{address}/wash/demo/pay/harness:1.2.0", "harness.wasm")
    root = company.project("validator")
    add(company.world(), root, [Wanted.parse("pay:harness")])
    assert '"pay:harness" = "^1.2.0"' in (root / "wasmcloud.toml").read_text()
    built = build(company.world(), root, compose=True)
    assert built.composed is not None
    assert [connection.exporter for connection in (built.plan.connections if built.plan else ())] == [
        "pay:validator"
    ]
