"""Where a component comes from: the provenance of what is published, from what this run knows to be true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wpkg import __version__
from wpkg.oci.digest import Digest
from wpkg.project.lockfile import LOCK_FILE, LOCK_VERSION
from wpkg.project.project_file import PROJECT_FILE
from wpkg.registry.disk import read_bytes
from wpkg.trust.provenance import (
    ComposeInput,
    Connection,
    Project,
    Revision,
    Role,
    Run,
    Source,
    component_provenance,
    compose_provenance,
)

if TYPE_CHECKING:
    from pathlib import Path

    from wpkg.compose.graph import Plan
    from wpkg.workflow.composition import Inputs
    from wpkg.workflow.opened import OpenedProject
    from wpkg.workflow.world import World


def raw_provenance(world: World, opened: OpenedProject, command: str) -> dict[str, Any]:
    """The provenance of a component that wpkg itself built by running `command`."""
    return component_provenance(_described(world, opened, [PROJECT_FILE]), command, Run({"wpkg": __version__}))


def composed_provenance(world: World, opened: OpenedProject, inputs: Inputs, plan: Plan) -> dict[str, Any]:
    """The provenance of a composed component: every input by digest, and who satisfied what."""
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
        components.append(ComposeInput(file.name, role, node.digest, version, source))
    return compose_provenance(
        _described(world, opened, [PROJECT_FILE, LOCK_FILE]),
        components,
        [Connection(c.importer, c.name, c.exporter, c.export or "") for c in plan.connections],
        Run({"wpkg": __version__}),
        LOCK_VERSION,
        share_modules=inputs.wiring.share_modules,
    )


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
