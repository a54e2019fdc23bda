"""Programs that others wrote, and registries with and without the referrers API."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.docker_registry import running_docker_registry as docker_registry_process
from tests.interop.other_registries import running_olareg, running_zot
from tests.shim_process import running_shim
from tests.workflow.conftest import TRUST, Company
from wpkg.registry.client import RegistryClient
from wpkg.workflow.build import build
from wpkg.workflow.push import Pushed, push

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wpkg.trust.keys import PrivateKey

_LOADER = SourceFileLoader("peers", str(Path(__file__).with_name("peers")))
_SPEC = importlib.util.spec_from_loader("peers", _LOADER)
assert _SPEC is not None
_PEERS: Any = importlib.util.module_from_spec(_SPEC)
sys.modules["peers"] = _PEERS
_LOADER.exec_module(_PEERS)


def peer(name: str) -> str:
    """The program, or what npm installed. One that is not there is reported as not run, never as passed."""
    found = next(p for p in _PEERS.PEERS if p.name == name).find()
    if found is None:
        reason = f"not run: {name} is not installed (tests/interop/peers install {name})"
        if name in os.environ.get("WPKG_REQUIRE_PEERS", "").split(","):
            pytest.fail(reason)
        pytest.skip(reason)
    return str(found)


OTHER_REGISTRIES = ("docker-registry", "olareg", "zot")


def other_registries() -> list[str]:
    """The fixtures of those registries by others that are here; each that is not is one test that says so."""
    installed = {peer.name for peer in _PEERS.PEERS if peer.find() is not None}
    return [name.replace("-", "_") for name in OTHER_REGISTRIES if name in installed]


def python_program(name: str) -> str:
    """A program that came with tests/requirements.txt."""
    return str(Path(sys.executable).with_name(name))


@dataclass
class Done:
    code: int
    out: str


def execute(folder: Path, *words: str, **environment: str) -> Done:
    """Run a program for a user whose home is `folder`; both streams together."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    done = subprocess.run(
        words,
        cwd=folder,
        env={**kept, "HOME": str(folder), "DOCKER_CONFIG": str(folder), **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return Done(done.returncode, done.stdout)


@contextmanager
def running_docker_registry(folder: Path, more: str = "") -> Iterator[str]:
    """The address of Debian's distribution 2.8, which has no referrers API."""
    with docker_registry_process(peer("docker-registry"), folder, more) as (address, _):
        yield address


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_shim(tmp_path_factory.mktemp("shim")) as address:
        yield address


@pytest.fixture(scope="session")
def docker_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_docker_registry(tmp_path_factory.mktemp("docker-registry")) as address:
        yield address


@dataclass
class Publication:
    """The composed validator in a registry of its own name, and what it was made of."""

    company: Company
    root: Path
    pushed: Pushed
    key: PrivateKey

    @property
    def reference(self) -> str:
        """The composed artifact by digest."""
        digest = self.pushed.artifacts[-1].publication.artifact.manifest.digest
        return f"{self.pushed.repository}@{digest}"

    @property
    def folder(self) -> Path:
        """A place for the programs to work in."""
        return self.company.folder


def publish(folder: Path, address: str, *, unsigned: bool = False) -> Publication:
    """Build, compose and push; each test gets a repository of its own."""
    company = Company(folder, RegistryClient(), address)  # type: ignore[arg-type]
    prefix = f"{address}/demo"
    unique = f"{address}/{''.join(c if c.isalnum() else '-' for c in folder.name.lower()).strip('-').replace('--', '-')}"

    def moved(root: Path) -> None:
        file = root / "wasmcloud.toml"
        file.write_text(file.read_text().replace(prefix, unique))

    root = company.project("harness")
    moved(root)
    build(company.world("platform"), root, compose=False)
    push(company.world("platform"), root, company.platform_key)
    root = company.project("validator", extra=TRUST + '[dependencies]\n"pay:harness" = "^0.1"\n')
    moved(root)
    build(company.world(), root, compose=True)
    pushed = push(company.world(), root, None if unsigned else company.bank_key)
    (folder / "bank.pub").write_bytes(company.bank_key.public.pem)
    (folder / "stranger.pub").write_bytes(company.stranger_key.public.pem)
    return Publication(company, root, pushed, company.bank_key)


@pytest.fixture(scope="session")
def olareg(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_olareg(peer("olareg"), tmp_path_factory.mktemp("olareg")) as address:
        yield address


@pytest.fixture(scope="session")
def zot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_zot(peer("zot"), tmp_path_factory.mktemp("zot")) as address:
        yield address


@pytest.fixture(params=["shim", "docker_registry"])
def address(request: pytest.FixtureRequest) -> str:
    """A registry with the referrers API, and one without."""
    return str(request.getfixturevalue(request.param))
