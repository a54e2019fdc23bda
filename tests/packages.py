"""Published packages by the number, and a project whose lock pins them: for what is about bytes, not components."""

from __future__ import annotations

import io
import random
from typing import TYPE_CHECKING

from wpkg.names.package_name import PackageName
from wpkg.names.pin import Pin
from wpkg.names.requirement import Requirement
from wpkg.names.version import Version
from wpkg.oci.artifact import WASM_LAYER, PackageRecord, PublishedDependency, WasmConfig, build_artifact
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.reference import Repository
from wpkg.project.lockfile import Lock, LockedPackage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wpkg.registry.interface import Registry

VERSION = Version.parse("1.0.0")


def publish_packages(
    registry: Registry, address: str, count: int, size: int, namespace: str = "many"
) -> list[LockedPackage]:
    """`count` packages of `size` bytes, published below `address`/demo; the pins of a lock for them."""
    names = [PackageName.parse(f"{namespace}:p{index:03}") for index in range(count)]
    return [publish_package(registry, address, name, random.Random(str(name)).randbytes(size)) for name in names]


def publish_package(
    registry: Registry,
    address: str,
    name: PackageName,
    data: bytes,
    dependencies: Sequence[PackageName] = (),
    version: Version = VERSION,
) -> LockedPackage:
    """A package with `data` as its component, which needs any version of its `dependencies`."""
    repository = Repository.parse(f"{address}/demo/{name.namespace}/{name.name}")
    needed = tuple(PublishedDependency(dependency, Requirement.parse("*")) for dependency in dependencies)
    config = WasmConfig(PackageRecord(name, version, "component", needed), (), ())
    component = Descriptor.of(WASM_LAYER, data, {"org.opencontainers.image.title": f"{name.name}.wasm"})
    artifact = build_artifact(component, config)
    registry.push_blob(repository, component, lambda: io.BytesIO(data))
    registry.push_blob(repository, artifact.config, lambda: io.BytesIO(artifact.config_bytes))
    registry.push_manifest(repository, artifact.manifest_bytes, artifact.manifest.media_type, str(version))
    return LockedPackage(
        name=name,
        version=version,
        kind="component",
        source=repository,
        tag=str(version),
        manifest=artifact.manifest.digest,
        component=component.digest,
        size=component.size,
        dependencies=tuple(Pin(dependency, VERSION) for dependency in dependencies),
        imports=(),
    )


def project_that_pins(root: Path, address: str, pins: Sequence[LockedPackage], extra: str = "") -> Path:
    """A project that depends on all of `pins`, and its lock."""
    root.mkdir(parents=True, exist_ok=True)
    namespaces = sorted({pin.name.namespace for pin in pins})
    lines = [
        'name = "app"\nversion = "0.1.0"\nlanguage = "python"\ntype = "component"',
        "[registries]",
        *[f'{namespace} = "{address}/demo"' for namespace in namespaces],
        "[dependencies]",
        *[f'"{pin.name}" = "={pin.version}"' for pin in pins],
    ]
    (root / "wasmcloud.toml").write_text("\n".join(lines) + "\n" + extra)
    (root / "wpkg.lock").write_text(Lock(tuple(pins)).encode())
    return root
