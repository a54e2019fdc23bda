"""Every interface of WASI, as its packages say it, denied: alone where it can be, and package by package."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.components import wasm_tools
from tests.furnished import complaints
from tests.interop.conftest import peer
from wpkg.component.read import read_component
from wpkg.component.types import ComponentType, InstanceType
from wpkg.compose.denial import denying_component
from wpkg.names.extern_name import parse_extern_name

pytestmark = pytest.mark.interop

PACKAGES = "jco/lib/wit/builtin"
INTERFACES = {"0.2.12": 25, "0.3.0": 20}  # at least


def imports_of(version: str, tmp_path: Path) -> ComponentType:
    """A component that imports all of WASI."""
    folder = Path(peer("componentize-js")).parent / PACKAGES / version
    worlds = []
    (tmp_path / "deps").mkdir()
    for package in sorted(folder.iterdir()):
        text = (package / "package.wit").read_text()
        (tmp_path / "deps" / f"{package.name}.wit").write_text(text)
        name = package.name.replace("-", ":", 1)
        world = "service" if name == "wasi:http" and "world imports" not in text else "imports"
        worlds.append(f"include {name}/{world}@{version};")
    (tmp_path / "all.wit").write_text(f"package t:t; world w {{ {' '.join(worlds)} }}")
    module = wasm_tools("component", "embed", "--dummy", str(tmp_path), "-w", "w", "--all-features")
    return read_component(memoryview(wasm_tools("component", "new", data=module)))


@pytest.mark.parametrize("version", INTERFACES)
def test_what_denies_wasi_is_valid(version: str, tmp_path: Path) -> None:
    component = imports_of(version, tmp_path)
    found = {name: extern for name, extern in component.imports.items() if isinstance(extern, InstanceType)}
    assert len(found) >= INTERFACES[version]
    packages: dict[str, list[str]] = {}
    for name in found:
        parsed = parse_extern_name(name)
        assert parsed is not None
        packages.setdefault(parsed.package, []).append(name)
    groups = (*([name] for name in found), *packages.values(), list(found))
    made = {f"{', '.join(group)}": denying_component(component, dict.fromkeys(group, "trap")) for group in groups}
    made |= {
        f"{', '.join(group)}!": denying_component(component, dict.fromkeys(group, "error")) for group in groups
    }
    assert complaints(made) == {}
