"""WIT made for tests: packages from text, what wasm-tools makes of them, and whether two worlds are the same."""

from __future__ import annotations

import functools
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.components import WASM_TOOLS, wasm_tools
from wpkg.component.read import read_component
from wpkg.component.substitute import Substitution
from wpkg.component.subtype import check_extern
from wpkg.component.types import ComponentType, FuncType, InstanceType, Resource, TypeBound, strip
from wpkg.wit.binary import read_wit_package
from wpkg.wit.errors import Source
from wpkg.wit.resolve import resolve_packages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wpkg.component.types import ExternType
    from wpkg.wit.packages import WitPackages


def packages(root: str, *dependencies: str, features: frozenset[str] = frozenset()) -> WitPackages:
    """The package in `root` and its dependencies, each one file."""
    given = [(Source(f"deps/d{i}.wit", text),) for i, text in enumerate(dependencies)]
    return resolve_packages((Source("w.wit", root),), given, features)


def folder(root: str, *dependencies: str) -> tempfile.TemporaryDirectory[str]:
    """The same on disk."""
    made = tempfile.TemporaryDirectory()
    path = Path(made.name)
    (path / "w.wit").write_text(root)
    (path / "deps").mkdir()
    for i, text in enumerate(dependencies):
        (path / "deps" / f"d{i}.wit").write_text(text)
    return made


@functools.cache
def refusal(root: str, *dependencies: str) -> str | None:
    """What wasm-tools says against a package, None when it takes it."""
    with folder(root, *dependencies) as path:
        done = subprocess.run([WASM_TOOLS, "component", "wit", path], capture_output=True, check=False)
    return done.stderr.decode() if done.returncode else None


@functools.cache
def binary_package(root: str, *dependencies: str) -> bytes:
    """The package in `root` as wasm-tools encodes it."""
    with folder(root, *dependencies) as path:
        return wasm_tools("component", "wit", "--wasm", path)


def from_binary(data: bytes) -> WitPackages:
    """The packages that a binary one tells of."""
    return resolve_packages(read_wit_package("p.wasm", memoryview(data)))


@functools.cache
def dummy(world: str, root: str, *dependencies: str) -> bytes:
    """A component of the world, made by wasm-tools."""
    with folder(root, *dependencies) as path:
        module = wasm_tools("component", "embed", "--dummy", path, "-w", world)
    return wasm_tools("component", "new", "--merge-imports-based-on-semver=false", data=module)


@functools.cache
def conforms(component: bytes, world: str, root: str, *dependencies: str) -> bool:
    """What wasm-tools says, which looks at exact names only."""
    with folder(root, *dependencies) as path:
        words = [WASM_TOOLS, "component", "targets", path, "-w", world]
        return subprocess.run(words, input=component, capture_output=True, check=False).returncode == 0


def assert_same(left: ComponentType, right: ComponentType) -> None:
    """Both have the same names and, under one substitution, the same types."""
    assert set(left.imports) == set(right.imports)
    assert set(left.exports) == set(right.exports)
    for given, wanted in ((left, right), (right, left)):
        by = Substitution()
        imported = set(_resources(given.imports).values()) | set(_resources(wanted.imports).values())
        made = _resources(given.exports)
        for path, resource in _resources(wanted.exports).items():
            if not imported & {resource, made[path]}:
                by.bind(resource, made[path])
        assert check_extern(given, wanted, by) is None


def _resources(externs: Mapping[str, ExternType]) -> dict[tuple[str, ...], Resource]:
    """The resources that imports or exports name, and where."""
    found: dict[tuple[str, ...], Resource] = {}
    for name, extern in externs.items():
        if isinstance(extern, TypeBound) and isinstance(resource := strip(extern.type), Resource):
            found[name,] = resource
        elif isinstance(extern, InstanceType):
            found |= {(name, *path): inner for path, inner in _resources(extern.exports).items()}
    return found


def assert_is_component_of(world: ComponentType, data: bytes) -> None:
    """The dummy has the world's exports, and its imports but for those that it cannot call."""
    found = read_component(memoryview(data))
    assert set(found.exports) == set(world.exports)
    assert check_extern(found, world, Substitution()) is None
    left_out = set(world.imports) - set(found.imports)
    assert not any(_has_functions(world, name) for name in left_out), left_out


def _has_functions(world: ComponentType, name: str) -> bool:
    extern = world.imports[name]
    if isinstance(extern, InstanceType):
        return any(isinstance(export, FuncType) for export in extern.exports.values())
    return isinstance(extern, FuncType)
