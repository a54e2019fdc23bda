"""A platform that publishes a harness, and a bank that composes its validator with it: small, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.components import from_wit
from tests.fakes.registry import MemoryRegistry
from tests.fakes.world import Chance, Notes, Programs, fake_world
from wpkg.oci.reference import Repository
from wpkg.trust.keys import PrivateKey
from wpkg.workflow.push import Pushed, push
from wpkg.workflow.world import Finished, World

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PLATFORM = """package pay:platform@0.1.0;
interface validation { record transaction { id: string, amount: u64 } validate: func(t: transaction) -> bool; }
"""
IO = "package sys:io@0.2.0; interface streams { resource output; write: func(s: borrow<output>, b: list<u8>); }"
VALIDATOR = "import sys:io/streams@0.2.0; export pay:platform/validation@0.1.0;"
HARNESS = "import sys:io/streams@0.2.0; import pay:platform/validation@0.1.0; export run: func(message: string);"

PROJECT = """name = "{name}"
version = "{version}"
language = "python"
type = "component"
[component]
build_command = "make {name}"
build_artifact = "build/{name}.wasm"
[package]
name = "pay:{name}"
[registries]
pay = "{registry}/demo"
"""
TRUST = """
[trust]
version = 1
[trust.keys.platform]
path = "platform.pub"
[[trust.rule]]
match = "127.0.0.1:5000/demo/**"
signers = ["platform"]
"""


def component(world: str) -> bytes:
    return from_wit(world, PLATFORM, IO)


@dataclass
class Company:
    """Two teams with one registry between them."""

    folder: Path
    registry: MemoryRegistry = field(default_factory=MemoryRegistry)
    address: str = "127.0.0.1:5000"
    platform_key: PrivateKey = field(default_factory=lambda: PrivateKey.generate(Chance("platform")))
    bank_key: PrivateKey = field(default_factory=lambda: PrivateKey.generate(Chance("bank")))
    stranger_key: PrivateKey = field(default_factory=lambda: PrivateKey.generate(Chance("stranger")))
    notes: Notes = field(default_factory=Notes)
    programs: Programs = field(default_factory=Programs)
    sources: dict[str, bytes] = field(default_factory=dict)  # what 'make NAME' makes

    def __post_init__(self) -> None:
        self.programs.known["make"] = self._make
        self.sources = {"harness": component(HARNESS), "validator": component(VALIDATOR)}

    def _make(self, words: Sequence[str], folder: Path) -> Finished:
        (folder / "build").mkdir(exist_ok=True)
        path = folder / "build" / f"{words[1]}.wasm"
        if not path.exists() or path.read_bytes() != self.sources[words[1]]:
            path.write_bytes(self.sources[words[1]])
        return Finished(0, "")

    def world(self, user: str = "author", **environment: str) -> World:
        """The world of one user: a cache of their own, the registry of all."""
        return fake_world(
            self.folder / user, self.registry, environment=environment, programs=self.programs, notes=self.notes
        )

    def project(self, name: str, version: str = "0.1.0", extra: str = "") -> Path:
        """A project folder."""
        root = self.folder / "projects" / name
        root.mkdir(parents=True, exist_ok=True)
        (root / "wasmcloud.toml").write_text(
            PROJECT.format(name=name, version=version, registry=self.address)
            + extra.replace("127.0.0.1:5000", self.address)
        )
        (root / "platform.pub").write_bytes(self.platform_key.public.pem)
        return root

    def publish(
        self,
        name: str,
        version: str = "0.1.0",
        key: PrivateKey | None = None,
        *,
        unsigned: bool = False,
        extra: str = "",
    ) -> Pushed:
        """Build and publish a project without dependencies."""
        from wpkg.workflow.build import build

        root = self.project(name, version, extra)
        build(self.world("platform"), root, compose=False)
        return push(self.world("platform"), root, None if unsigned else key or self.platform_key)

    def repository(self, name: str) -> Repository:
        """Where a package of the company is."""
        return Repository.parse(f"{self.address}/demo/pay/{name}")

    def key_file(self, key: PrivateKey, name: str) -> Path:
        """The public half of a key, in a file."""
        path = self.folder / name
        path.write_bytes(key.public.pem)
        return path


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return Company(tmp_path)
