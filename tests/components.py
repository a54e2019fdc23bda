"""Components made for tests: from WIT (a dummy that has the world's imports and exports) and from text."""

from __future__ import annotations

import functools
import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from wpkg.component.read import read_component
from wpkg.compose.encode import Layout, encode
from wpkg.compose.graph import Node, Plan
from wpkg.compose.pieces import Slice
from wpkg.compose.plan import make_plan
from wpkg.compose.share import share_modules
from wpkg.names.choice import Choice
from wpkg.oci.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Sequence

WASM_TOOLS = str(Path(sys.executable).with_name("wasm-tools"))


def wasm_tools(*arguments: str, data: bytes = b"") -> bytes:
    """What wasm-tools prints for these arguments, `data` being its standard input."""
    done = subprocess.run([WASM_TOOLS, *arguments], input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@functools.cache
def from_wit(world: str, *packages: str) -> bytes:
    """A component whose world is `world` (its body, without 'world w {}'); `packages` are WIT packages it uses."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "world.wit").write_text(f"package test:root;\nworld w {{ {world} }}\n")
        (root / "deps").mkdir()
        for i, package in enumerate(packages):
            (root / "deps" / f"d{i}.wit").write_text(package)
        module = wasm_tools("component", "embed", "--dummy-names", "legacy", str(root), "-w", "w")
    return wasm_tools("component", "new", data=module)


@functools.cache
def from_text(text: str) -> bytes:
    """The component that `text` assembles to."""
    return wasm_tools("parse", data=text.encode())


def node(name: str, data: bytes) -> Node:
    """A node of a composition graph."""
    return Node(name, read_component(memoryview(data)), Digest.of(data), len(data))


def planned(components: dict[str, bytes], root: str | None = None, choices: Sequence[str] = ()) -> Plan:
    """The plan for named components; `choices` as `--use` takes them."""
    nodes = [node(name, data) for name, data in components.items()]
    return make_plan(nodes, root, [Choice.parse(*choice.split("=", 1)) for choice in choices])


def compose(components: dict[str, bytes], root: str | None = None, choices: Sequence[str] = ()) -> bytes:
    """The composition of named components, validated by wasm-tools; as a document it must be the same bytes."""
    from tests.wac import check_emitted

    plan = planned(components, root, choices)
    data = assemble(plan, components)
    check_emitted(plan, components, data)
    return data


def assemble(plan: Plan, components: dict[str, bytes], *, share: bool = False) -> bytes:
    """The bytes of a plan, validated by wasm-tools."""
    views = {name: memoryview(data) for name, data in components.items()}
    data = written(encode(plan, share_modules(plan, views) if share else None), components)
    wasm_tools("validate", "--features", "all", data=data)
    return data


def written(layout: Layout, components: dict[str, bytes]) -> bytes:
    """The bytes of a layout, not validated."""
    pieces = [components[p.node][p.start : p.end] if isinstance(p, Slice) else p for p in layout.pieces]
    data = b"".join(pieces)
    assert len(data) == layout.size
    return data


def wit(data: bytes) -> str:
    """The WIT of a component, as JSON."""
    return wasm_tools("component", "wit", "-j", data=data).decode()


def world(data: bytes) -> list[str]:
    """The imports and exports of a component, as WIT prints them."""
    return lines_of_world(wasm_tools("component", "wit", data=data).decode())


def lines_of_world(text: str) -> list[str]:
    """The imports and exports of the world of a component that `text` shows."""
    body = text[text.index("world root") :].split("\n}", 1)[0]
    return [
        line.strip().rstrip(";") for line in body.splitlines() if line.strip().startswith(("import ", "export "))
    ]


def sha256(data: bytes) -> str:
    """Hexadecimal SHA-256."""
    return hashlib.sha256(data).hexdigest()
