"""What registries have, and what is on this disk, as the solver asks for it.

Each question is asked once: one list of tags for each package, one manifest and one config for each version that
is looked at. What the solver announces is asked for ahead of time, several at once, and so is what it will most
likely want next: the best version of each dependency of a version, as soon as its config has come. Else a registry
that is far away would be asked one question after the other.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Self

from wpkg.errors import LockOutOfDate, RegistryError
from wpkg.names.pin import Pin
from wpkg.names.version import Version
from wpkg.registry.errors import NotFound
from wpkg.workflow.ahead import Ahead
from wpkg.workflow.local import local_dependencies
from wpkg.workflow.places import Places
from wpkg.workflow.release import check_record, fetch_release

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import TracebackType

    from wpkg.names.package_name import PackageName
    from wpkg.names.requirement import Requirement
    from wpkg.oci.reference import Repository
    from wpkg.project.lockfile import LockedPackage
    from wpkg.workflow.ahead import Task
    from wpkg.workflow.opened import OpenedWorkspace
    from wpkg.workflow.release import Release
    from wpkg.workflow.world import World

    ListedTags = dict[Repository, Sequence[str]]


class TagMoved(LockOutOfDate):
    """A version that the lock pins is now something else in the registry."""


class VersionGone(RegistryError):
    """A registry no longer has a version that the lock pins."""


class PublishedPackages:
    """A `PackageSource` for the solver, for the length of a block."""

    def __init__(
        self,
        world: World,
        workspace: OpenedWorkspace,
        kept: Iterable[Pin] = (),
        listed: ListedTags | None = None,
        preferred: Iterable[Pin] = (),
    ) -> None:
        """`kept` are the pins of the lock that are to stay: what is gone of them is missed, not passed over.

        `listed` are lists of tags that this command has asked for already, and keeps those that are asked for now.
        The solver is expected to take `preferred` pins rather than newer ones.
        """
        self._world = world
        self._workspace = workspace
        self._places = Places(world, workspace)
        self._locked = {package.pin: package for package in (workspace.lock.packages if workspace.lock else ())}
        self._kept = frozenset(kept)
        self._preferred = frozenset(preferred)
        self._listed: ListedTags = {} if listed is None else listed
        self._kinds = {d.name: d.kind for _, d in workspace.dependencies()}
        self._ahead = Ahead()
        self._asking = threading.Lock()
        self._tags: dict[PackageName, Task[dict[Version, str]]] = {}
        self._releases: dict[Pin, Task[Release]] = {}
        self._found: dict[PackageName, dict[Version, str]] = {}
        self._foreseen: dict[PackageName, list[Requirement]] = {}  # until there are tags to choose from
        self.local = local_dependencies(workspace)

    def __enter__(self) -> Self:
        self._ahead.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ahead.__exit__(kind, error, traceback)

    def versions(self, package: PackageName) -> Sequence[Version]:
        """The published versions, the highest first. Raises: RegistryError."""
        if package in self.local:
            return [self.local[package].version]
        found = set(self._tags_of(package).result())
        repository = self._repository(package)
        found |= {pin.version for pin in self._kept if pin.name == package and self._is_locked(pin, repository)}
        return sorted(found, key=lambda version: version.place, reverse=True)

    def dependencies(self, pin: Pin) -> Mapping[PackageName, Requirement]:
        """What one version requires, by its config. Raises: RegistryError, TagMoved, VersionGone."""
        if pin.name in self.local:
            needed = self.local[pin.name].dependencies
            return {d.name: d.requirement or self.whatever(d.name) for d in needed}
        return self._required(pin, self.release(pin))

    def expect(self, packages: Iterable[PackageName], pins: Iterable[Pin]) -> None:
        """Announce it."""
        for package in packages:
            if package not in self.local:
                self._tags_of(package)
        for pin in pins:
            if pin.name not in self.local:
                self._release_of(pin)

    def whatever(self, package: PackageName) -> Requirement:
        """The requirement that a local package meets in any case."""
        from wpkg.names.requirement import Requirement

        return Requirement.parse(f"={self.local[package].version}")

    def release(self, pin: Pin) -> Release:
        """One version. Raises: RegistryError, TagMoved, VersionGone."""
        return self._release_of(pin).result()

    def kind(self, package: PackageName, release: Release) -> str:
        """What `release` is: as it says itself, or as the project says of what other tools published.

        Raises: RegistryError when they contradict each other.
        """
        declared = self._kinds.get(package, "component")
        record = release.config.record
        if record is not None and (record.kind == "wit") is not (declared == "wit"):
            said = 'kind = "wit"' if record.kind == "wit" else "no kind"
            raise WrongKind(
                f"{release.reference} is {'a WIT package' if record.kind == 'wit' else 'a component'}, "
                f"which is not what the project expects",
                hint=f"give {package} {said} in wasmcloud.toml",
            )
        return "wit" if declared == "wit" else release.kind

    def _required(self, pin: Pin, release: Release) -> Mapping[PackageName, Requirement]:
        record = release.config.record
        if record is None or self.kind(pin.name, release) == "wit":
            return {}
        return {d.name: d.requirement for d in record.dependencies}

    def _repository(self, package: PackageName) -> Repository:
        return self._places.of(package).repository

    def _is_locked(self, pin: Pin, repository: Repository) -> bool:
        locked = self._locked.get(pin)
        return locked is not None and locked.source == repository

    def _tags_of(self, package: PackageName) -> Task[dict[Version, str]]:
        with self._asking:
            if package not in self._tags:
                list_versions = partial(self._list_versions, package, self._repository(package))
                self._tags[package] = self._ahead.announce(list_versions)
            return self._tags[package]

    def _list_versions(self, package: PackageName, repository: Repository) -> dict[Version, str]:
        try:
            if repository not in self._listed:
                self._listed[repository] = self._world.registry.list_tags(repository)
            tags = self._listed[repository]
        except NotFound as error:
            raise NotFound(
                f"{package} is not in the registry: there is no repository {repository}",
                hint=f"check the name, and {self._places.of(package).said_by}",
            ) from error
        unordered: dict[Version, str] = {}
        for tag in tags:
            version = Version.from_tag(tag)
            if version is not None and (version not in unordered or tag == version.tag):
                unordered[version] = tag
        found = dict(sorted(unordered.items(), key=lambda item: item[0].place, reverse=True))
        with self._asking:
            self._found[package] = found
            foreseen = self._foreseen.pop(package, [])
        for requirement in foreseen:
            self._announce_best(package, requirement, found)
        return found

    def _release_of(self, pin: Pin) -> Task[Release]:
        with self._asking:
            if pin in self._releases:
                return self._releases[pin]
        return self._announce_release(pin, self._tags_of(pin.name).result())

    def _announce_release(self, pin: Pin, tags: Mapping[Version, str]) -> Task[Release]:
        with self._asking:
            if pin not in self._releases:
                tag = tags.get(pin.version, pin.version.tag)
                fetch = partial(self._fetch, pin, self._repository(pin.name), tag)
                self._releases[pin] = self._ahead.announce(fetch)
            return self._releases[pin]

    def _foresee(self, pin: Pin, release: Release) -> None:
        """Announce what a version requires, before the solver comes to it, and the best that meets it."""
        for package, requirement in self._required(pin, release).items():
            if package in self.local:
                continue
            self._tags_of(package)
            with self._asking:
                found = self._found.get(package)
                if found is None:
                    self._foreseen.setdefault(package, []).append(requirement)
            if found is not None:
                self._announce_best(package, requirement, found)

    def _announce_best(self, package: PackageName, requirement: Requirement, found: Mapping[Version, str]) -> None:
        """Announce the version that is taken where nothing else stands against it: of `found`, the first."""
        liked = [version for version in found if Pin(package, version) in self._preferred]
        best = next((version for version in (*liked, *found) if requirement.matches(version)), None)
        if best is not None:
            self._announce_release(Pin(package, best), found)

    def _fetch(self, pin: Pin, repository: Repository, tag: str) -> Release:
        locked = self._locked.get(pin)
        try:
            release = fetch_release(self._world, repository.at(tag=tag))
        except NotFound as error:
            if locked is None or pin not in self._kept:
                raise
            raise VersionGone(
                f"{pin} is locked, and {repository} has no tag {tag} any more",
                hint=f"ask whoever publishes it; 'wpkg update {pin.name}' takes another version",
            ) from error
        if locked is not None and locked.source == repository:
            _check_unmoved(locked, release)
        check_record(release, pin.name, pin.version)
        self._ahead.announce(partial(self._foresee, pin, release))
        return release


class WrongKind(RegistryError):
    """A component where a WIT package is expected, or the other way round."""


def _check_unmoved(locked: LockedPackage, release: Release) -> None:
    if locked.manifest != release.manifest.digest:
        raise TagMoved(
            f"{locked.pin} is locked as {locked.manifest.short}, "
            f"but {release.reference.repository}:{release.reference.tag} is now {release.manifest.digest.short}",
            hint="a published version must not change; ask whoever publishes it before you remove the pin",
        )
