"""Where a component comes from: the provenance of what is published, from what this run knows to be true."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wpkg import __version__
from wpkg.component.custom_sections import find_custom_sections, read_producers
from wpkg.errors import InvalidInput
from wpkg.oci.digest import Digest
from wpkg.project.lockfile import LOCK_FILE, LOCK_VERSION
from wpkg.project.project_file import PROJECT_FILE
from wpkg.registry.disk import read_bytes
from wpkg.registry.mapping import mapped
from wpkg.trust.provenance import (
    ComposeInput,
    Connection,
    Project,
    RecordedFile,
    Revision,
    Role,
    Run,
    Script,
    Source,
    component_provenance,
    compose_provenance,
)
from wpkg.trust.sbom import CRATES_SECTION, Composition, Crate, describe_composition, read_crates
from wpkg.wit.binary import BinaryPackage
from wpkg.wit.errors import Source as WitSource

if TYPE_CHECKING:
    from wpkg.compose.graph import Plan
    from wpkg.workflow.composition import Inputs
    from wpkg.workflow.document import OpenedDocument
    from wpkg.workflow.opened import OpenedProject
    from wpkg.workflow.sources import ComponentFile
    from wpkg.workflow.world import World


def raw_provenance(world: World, opened: OpenedProject, command: str) -> dict[str, Any]:
    """The provenance of a component that wpkg itself built by running `command`."""
    project = _described(world, opened, [PROJECT_FILE])
    with mapped(opened.root / opened.project.build_artifact) as data:
        try:
            tools = read_producers(data)
        except InvalidInput as error:
            world.reporter.warn(f"{opened.project.build_artifact}: its producers cannot be read: {error}")
            tools = {}
    return component_provenance(project, command, _run(world), tools)


def _run(world: World) -> Run:
    """What this run says of itself. A time only where SOURCE_DATE_EPOCH sets one: a repetition says the same."""
    timestamp = world.timestamp
    return Run({"wpkg": __version__}, metadata={} if timestamp is None else {"finishedOn": timestamp})


class ComposedOrigin(Struct, frozen=True):
    """Where a composed component comes from, and what is in it: two predicates, and what registries have of it."""

    provenance: dict[str, Any]
    sbom: dict[str, Any]
    manifests: tuple[Digest, ...]  # sorted


def composed_origin(
    world: World, opened: OpenedProject, inputs: Inputs, plan: Plan, component: Digest
) -> ComposedOrigin:
    """Every input of the composed `component` by digest, and who satisfied what."""
    components = _composed_inputs(opened, inputs, plan)
    connections = [Connection(c.importer, c.name, c.exporter, " / ".join(c.item.path)) for c in plan.connections]
    provenance = compose_provenance(
        _described(world, opened, [PROJECT_FILE, LOCK_FILE]),
        components,
        connections,
        _run(world),
        LOCK_VERSION,
        inputs.wiring.decisions.record(),
        _script(opened.project.composition.document, inputs.wiring.document),
    )
    crates = {file.name: _crates(world, file) for file in inputs.files}
    project = opened.project
    composition = Composition(project.published_name, project.version, component, components, connections, crates)
    manifests = tuple(sorted({each.source.manifest for each in components if each.source is not None}))
    return ComposedOrigin(provenance, describe_composition(composition, __version__, world.timestamp), manifests)


def _composed_inputs(opened: OpenedProject, inputs: Inputs, plan: Plan) -> list[ComposeInput]:
    """The components that take part in the composition."""
    locked = {package.locked.pin: package.locked for package in inputs.packages}
    taking_part = {node.name: node for node in plan.nodes}
    components = []
    for file in inputs.files:
        node = taking_part.get(file.name)
        if node is None or node.digest is None:
            continue
        pin = inputs.pins.get(file.name)
        package = locked.get(pin) if pin is not None else None
        is_own = file is inputs.files[0]
        source = Source(package.source, package.manifest, package.tag, package.signers) if package else None
        version = pin.version if pin is not None else opened.project.version if is_own else None
        role: Role = "root" if file.name == plan.root else "component" if package else "local"
        name = pin.name if pin is not None else None
        components.append(ComposeInput(file.name, role, node.digest, version, source, file.label, package=name))
    for node in plan.nodes:
        if node.generated is not None and node.digest is not None:
            generated = {
                "for": node.generated.importer,
                "denied": dict(sorted(node.generated.denied.items())),
                "config": dict(sorted(node.generated.config.items())),
            }
            components.append(ComposeInput(node.name, "generated", node.digest, generated=generated))
    return components


def _script(name: str | None, document: OpenedDocument | None) -> Script | None:
    """The document `name` of the project, as it was read, and the WIT that it names."""
    if name is None or document is None:
        return None
    interfaces: list[RecordedFile] = []
    for package, found in document.interfaces.items():
        if isinstance(found, BinaryPackage):
            interfaces.append(RecordedFile(package, read_bytes(Path(found.file)), package))
        else:
            sources = [text if isinstance(text, WitSource) else text.source for text in found]
            interfaces += [
                RecordedFile(f"{package}/{Path(source.name).name}", source.text.encode(), package)
                for source in sources
            ]
    return Script(RecordedFile(name, document.document.source.text.encode()), tuple(interfaces))


def _crates(world: World, file: ComponentFile) -> list[Crate]:
    """The Rust crates that `file` says were compiled into it; what it says wrongly is left out with a warning."""
    crates: set[Crate] = set()
    with mapped(file.path) as data:
        try:
            for section in find_custom_sections(data, CRATES_SECTION):
                crates.update(read_crates(bytes(section)))
        except InvalidInput as error:
            world.reporter.warn(f"{file.name}: its list of crates cannot be read: {error}")
            return []
    return sorted(crates)


def _described(world: World, opened: OpenedProject, files: list[str]) -> Project:
    """The project as a statement names it. Files that are not there are left out."""
    return Project(
        package=opened.project.published_name,
        version=opened.project.version,
        files={
            name: Digest.of(read_bytes(opened.root / name)) for name in files if (opened.root / name).is_file()
        },
        file=PROJECT_FILE,
        revision=_revision(world, opened.root),
        source_date_epoch=world.source_date_epoch,
    )


def _revision(world: World, root: Path) -> Revision | None:
    """The commit that the project's folder is at; None where there is no git, no commit, or a change to it."""
    try:
        changes = world.run(["git", "status", "--porcelain", "--", "."], root, show=False)
        head = world.run(["git", "rev-parse", "--verify", "HEAD"], root, show=False)
    except OSError:
        return None
    if changes.status or head.status or changes.output.strip():
        return None
    return Revision(head.output.strip())
