"""Resolve what a project needs, and pin it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wpkg.errors import LockOutOfDate
from wpkg.names.version import Version
from wpkg.project.lockfile import LOCK_FILE, Lock, LockedPackage
from wpkg.registry.disk import write_file
from wpkg.registry.errors import NotFound
from wpkg.workflow.opened import OpenedProject, open_project
from wpkg.workflow.release import Release, check_record, fetch_release
from wpkg.workflow.trusting import SignatureDisappeared, expect, project_policy, verify_release

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from wpkg.names.package_name import PackageName
    from wpkg.names.requirement import Requirement
    from wpkg.oci.reference import Repository
    from wpkg.project.project_file import Project
    from wpkg.trust.policy import TrustPolicy
    from wpkg.workflow.world import World


class TagMoved(LockOutOfDate):
    """A version that the lock pins is now something else in the registry."""


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one package. `before` and `after` are None where it was, or is, not locked."""

    name: PackageName
    before: LockedPackage | None
    after: LockedPackage | None


@dataclass(frozen=True, slots=True)
class Locked:
    """A lock and how it differs from the one before."""

    lock: Lock
    changes: tuple[Change, ...]


def lock(world: World, root: Path, *, check: bool = False) -> Locked:
    """Resolve anew, pins staying where they satisfy; tags and signatures are looked at again.

    With `check`, make no request and change nothing, but raise when the lock does not fit the project file.

    Raises: LockOutOfDate, NoSolution, RegistryError, NotTrusted, InvalidInput.
    """
    opened = open_project(root)
    if check:
        current = up_to_date_lock(world, opened, locked=True)
    else:
        current = resolve_lock(world, opened.project, opened.lock, project_policy(opened))
    changes = compare(opened.lock, current)
    if changes or opened.lock is None:
        write_file(opened.lock_file, current.encode().encode())
    return Locked(current, changes)


def up_to_date_lock(world: World, opened: OpenedProject, *, locked: bool) -> Lock:
    """The lock that fits the project file: the one on disk, without a request, when it still does.

    Nothing is written. With `locked`, a lock that would change is an error. Raises: as `lock`.
    """
    reason = why_out_of_date(opened.project, opened.lock)
    if reason is None:
        return opened.lock or Lock(())
    if locked:
        raise LockOutOfDate(
            f"{LOCK_FILE} needs to be updated, which was forbidden: {reason}",
            hint="run 'wpkg lock' and commit the result",
        )
    return resolve_lock(world, opened.project, opened.lock, project_policy(opened))


def why_out_of_date(project: Project, lock: Lock | None) -> str | None:
    """The first reason why `lock` is not the lock of `project`, None when it is. No request is made."""
    if lock is None:
        return "there is no lock file" if project.dependencies else None
    needed: set[PackageName] = set()
    queue = []
    for dependency in project.dependencies:
        pinned = lock.package(dependency.name)
        if pinned is None:
            return f"it does not pin {dependency.name}"
        if not dependency.requirement.matches(pinned.version):
            return f"it pins {dependency.name} {pinned.version}, which is not {dependency.requirement}"
        queue.append(pinned)
    while queue:
        pinned = queue.pop()
        if pinned.name in needed:
            continue
        needed.add(pinned.name)
        source = package_repository(project, pinned.name)
        if pinned.source != source:
            return f"it has {pinned.name} from {pinned.source}, the project file says {source}"
        for name in pinned.dependencies:
            following = lock.package(name)
            if following is None:
                return f"it does not pin {name}, which {pinned.name} {pinned.version} needs"
            queue.append(following)
    extra = sorted(package.name for package in lock.packages if package.name not in needed)
    return f"nothing needs {extra[0]}, which it pins" if extra else None


def package_repository(project: Project, package: PackageName) -> Repository:
    """Where `package` is: its own `oci`, else its namespace's place. Raises: InvalidProjectFile."""
    dependency = project.dependency(package)
    if dependency is not None and dependency.oci is not None:
        return dependency.oci
    return project.registries.repository(package)


def resolve_lock(world: World, project: Project, before: Lock | None, policy: TrustPolicy | None) -> Lock:
    """A new lock; pins of `before` stay as long as they satisfy. Every release in it is verified by `policy`."""
    from wpkg.resolve.solve import solve

    requirements = {dependency.name: dependency.requirement for dependency in project.dependencies}
    pins = {package.name: package for package in (before.packages if before is not None else ())}
    if not requirements:
        return Lock(())
    world.reporter.status(
        "Resolving", f"{len(requirements)} {'dependency' if len(requirements) == 1 else 'dependencies'}"
    )
    published = PublishedPackages(world, project, pins)
    solution = solve(requirements, published, {name: pin.version for name, pin in pins.items()})
    packages = []
    for name, version in solution.versions.items():
        release = published.release(name, version)
        packages.append(
            LockedPackage(
                name=name,
                version=version,
                kind=release.kind,
                source=release.reference.repository,
                tag=release.reference.tag or version.tag,
                manifest=release.manifest.digest,
                component=release.component.digest,
                size=release.component.size,
                dependencies=solution.dependencies[name],
                signers=verified_signers(world, release, policy, name, version),
            )
        )
        _check_still_signed(packages[-1], pins.get(name), policy)
    return Lock(tuple(packages))


def _check_still_signed(package: LockedPackage, pin: LockedPackage | None, policy: TrustPolicy | None) -> None:
    """Refuse a pinned release that was signed when it was pinned and is no longer."""
    if policy is None or pin is None or pin.manifest != package.manifest:
        return
    if pin.signers and not package.signers:
        raise SignatureDisappeared(
            f"{package.name} {package.version} was signed when it was locked, and is not any more",
            hint="ask whoever publishes it",
        )


def verified_signers(
    world: World, release: Release, policy: TrustPolicy | None, name: PackageName, version: Version
) -> tuple[str, ...]:
    """The hints of the keys that signed `release` and that `policy` names. Raises: NotTrusted."""
    if policy is None:
        return ()
    verification = verify_release(world, release, policy, expect(release, name, version))
    verification.raise_unless_accepted(f"{name} {version} ({release.reference.repository})")
    if not verification.signers:
        world.reporter.warn(f"{name} {version} is not signed; rule '{verification.rule.match}' lets it pass")
    return tuple(sorted(signer.hint for signer in verification.signers))


class PublishedPackages:
    """What the registries have: the `PackageSource` of the solver. Each question is asked once."""

    def __init__(self, world: World, project: Project, pins: Mapping[PackageName, LockedPackage]) -> None:
        self._world = world
        self._project = project
        self._pins = pins
        self._tags: dict[PackageName, dict[Version, str]] = {}
        self._releases: dict[tuple[PackageName, Version], Release] = {}

    def versions(self, package: PackageName) -> Sequence[Version]:
        """The published versions. Raises: RegistryError."""
        if package not in self._tags:
            repository = package_repository(self._project, package)
            try:
                tags = self._world.registry.list_tags(repository)
            except NotFound as error:
                raise NotFound(
                    f"{package} is not in the registry: there is no repository {repository}",
                    hint="check the name, and [registries] in wasmcloud.toml",
                ) from error
            found: dict[Version, str] = {}
            for tag in tags:
                version = Version.from_tag(tag)
                if version is not None and (version not in found or tag == version.tag):
                    found[version] = tag
            self._tags[package] = found
        return list(self._tags[package])

    def dependencies(self, package: PackageName, version: Version) -> Mapping[PackageName, Requirement]:
        """What one version requires, by its config. Raises: RegistryError."""
        record = self.release(package, version).config.record
        return {d.name: d.requirement for d in record.dependencies} if record is not None else {}

    def release(self, package: PackageName, version: Version) -> Release:
        """One version. Raises: RegistryError, TagMoved."""
        key = (package, version)
        if key not in self._releases:
            repository = package_repository(self._project, package)
            release = fetch_release(self._world, repository.at(tag=self._tags[package][version]))
            pin = self._pins.get(package)
            if pin is not None and pin.version == version and pin.source == repository:
                self._check_pin(pin, release)
            check_record(release, package, version)
            self._releases[key] = release
        return self._releases[key]

    def _check_pin(self, pin: LockedPackage, release: Release) -> None:
        if pin.manifest != release.manifest.digest:
            raise TagMoved(
                f"{pin.name} {pin.version} is locked as {pin.manifest.short}, "
                f"but {release.reference.repository}:{release.reference.tag} is now "
                f"{release.manifest.digest.short}",
                hint="a published version must not change; ask whoever publishes it before you remove the pin",
            )


def compare(before: Lock | None, after: Lock) -> tuple[Change, ...]:
    """What differs, by package name."""
    old = {package.name: package for package in (before.packages if before is not None else ())}
    new = {package.name: package for package in after.packages}
    return tuple(
        Change(name, old.get(name), new.get(name))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    )
