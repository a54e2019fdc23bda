"""Resolve what a project needs against its registries, and verify what is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.errors import LockOutOfDate
from wpkg.names.version import Version
from wpkg.project.lockfile import Lock, LockedPackage
from wpkg.registry.errors import NotFound
from wpkg.workflow.lock import package_repository
from wpkg.workflow.release import Release, check_record, fetch_release
from wpkg.workflow.trusting import check_not_lowered, expect, trusted_signers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wpkg.names.package_name import PackageName
    from wpkg.names.requirement import Requirement
    from wpkg.project.project_file import Project
    from wpkg.trust.policy import TrustPolicy
    from wpkg.workflow.world import World


class TagMoved(LockOutOfDate):
    """A version that the lock pins is now something else in the registry."""


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
                signers=trusted_signers(world, release, policy, expect(release, name, version), pins.get(name)),
            )
        )
        if name in pins and name in requirements:
            check_not_lowered(pins[name], version, requirements[name])
    return Lock(tuple(packages))


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
