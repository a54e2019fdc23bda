"""Resolving: 200 packages of 20 versions from a registry on this machine, and a lock that is only checked.

How many requests of each kind a resolution makes, and how many of them at once, is what a registry far away is slow by.
"""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.distant import distant
from tests.shim_process import running_shim
from wpkg.cli.start import tune_interpreter
from wpkg.names.package_name import PackageName
from wpkg.names.requirement import Requirement
from wpkg.names.version import Version
from wpkg.oci.artifact import WASM_LAYER, PackageRecord, PublishedDependency, WasmConfig, build_artifact
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.reference import Repository
from wpkg.registry.cache import Cache
from wpkg.registry.client import RegistryClient
from wpkg.workflow.lock import lock
from wpkg.workflow.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGES = 200
VERSIONS = 20
RUNS = 5
DISTANCE = 0.05  # seconds there and back
COMPONENT = b"\0asm\x0d\0\x01\0"


class Counting:
    """A registry that counts what it is asked."""

    def __init__(self, registry: RegistryClient) -> None:
        self._registry = registry
        self.counts: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._registry, name)

        def counted(*arguments: Any, **options: Any) -> Any:
            self.counts[name] += 1
            return method(*arguments, **options)

        return counted


class Silent:
    """A reporter for nobody."""

    def status(self, verb: str, what: str) -> None:
        """Nothing."""

    def warn(self, text: str) -> None:
        """Nothing."""


def bench(folder: Path) -> None:
    """Bars: < 1 s; one tag list a package, one manifest and one config a version; `lock --check` <= 0.25 s."""
    tune_interpreter()  # as the command does, whose resolving this is
    with running_shim(folder / "registry") as address:
        publish(address)
        project = folder / "project"
        write_project(project, address)
        taken, locked, counts = min(
            (resolve(project, folder / f"cache{run}") for run in range(RUNS)), key=lambda run: run[0]
        )
        print(f"{locked} packages of {VERSIONS} versions resolved from nothing: {taken:.3f} s (bar: < 1)")
        print("  requests: " + ", ".join(f"{count} {name}" for name, count in sorted(counts.items())))
        start = time.perf_counter()
        lock(world_of(Counting(RegistryClient()), folder / "cache0"), project)
        print(f"the same with a lock and its manifests in the cache: {time.perf_counter() - start:.3f} s")
        with distant(address, DISTANCE) as far:
            far_project = folder / "far"
            write_project(far_project, far)
            taken, _, counts = resolve(far_project, folder / "far-cache")
        one_by_one = counts.total() * DISTANCE
        print(
            f"from a registry {DISTANCE * 1000:.0f} ms away: {taken:.3f} s, "
            f"{taken / one_by_one:.2f} of one question after the other ({one_by_one:.0f} s)"
        )
    checked = min(check(project) for _ in range(RUNS))
    print(f"wpkg lock --check --offline, the whole process: {checked:.3f} s (bar: <= 0.25)")


def write_project(project: Path, address: str) -> None:
    """One that needs the first twenty packages, and so all of them."""
    project.mkdir()
    (project / "wasmcloud.toml").write_text(
        'name = "app"\nversion = "0.1.0"\nlanguage = "python"\ntype = "component"\n'
        f'[registries]\nt = "{address}/bench"\n[dependencies]\n'
        + "".join(f'"t:p{number}" = "1"\n' for number in range(20))
    )


def resolve(project: Path, cache: Path) -> tuple[float, int, Counter[str]]:
    """Seconds, packages and requests of resolving what `project` needs, without a lock and with an empty cache."""
    (project / "wpkg.lock").unlink(missing_ok=True)
    registry = Counting(RegistryClient())
    world = world_of(registry, cache)
    start = time.perf_counter()
    packages = lock(world, project).lock.packages
    return time.perf_counter() - start, len(packages), registry.counts


def world_of(registry: Counting, cache: Path) -> World:
    def never(*_: object, **__: object) -> Any:
        raise RuntimeError("resolving runs no program")

    return World(registry, Cache(cache), {}, os.urandom, never, Silent())  # type: ignore[arg-type]


def check(project: Path) -> float:
    start = time.perf_counter()
    words = [str(Path(sys.executable).with_name("wpkg")), "lock", "--check", "--offline", "-C", str(project)]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def publish(address: str) -> None:
    """Every version of every package: it needs up to three of those behind it, some of them only in part."""
    pick = random.Random(4)
    client = RegistryClient()
    component = Descriptor.of(WASM_LAYER, COMPONENT)
    for number in range(PACKAGES):
        repository = Repository.parse(f"{address}/bench/t/p{number}")
        client.push_blob(repository, component, partial(io.BytesIO, COMPONENT))
        behind = range(number + 1, min(number + 12, PACKAGES))
        # The one that is behind by 20 is always needed, so that every package is.
        always = [number + 20] if number + 20 < PACKAGES else []
        for minor in range(VERSIONS):
            needed = sorted({*always, *pick.sample(behind, min(2, len(behind)))})
            record = PackageRecord(
                PackageName("t", f"p{number}"),
                Version(1, minor, 0),
                "component",
                tuple(
                    PublishedDependency(
                        PackageName("t", f"p{other}"), Requirement.parse(f"^1.{pick.randrange(minor + 1)}")
                    )
                    for other in needed
                ),
            )
            artifact = build_artifact(component, WasmConfig(record, (), ()))
            client.push_blob(repository, artifact.config, partial(io.BytesIO, artifact.config_bytes))
            client.push_manifest(repository, artifact.manifest_bytes, artifact.manifest.media_type, f"1.{minor}.0")
