"""What a project publishes: its artifacts, made and checked, before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from wpkg.errors import InvalidInput, WpkgError
from wpkg.names.vocabulary import (
    BUILD_TYPE_ANNOTATION,
    COMPOSE_BUILD_TYPE,
    INPUTS_ANNOTATION,
    KIND_ANNOTATION,
    PACKAGE_ANNOTATION,
)
from wpkg.oci.artifact import (
    EPOCH,
    WASM_LAYER,
    Ask,
    PackageRecord,
    PublishedDependency,
    WasmArtifact,
    WasmConfig,
    build_artifact,
)
from wpkg.oci.descriptor import Descriptor
from wpkg.workflow.build_state import BuildState, load_state, stamped_digest
from wpkg.workflow.capabilities import recorded_asks
from wpkg.workflow.compose import digest_composition, lay_out, read_node, warn_about
from wpkg.workflow.composition import Inputs, gather_inputs
from wpkg.workflow.lock import up_to_date_lock
from wpkg.workflow.origin import composed_origin, raw_provenance
from wpkg.workflow.sources import ComponentFile, Sources

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wpkg.oci.digest import Digest
    from wpkg.project.project_file import Dependency
    from wpkg.workflow.opened import OpenedProject
    from wpkg.workflow.world import World

TITLE = "org.opencontainers.image.title"
VERSION = "org.opencontainers.image.version"
MAX_SHOWN_INPUTS = 100  # in annotations, which registries keep in lists, too


class NotBuilt(WpkgError):
    """What is to be published is not there, or is not what the project makes now."""


class Publication(Struct, frozen=True):
    """One artifact to publish: its file, what it is, and what proves where it comes from."""

    record: PackageRecord
    tag: str
    path: Path
    artifact: WasmArtifact
    provenance: dict[str, Any] | None  # a SLSA predicate; None where nothing truthful can be said
    sbom: dict[str, Any] | None = None  # CycloneDX, of what is composed


def prepare(world: World, opened: OpenedProject) -> list[Publication]:
    """The artifacts of a project, raw before composed; nothing is sent.

    The composed component is composed again in thought: what is published is what the lock and the sources make,
    and the lock must be the one that is there.

    Raises: NotBuilt, CompositionError, LockOutOfDate, NotTrusted, InvalidInput.
    """
    project = opened.project
    lock = up_to_date_lock(world, opened, locked=True)
    state = load_state(opened.root / project.build_directory)
    raw = opened.root / project.build_artifact
    if not raw.is_file():
        raise NotBuilt(f"there is no component at {project.build_artifact}", hint="run 'wpkg build' first")
    raw_digest = stamped_digest(raw, state.raw)
    if project.kind == "wit":
        return [_wit_publication(world, opened, raw, raw_digest, state)]
    inputs = gather_inputs(world, opened, lock, raw_digest)
    if not inputs.make_a_composition():
        plan = inputs.plan()
        inputs.require_allowed(plan)
        asks = recorded_asks(plan) if plan.links else ()
        return [_raw_publication(world, opened, raw, raw_digest, state, "component", asks)]
    raw_publication = _raw_publication(world, opened, raw, raw_digest, state, "raw")
    composed = _composed_publication(world, opened, inputs, raw_publication.artifact.manifest.digest)
    return [raw_publication, composed]


def _raw_publication(
    world: World,
    opened: OpenedProject,
    raw: Path,
    digest: Digest,
    state: BuildState,
    kind: str,
    asks: tuple[Ask, ...] = (),
) -> Publication:
    project = opened.project
    dependencies = tuple(_published(d) for d in project.dependencies if d.kind != "wit")
    record = PackageRecord(project.published_name, project.version, kind, dependencies, asks=asks)
    tag = project.version.raw_tag if kind == "raw" else project.version.tag
    return _publication(world, raw, digest, record, tag, _provenance(world, opened, state, digest))


def _provenance(world: World, opened: OpenedProject, state: BuildState, digest: Digest) -> dict[str, Any] | None:
    """Where a file comes from that wpkg itself has built; None where it has not."""
    built_here = state.raw is not None and state.raw.digest == str(digest) and state.command is not None
    return raw_provenance(world, opened, state.command or "") if built_here else None


def _wit_publication(
    world: World, opened: OpenedProject, file: Path, digest: Digest, state: BuildState
) -> Publication:
    """A WIT package: in the form of a component, which exports whatever interfaces and worlds it has."""
    from wpkg.workflow.wit_files import read_wit_names

    project = opened.project
    found = read_wit_names(file)
    if found.package != f"{project.published_name}@{project.version}":
        raise NotBuilt(
            f"{project.build_artifact} is the WIT package {found.package}, "
            f"the project is {project.published_name}@{project.version}",
            hint="give both the same name and version, then run 'wpkg build'",
        )
    record = PackageRecord(project.published_name, project.version, "wit")
    component = Descriptor(WASM_LAYER, digest, found.size)
    artifact = _artifact(world, component, record, WasmConfig(record, (), found.names))
    return Publication(record, record.version.tag, file, artifact, _provenance(world, opened, state, digest))


def _composed_publication(
    world: World, opened: OpenedProject, inputs: Inputs, raw_manifest: Digest
) -> Publication:
    project = opened.project
    output = opened.root / project.composed_output
    with Sources(inputs.files) as sources:
        composition = lay_out(sources, inputs.wiring)
        warn_about(world.reporter, composition.plan)
        inputs.require_allowed(composition.plan)
        composed = digest_composition(composition, sources)
    if not output.is_file() or stamped_digest(output, None) != composed.digest:
        raise NotBuilt(
            f"{project.composed_output} is not what the project and its lock compose to now",
            hint="run 'wpkg build --compose' first",
        )
    left = tuple(_published(d) for d in project.dependencies if d.link == "runtime" and d.kind != "wit")
    asks = recorded_asks(composed.plan)
    record = PackageRecord(project.published_name, project.version, "composed", left, raw_manifest, asks)
    origin = composed_origin(world, opened, inputs, composed.plan, composed.digest)
    hints = [(BUILD_TYPE_ANNOTATION, COMPOSE_BUILD_TYPE)]
    if 0 < len(origin.manifests) <= MAX_SHOWN_INPUTS:
        hints.append((INPUTS_ANNOTATION, ",".join(map(str, origin.manifests))))
    publication = _publication(
        world, output, composed.digest, record, project.version.tag, origin.provenance, hints
    )
    return replace(publication, sbom=origin.sbom)


def _published(dependency: Dependency) -> PublishedDependency:
    """A dependency as others see it. Raises: InvalidInput when it is one that they do not have."""
    if dependency.requirement is None:
        raise InvalidInput(
            f"{dependency.name} has a path and no version, so nobody else could get it",
            hint=f'say which published version will do: "{dependency.name}" = {{ path = "…", version = "1" }}',
        )
    return PublishedDependency(dependency.name, dependency.requirement, dependency.link)


def _publication(
    world: World,
    path: Path,
    digest: Digest,
    record: PackageRecord,
    tag: str,
    provenance: dict[str, Any] | None,
    hints: Sequence[tuple[str, str]] = (),
) -> Publication:
    node = read_node(ComponentFile(path.name, path, digest))
    component = Descriptor(WASM_LAYER, digest, node.size)
    names = WasmConfig(record, tuple(node.component.imports), tuple(node.component.exports))
    return Publication(record, tag, path, _artifact(world, component, record, names, hints), provenance)


def _artifact(
    world: World,
    component: Descriptor,
    record: PackageRecord,
    config: WasmConfig,
    hints: Sequence[tuple[str, str]] = (),
) -> WasmArtifact:
    """The artifact around `component`. Same arguments, same digest.

    `hints` are annotations for those who look around in registries; what they say is proven by provenance only.
    """
    created = world.timestamp or EPOCH
    annotations = [
        (PACKAGE_ANNOTATION, str(record.package)),
        (KIND_ANNOTATION, record.kind),
        (TITLE, str(record.package)),
        (VERSION, str(record.version)),
        *hints,
    ]
    titled = Descriptor(
        component.media_type, component.digest, component.size, {TITLE: f"{record.package.name}.wasm"}
    )
    return build_artifact(titled, config, annotations, created)
