"""A project's composition: its inputs, fetched and verified, and the component that they make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from wpkg.errors import InvalidInput
from wpkg.workflow.build_state import stamped_digest
from wpkg.workflow.compose import (
    Composed,
    lay_out,
    plan_files,
    unchanged_composition,
    warn_about,
    write_composition,
)
from wpkg.workflow.fetch import FetchedPackage, fetch_locked
from wpkg.workflow.policies import project_policy
from wpkg.workflow.sources import ComponentFile, Sources
from wpkg.workflow.trusting import check_recorded_signers, expect, verify_from_cache, verify_release
from wpkg.workflow.wiring import Wiring

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wpkg.compose.graph import Plan
    from wpkg.oci.digest import Digest
    from wpkg.project.lockfile import Lock
    from wpkg.project.project_file import Project
    from wpkg.workflow.opened import OpenedProject
    from wpkg.workflow.world import World


class Inputs(Struct, frozen=True):
    """Everything that goes into a composition, verified: the raw component first."""

    files: tuple[ComponentFile, ...]
    packages: tuple[FetchedPackage, ...]
    wiring: Wiring
    lock: Lock

    def plan(self) -> Plan:
        """How they fit together. Raises: CompositionError."""
        return plan_files(self.files, self.wiring)


def gather_inputs(world: World, opened: OpenedProject, lock: Lock, raw: Digest) -> Inputs:
    """What is composed with what: fetched, verified by digest and by the project's policy.

    Raises: RegistryError, LockOutOfDate, NotTrusted, InvalidInput.
    """
    project = opened.project
    packages = fetch_locked(world, lock)
    check_trust(world, opened, packages)
    own_name = str(project.package) if project.package is not None else project.name
    files = [ComponentFile(own_name, opened.root / project.build_artifact, raw, own_name)]
    by_name = {
        name: ComponentFile(name, package.path, package.release.component.digest, name)
        for name, package in _composed_packages(project, packages).items()
    }
    composition = project.composition
    if composition.components is None:
        files += by_name.values()
    else:
        files += [_named_component(opened, by_name, text) for text in composition.components]
    if composition.root is not None and all(file.name != composition.root for file in files):
        files.append(_named_component(opened, by_name, composition.root))
    files += [
        replace(_named_component(opened, by_name, text), name=name, label=name)
        for name, text in composition.instances.items()
    ]
    wiring = Wiring(composition.root, composition.imports, composition.share_modules)
    return Inputs(tuple(files), packages, wiring, lock)


def _composed_packages(project: Project, packages: Sequence[FetchedPackage]) -> dict[str, FetchedPackage]:
    """The packages that `link = "build"` leads to, from the project on; the rest is bound by the host."""
    by_name = {package.locked.name: package for package in packages}
    found: dict[str, FetchedPackage] = {}
    pending = [dependency.name for dependency in project.dependencies if dependency.link == "build"]
    while pending:
        package = by_name[pending.pop()]
        name = str(package.locked.name)
        if name not in found and package.locked.kind != "wit":
            found[name] = package
            record = package.release.config.record
            pending += [d.name for d in (record.dependencies if record is not None else ()) if d.link == "build"]
    return dict(sorted(found.items()))


def _named_component(opened: OpenedProject, packages: dict[str, ComponentFile], text: str) -> ComponentFile:
    """What an entry of `[composition] components` means: a dependency, or the path of a file."""
    if text in packages:
        return packages[text]
    path = opened.root / text
    if path.is_file():
        return ComponentFile(text, path, stamped_digest(path, None))
    raise InvalidInput(
        f"[composition] names '{text}', which is neither a composed dependency nor a file",
        hint="dependencies are named as in [dependencies], files by a path from wasmcloud.toml",
    )


def check_trust(world: World, opened: OpenedProject, packages: Sequence[FetchedPackage]) -> None:
    """Verify the signatures on `packages`, with the evidence kept in the cache where that is enough.

    Raises: NotTrusted, RegistryError.
    """
    policy = project_policy(world, opened)
    if policy is None:
        return
    for package in packages:
        locked, release = package.locked, package.release
        expected = expect(release, locked.name, locked.version)
        verification = verify_from_cache(world, release, policy, expected)
        if verification is None or verification.state != "verified":
            verification = verify_release(world, release, policy, expected, locked=True)
        what = f"{locked.name} {locked.version} ({locked.source})"
        verification.raise_unless_accepted(what)
        check_recorded_signers(what, locked.signers, verification)


def compose_inputs(world: World, inputs: Inputs, output: Path) -> tuple[Composed, bool]:
    """The composition in its place, and whether it had to be written, or was there already.

    Raises: CompositionError, CannotWrite.
    """
    with Sources(inputs.files) as sources:
        composition = lay_out(sources, inputs.wiring)
        warn_about(world.reporter, composition.plan)
        world.reporter.status("Composing", f"{output.name} from {len(composition.plan.nodes)} components")
        composed = unchanged_composition(composition, sources, output)
        if composed is not None:
            return composed, False
        return write_composition(composition, sources, output), True
