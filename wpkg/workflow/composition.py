"""A project's composition: its inputs, fetched and verified, and the component that they make."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from wpkg.errors import InvalidInput
from wpkg.names.pin import Pin
from wpkg.project.project_file import PROJECT_FILE
from wpkg.workflow.ahead import Ahead
from wpkg.workflow.build_state import stamped_digest
from wpkg.workflow.capabilities import check_rules_are_about_something, requests_of, require_allowed
from wpkg.workflow.compose import (
    Composed,
    lay_out,
    plan_files,
    unchanged_composition,
    warn_about,
    write_composition,
)
from wpkg.workflow.decide import decide, decides
from wpkg.workflow.fetch import FetchedPackage, fetch_locked
from wpkg.workflow.links import component_of, read_contracts
from wpkg.workflow.local import local_dependencies
from wpkg.workflow.newly_asked import check_nothing_is_concealed
from wpkg.workflow.policies import project_policy
from wpkg.workflow.sources import ComponentFile, Sources
from wpkg.workflow.trusting import check_recorded_signers, expect, verify_from_cache, verify_release
from wpkg.workflow.verify_inputs import check_required_inputs
from wpkg.workflow.wiring import Wiring

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from wpkg.compose.graph import Plan
    from wpkg.compose.links import Contract
    from wpkg.names.package_name import PackageName
    from wpkg.oci.digest import Digest
    from wpkg.project.capabilities import Capabilities
    from wpkg.project.lockfile import Lock
    from wpkg.project.project_file import Dependency, Project
    from wpkg.trust.verification import Verification
    from wpkg.workflow.capabilities import Request
    from wpkg.workflow.local import LocalDependency
    from wpkg.workflow.opened import OpenedProject, OpenedWorkspace
    from wpkg.workflow.world import World

    _Inferred = tuple[Sequence[ComponentFile], Mapping[str, Pin], Wiring]


class Inputs(Struct, frozen=True):
    """Everything that goes into a composition, verified: the raw component first."""

    files: tuple[ComponentFile, ...]
    packages: tuple[FetchedPackage, ...]
    wiring: Wiring
    lock: Lock
    pins: Mapping[str, Pin]  # what the files that are dependencies are, by the names that they have here
    capabilities: Capabilities

    def plan(self) -> Plan:
        """How they fit together. Raises: CompositionError."""
        return plan_files(self.files, self.wiring)

    def make_a_composition(self) -> bool:
        """Whether there is more than the component by itself: others, or what is generated for its imports.

        Raises: CompositionError, InvalidInput.
        """
        if len(self.files) > 1 or self.wiring.document is not None:
            return True
        return self.wiring.decided is not None and bool(self.plan().connections)

    def requests(self, plan: Plan) -> tuple[Request, ...]:
        """What `plan`, which is of these inputs, asks of the host, and what the project's rules say of it."""
        return requests_of(plan, self.capabilities, self.pins)

    def require_allowed(self, plan: Plan) -> None:
        """Raises: NotAllowed when `plan` asks for what the project does not allow; ImportsConcealed."""
        for node in plan.nodes:
            if node.name in self.pins:
                check_nothing_is_concealed(self.lock, self.pins[node.name], node.component)
        require_allowed(self.requests(plan), self.capabilities)


def gather_inputs(world: World, opened: OpenedProject, lock: Lock, raw: Digest) -> Inputs:
    """What is composed with what: fetched, verified by digest and by the project's policy.

    Raises: RegistryError, LockOutOfDate, NotTrusted, InvalidInput.
    """
    project = opened.project
    found = locked_components(world, opened, lock)
    own = own_component(opened, raw)
    document = project.composition.document
    if document is not None:
        files, pins, wiring = _by_document(world, opened, lock, found, own, document)
    else:
        files, pins, wiring = _by_inference(opened, found, own)
    known = {file.name for file in files} | {str(package.name) for package in lock.all}
    check_rules_are_about_something(project.capabilities, known)
    return Inputs(tuple(files), found.packages, wiring, lock, pins, project.capabilities)


class LockedComponents(Struct, frozen=True):
    """The components of a lock that are composed, by the names that they have in the project."""

    files: Mapping[str, ComponentFile]
    pins: Mapping[str, Pin]
    packages: tuple[FetchedPackage, ...]  # all that is locked
    contracts: tuple[Contract, ...]  # what is linked at run time


def locked_components(world: World, opened: OpenedProject, lock: Lock) -> LockedComponents:
    """What `lock` pins of the project: fetched, verified by digest and by the project's policy.

    Raises: RegistryError, LockOutOfDate, NotTrusted, InvalidInput.
    """
    packages = fetch_locked(world, lock)
    check_trust(world, opened, packages)
    local = local_dependencies(opened.workspace)
    taking_part, linked = _reached(opened.project, lock, packages, local)
    files, pins = {}, {}
    for pin in taking_part:
        several = sum(other.name == pin.name for other in taking_part) > 1
        name = f"{pin.name}@{pin.version}" if several else str(pin.name)
        files[name] = component_of(name, pin, packages, local)
        pins[name] = pin
    contracts = read_contracts(linked, packages, local)
    for pin, contract in zip(linked, contracts, strict=True):
        if contract.package is None:
            check_nothing_is_concealed(lock, pin, contract.node.component)
    return LockedComponents(files, pins, packages, contracts)


def own_component(opened: OpenedProject, digest: Digest | None = None) -> ComponentFile:
    """The component that the project builds, under the project's name."""
    project = opened.project
    name = str(project.package) if project.package is not None else project.name
    return ComponentFile(name, opened.root / project.build_artifact, digest, name)


def _by_inference(opened: OpenedProject, found: LockedComponents, own: ComponentFile) -> _Inferred:
    """What `[composition]` names, all that is locked where it names nothing, and how it is wired."""
    composition = opened.project.composition
    files, by_name, pins = [own], dict(found.files), dict(found.pins)
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
    wiring = Wiring(
        composition.root,
        composition.imports,
        composition.share_modules,
        chain=composition.chain,
        contracts=found.contracts,
        decided=decide(opened.project, pins, found.contracts),
    )
    return files, pins, wiring


def _by_document(
    world: World, opened: OpenedProject, lock: Lock, found: LockedComponents, own: ComponentFile, document: str
) -> _Inferred:
    """What the document makes instances of, the project's own component first, and that it decides the rest."""
    from wpkg.workflow.document import open_document
    from wpkg.workflow.document_places import Places, ProjectPlaces

    if decides(opened.project):
        raise InvalidInput(
            "what is denied inside the composition cannot be decided beside a document, which says all of it",
            hint=f"remove denied = …, or write it without {document}",
        ).within(PROJECT_FILE, "capabilities")
    project = ProjectPlaces(world, opened, lock, found, own)
    opened_document = open_document(opened.root / document, Places({}, opened.root / "deps", lambda: project))
    files = sorted(opened_document.files, key=lambda file: file.path != own.path)
    if not files or files[0].path != own.path:
        raise InvalidInput(
            f"{document} makes no instance of the component that the project builds",
            hint=f"write 'new {project.own_package} {{ … }}' in it",
        )
    pins = {
        name: found.pins[project_name]
        for name, project_name in opened_document.origins.items()
        if project_name in found.pins
    }
    if opened.project.package is not None:  # rules are for packages, whatever the document calls an instance
        own_pin = Pin(opened.project.package, opened.project.version)
        pins |= {file.name: own_pin for file in files if file.path == own.path}
    wiring = Wiring(
        share_modules=opened.project.composition.share_modules,
        contracts=found.contracts,
        document=opened_document,
    )
    return files, pins, wiring


def _reached(
    project: Project,
    lock: Lock,
    packages: Sequence[FetchedPackage],
    local: Mapping[PackageName, LocalDependency],
) -> tuple[list[Pin], dict[Pin, Dependency | None]]:
    """What `link = "build"` leads to, from the project on, and what that is linked with at run time.

    The latter with the project's line for it, None where only a dependency wants it.
    """
    releases = {package.locked.pin: package.release for package in packages}
    found: set[Pin] = set()
    linked: dict[Pin, Dependency | None] = {}
    pending = []
    for d in project.dependencies:
        package = lock.met_by(d.name, d.requirement)
        if package is not None and d.link == "build":
            pending.append(package.pin)
        elif package is not None:
            linked[package.pin] = d
    while pending:
        pin = pending.pop()
        package = lock.at(pin)
        if pin in found or package is None or package.kind == "wit":
            continue
        found.add(pin)
        links: dict[PackageName, str] = {}
        if pin.name in local:
            links = {d.name: d.link for d in local[pin.name].dependencies}
        elif (record := releases[pin].config.record) is not None:
            links = {d.name: d.link for d in record.dependencies}
        for needed in package.dependencies:
            if links.get(needed.name) == "build":
                pending.append(needed)
            elif needed.name in links:
                linked.setdefault(needed, None)
    return sorted(found), dict(sorted(linked.items()))


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


def check_trust(world: World, opened: OpenedProject | OpenedWorkspace, packages: Sequence[FetchedPackage]) -> None:
    """Verify the signatures on `packages`, with the evidence kept in the cache where that is enough.

    Raises: NotTrusted, RegistryError.
    """
    policy = project_policy(world, opened)
    if policy is None:
        return

    def verify(package: FetchedPackage) -> Verification:
        locked, release = package.locked, package.release
        expected = expect(release, locked.name, locked.version)
        verification = verify_from_cache(world, release, policy, expected)
        if verification is None or verification.state != "verified":
            verification = verify_release(world, release, policy, expected, locked=True)
        return verification

    with Ahead() as ahead:
        tasks = [ahead.announce(partial(verify, package)) for package in packages]
        for package, task in zip(packages, tasks, strict=True):
            locked, verification = package.locked, task.result()
            what = f"{locked.name} {locked.version} ({locked.source})"
            verification.raise_unless_accepted(what)
            check_recorded_signers(what, locked.signers, verification)
            check_required_inputs(world, what, package.release, verification, policy, cached=True)


def compose_inputs(world: World, inputs: Inputs, output: Path) -> tuple[Composed, bool]:
    """The composition in its place, and whether it had to be written, or was there already.

    Raises: CompositionError, NotAllowed, CannotWrite.
    """
    with Sources(inputs.files) as sources:
        composition = lay_out(sources, inputs.wiring)
        warn_about(world.reporter, composition.plan)
        inputs.require_allowed(composition.plan)
        world.reporter.status("Composing", f"{output.name} from {len(composition.plan.nodes)} components")
        composed = unchanged_composition(composition, sources, output)
        if composed is not None:
            return composed, False
        return write_composition(composition, sources, output), True
