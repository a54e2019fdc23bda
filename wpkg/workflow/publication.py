"""What a project publishes: its artifacts, made and checked, before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from wpkg.errors import WpkgError
from wpkg.names.vocabulary import KIND_ANNOTATION, PACKAGE_ANNOTATION
from wpkg.oci.artifact import (
    EPOCH,
    WASM_LAYER,
    PackageRecord,
    PublishedDependency,
    WasmArtifact,
    WasmConfig,
    build_artifact,
)
from wpkg.oci.descriptor import Descriptor
from wpkg.workflow.build_state import BuildState, load_state, stamped_digest
from wpkg.workflow.compose import digest_composition, lay_out, read_node, warn_about
from wpkg.workflow.composition import Inputs, gather_inputs
from wpkg.workflow.lock import up_to_date_lock
from wpkg.workflow.origin import composed_origin, raw_provenance
from wpkg.workflow.sources import ComponentFile, Sources

if TYPE_CHECKING:
    from pathlib import Path

    from wpkg.oci.digest import Digest
    from wpkg.workflow.opened import OpenedProject
    from wpkg.workflow.world import World

TITLE = "org.opencontainers.image.title"
VERSION = "org.opencontainers.image.version"


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
    inputs = gather_inputs(world, opened, lock, raw_digest)
    if len(inputs.files) == 1:
        return [_raw_publication(world, opened, raw, raw_digest, state, "component")]
    raw_publication = _raw_publication(world, opened, raw, raw_digest, state, "raw")
    composed = _composed_publication(world, opened, inputs, raw_publication.artifact.manifest.digest)
    return [raw_publication, composed]


def _raw_publication(
    world: World, opened: OpenedProject, raw: Path, digest: Digest, state: BuildState, kind: str
) -> Publication:
    project = opened.project
    dependencies = tuple(PublishedDependency(d.name, d.requirement, d.link) for d in project.dependencies)
    record = PackageRecord(project.published_name, project.version, kind, dependencies)
    tag = project.version.raw_tag if kind == "raw" else project.version.tag
    built_here = state.raw is not None and state.raw.digest == str(digest) and state.command is not None
    provenance = raw_provenance(world, opened, state.command or "") if built_here else None
    return _publication(world, opened, raw, digest, record, tag, provenance)


def _composed_publication(
    world: World, opened: OpenedProject, inputs: Inputs, raw_manifest: Digest
) -> Publication:
    project = opened.project
    output = opened.root / project.composed_output
    with Sources(inputs.files) as sources:
        composition = lay_out(sources, inputs.wiring)
        warn_about(world.reporter, composition.plan)
        composed = digest_composition(composition, sources)
    if not output.is_file() or stamped_digest(output, None) != composed.digest:
        raise NotBuilt(
            f"{project.composed_output} is not what the project and its lock compose to now",
            hint="run 'wpkg build --compose' first",
        )
    left = tuple(
        PublishedDependency(d.name, d.requirement, d.link) for d in project.dependencies if d.link == "runtime"
    )
    record = PackageRecord(project.published_name, project.version, "composed", left, raw_manifest)
    origin = composed_origin(world, opened, inputs, composed.plan, composed.digest)
    publication = _publication(
        world, opened, output, composed.digest, record, project.version.tag, origin.provenance
    )
    return replace(publication, sbom=origin.sbom)


def _publication(
    world: World,
    opened: OpenedProject,
    path: Path,
    digest: Digest,
    record: PackageRecord,
    tag: str,
    provenance: dict[str, Any] | None,
) -> Publication:
    node = read_node(ComponentFile(path.name, path, digest))
    imports = tuple(node.component.type.imports)
    exports = tuple(node.component.type.exports)
    created = world.timestamp or EPOCH
    annotations = [
        (PACKAGE_ANNOTATION, str(record.package)),
        (KIND_ANNOTATION, record.kind),
        (TITLE, str(record.package)),
        (VERSION, str(record.version)),
    ]
    component = Descriptor(WASM_LAYER, digest, node.size, {TITLE: f"{opened.project.published_name.name}.wasm"})
    artifact = build_artifact(component, WasmConfig(record, imports, exports), annotations, created)
    return Publication(record, tag, path, artifact, provenance)
