"""A published version, seen through its manifest and config; the component stays where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.errors import LockOutOfDate, RegistryError, WpkgError
from wpkg.names.version import Version
from wpkg.oci.artifact import MAX_CONFIG_SIZE, NotAWasmArtifact, WasmConfig, read_config, wasm_layer
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.manifest import IMAGE_MANIFEST, Manifest, read_manifest
from wpkg.registry.errors import NotFound
from wpkg.registry.interface import FetchedManifest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wpkg.names.package_name import PackageName
    from wpkg.oci.reference import Reference
    from wpkg.project.lockfile import LockedPackage
    from wpkg.workflow.parallel import Stop
    from wpkg.workflow.world import World


class DigestGone(RegistryError):
    """A registry no longer serves what the lock pins."""

    def __init__(self, locked: LockedPackage, what: str) -> None:
        super().__init__(
            f"{locked.source} no longer has {what} {locked.name} {locked.version}",
            hint="ask whoever publishes it; to resolve without this pin, remove wpkg.lock and run 'wpkg lock'",
        )


class Release(Struct, frozen=True):
    """One artifact: where it is, what its manifest is, what its config says."""

    reference: Reference  # with the digest
    manifest: Descriptor
    component: Descriptor  # the layer, with its annotations
    config: WasmConfig

    @property
    def kind(self) -> str:
        """One of `wpkg.oci.artifact.KINDS`; `component` for what other tools published."""
        return self.config.record.kind if self.config.record is not None else "component"


class WrongContent(RegistryError):
    """A registry has something else under a name than the name says."""


def check_record(release: Release, package: PackageName, version: Version, *, raw: bool = False) -> None:
    """Nothing when `release` says of itself to be `package` `version`, or says nothing. Raises: WrongContent.

    `raw` tells which of the two artifacts of a composed version was asked for.
    """
    record = release.config.record
    if record is None:
        return
    if (record.package, record.version) != (package, version):
        raise WrongContent(
            f"{release.reference} says that it is {record.package} {record.version}, not {package} {version}"
        )
    if (record.kind == "raw") is not raw:
        wanted = "the raw component" if raw else "the component that runs"
        raise WrongContent(f"{release.reference} is not {wanted} of {package} {version}, it says '{record.kind}'")


def fetch_release(world: World, reference: Reference, *, cached: bool = True) -> Release:
    """What `reference` names, from the cache where its digest is known, else from the registry.

    Without `cached`, everything is asked of the registry. Raises: RegistryError.
    """
    fetched = _manifest(world, reference, cached=cached)
    reference = reference.pinned(fetched.descriptor.digest)
    try:
        manifest = read_manifest(fetched.data)
        component = wasm_layer(manifest)
        if not isinstance(manifest, Manifest):
            raise NotAWasmArtifact("it is an image index, not a component")
        config = read_config(_small_blob(world, reference, manifest.config, cached=cached))
    except WpkgError as error:
        raise error.within(f"{reference}") from None
    descriptor = fetched.descriptor
    return Release(reference, descriptor, component, config)


def _manifest(world: World, reference: Reference, *, cached: bool) -> FetchedManifest:
    if cached and reference.digest is not None and (data := world.cache.read(reference.digest)) is not None:
        return FetchedManifest(Descriptor(IMAGE_MANIFEST, reference.digest, len(data)), data)
    fetched = world.registry.fetch_manifest(reference)
    world.cache.write(fetched.descriptor.digest, fetched.data)
    return fetched


def _small_blob(world: World, reference: Reference, blob: Descriptor, *, cached: bool) -> bytes:
    if blob.size > MAX_CONFIG_SIZE:
        raise NotAWasmArtifact(
            f"its config is said to have {blob.size} bytes, over the limit of {MAX_CONFIG_SIZE}"
        )
    data = world.cache.read(blob.digest) if cached else None
    if data is None:
        data = world.registry.fetch_blob(reference.repository, blob)
        world.cache.write(blob.digest, data)
    return data


def fetch_component(world: World, release: Release, what: str) -> Path:
    """The file in the cache that holds the component of `release`, verified. Raises: RegistryError."""
    path = world.cache.verified_path(release.component)
    return path if path is not None else download_component(world, release, what)


def download_component(world: World, release: Release, what: str, stop: Stop | None = None) -> Path:
    """The same where it is known not to be there, or not to be good; until `stop` says otherwise."""
    component, repository = release.component, release.reference.repository
    go_on = stop.check if stop is not None else lambda: None
    with world.reporter.progress("Fetching", what, component.size) as advance:

        def download(sink: Callable[[memoryview], object]) -> None:
            def take(chunk: memoryview) -> None:
                go_on()
                sink(chunk)
                advance(chunk.nbytes)

            world.registry.download_blob(repository, component, take)

        return world.cache.fill(component, download, go_on)


def locked_release(world: World, locked: LockedPackage) -> Release:
    """What `locked` pins, by digest. Raises: DigestGone, LockOutOfDate, RegistryError."""
    reference = locked.source.at(tag=locked.tag, digest=locked.manifest)
    try:
        release = fetch_release(world, reference)
    except NotFound as error:
        raise DigestGone(locked, f"{locked.manifest}, which the lock pins as") from error
    for what, pinned, found in _compare(locked, release):
        if pinned != found:
            raise LockOutOfDate(
                f"wpkg.lock says that {locked.name} {locked.version} has {what} {pinned}, "
                f"but its manifest {locked.manifest.short} says {found}",
                hint="restore wpkg.lock from version control, or run 'wpkg lock' and look at what changes",
            )
    return release


def _compare(locked: LockedPackage, release: Release) -> list[tuple[str, object, object]]:
    facts: list[tuple[str, object, object]] = [
        ("component", locked.component, release.component.digest),
        ("size", locked.size, release.component.size),
        ("tag", Version.from_tag(locked.tag), locked.version),
    ]
    record = release.config.record
    if record is not None:
        needed = [d.name for d in record.dependencies] if record.kind != "wit" else []
        facts += [
            ("name", locked.name, record.package),
            ("version", locked.version, record.version),
            ("kind", locked.kind, record.kind),
            ("dependencies", [pin.name for pin in locked.dependencies], sorted(needed)),
        ]
    return facts
