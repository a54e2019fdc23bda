"""A project's composition: its inputs, fetched and verified, and the component that they make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from wpkg.errors import InvalidInput, WpkgError
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
from wpkg.workflow.local import local_dependencies
from wpkg.workflow.policies import project_policy
from wpkg.workflow.sources import ComponentFile, Sources
from wpkg.workflow.trusting import check_recorded_signers, expect, verify_from_cache, verify_release
from wpkg.workflow.verify_inputs import check_required_inputs
from wpkg.workflow.wiring import Wiring

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from wpkg.compose.graph import Plan
    from wpkg.names.package_name import PackageName
    from wpkg.names.pin import Pin
    from wpkg.oci.digest import Digest
    from wpkg.project.lockfile import Lock
    from wpkg.project.project_file import Project
    from wpkg.workflow.local import LocalDependency
    from wpkg.workflow.opened import OpenedProject
    from wpkg.workflow.world import World


class Inputs(Struct, frozen=True):
    """Everything that goes into a composition, verified: the raw component first."""

    files: tuple[ComponentFile, ...]
    packages: tuple[FetchedPackage, ...]
    wiring: Wiring
    lock: Lock
    pins: Mapping[str, Pin]  # what the files that are dependencies are, by the names that they have here

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
    local = local_dependencies(opened.workspace)
    taking_part = _composed(project, lock, packages, local)
    by_name, pins = {}, {}
    for pin in taking_part:
        several = sum(other.name == pin.name for other in taking_part) > 1
        name = f"{pin.name}@{pin.version}" if several else str(pin.name)
        by_name[name] = _component_of(name, pin, packages, local)
        pins[name] = pin
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
    pins |= {name: pins[text] for name, text in composition.instances.items() if text in pins}
    wiring = Wiring(composition.root, composition.imports, composition.share_modules)
    return Inputs(tuple(files), packages, wiring, lock, pins)


def _composed(
    project: Project,
    lock: Lock,
    packages: Sequence[FetchedPackage],
    local: Mapping[PackageName, LocalDependency],
) -> list[Pin]:
    """What `link = "build"` leads to, from the project on; the rest is bound by the host."""
    releases = {package.locked.pin: package.release for package in packages}
    found: set[Pin] = set()
    pending = [
        package.pin
        for d in project.dependencies
        if d.link == "build" and (package := lock.met_by(d.name, d.requirement)) is not None
    ]
    while pending:
        pin = pending.pop()
        package = lock.at(pin)
        if pin in found or package is None or package.kind == "wit":
            continue
        found.add(pin)
        if pin.name in local:
            linked = {d.name for d in local[pin.name].dependencies if d.link == "build"}
        else:
            record = releases[pin].config.record
            linked = {d.name for d in record.dependencies if d.link == "build"} if record is not None else set()
        pending += [needed for needed in package.dependencies if needed.name in linked]
    return sorted(found)


def _component_of(
    name: str, pin: Pin, packages: Sequence[FetchedPackage], local: Mapping[PackageName, LocalDependency]
) -> ComponentFile:
    """The file of a dependency. Raises: NotBuilt for a project on this disk that has not been built."""
    for package in packages:
        if package.locked.pin == pin:
            return ComponentFile(name, package.path, package.release.component.digest, name)
    dependency = local[pin.name]
    if not dependency.component.is_file():
        raise DependencyNotBuilt(
            f"{pin} has not been built: there is no {dependency.component}",
            hint=f"run 'wpkg build -C {dependency.path}'",
        )
    return ComponentFile(name, dependency.component, stamped_digest(dependency.component, None), name)


class DependencyNotBuilt(WpkgError):
    """A project on this disk is needed and has not been built."""


def _named_component(opened: OpenedProject, packages: dict[str, ComponentFile], text: str) -> ComponentFile:
    """What an entry of `[composition] components` means: a dependency, or the path of a file."""
    if text in packages:
        return packages[text]
    several = sorted(name for name in packages if name.startswith(f"{text}@"))
    if several:
        raise InvalidInput(
            f"[composition] names '{text}', of which there are several versions",
            hint=f"say {' or '.join(several)}",
        )
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
        check_required_inputs(world, what, release, verification, policy, cached=True)


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
