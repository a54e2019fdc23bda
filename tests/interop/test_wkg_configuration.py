"""One `config.toml`, read by wkg and by wpkg, leads both to the same component."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from tests.interop.conftest import execute, peer, publish
from wpkg.workflow.pull import pull

if TYPE_CHECKING:
    from pathlib import Path

CONFIGS = {
    "namespace with metadata": """
[namespace_registries]
pay = {{ registry = "{shim}", metadata = {{ preferredProtocol = "oci", oci = {{ registry = "{shim}", namespacePrefix = "{prefix}" }} }} }}
[registry."{shim}".oci]
protocol = "http"
""",
    "package before namespace": """
[namespace_registries]
pay = "nowhere.test"
[package_registry_overrides]
"pay:validator" = {{ registry = "{shim}", metadata = {{ oci = {{ registry = "{shim}", namespacePrefix = "{prefix}" }} }} }}
[registry."{shim}".oci]
protocol = "http"
""",
}


@pytest.mark.interop
@pytest.mark.parametrize("text", CONFIGS.values(), ids=CONFIGS.keys())
def test_both_find_the_same(tmp_path: Path, shim: str, text: str) -> None:
    published = publish(tmp_path, shim)
    config = tmp_path / "config.toml"
    config.write_text(
        text.format(shim=shim, prefix=published.pushed.repository.path.removesuffix("pay/validator"))
    )
    wanted = "pay:validator@0.1.0"
    done = execute(tmp_path, peer("wkg"), "get", "--config", str(config), wanted, "-o", "./theirs.wasm")
    assert done.code == 0, done.out

    root = tmp_path / "stranger"
    root.mkdir()
    (root / "wasmcloud.toml").write_text(
        'name = "s"\nversion = "0.1.0"\nlanguage = "python"\ntype = "component"\n'
    )
    world = replace(published.company.world(), environment={"WKG_CONFIG_FILE": str(config)})
    pull(world, root, wanted, tmp_path / "ours.wasm")
    assert (tmp_path / "ours.wasm").read_bytes() == (tmp_path / "theirs.wasm").read_bytes()
