"""The lock of a project: whether it still fits, and what brings it up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.errors import LockOutOfDate
from wpkg.project.lockfile import LOCK_FILE, Lock, LockedPackage
from wpkg.registry.disk import write_file
from wpkg.workflow.opened import OpenedProject, open_project
from wpkg.workflow.policies import project_policy

if TYPE_CHECKING:
    from pathlib import Path

    from wpkg.names.package_name import PackageName
    from wpkg.oci.reference import Repository
    from wpkg.project.project_file import Project
    from wpkg.workflow.world import World


class Change(Struct, frozen=True):
    """What became of one package. `before` and `after` are None where it was, or is, not locked."""

    name: PackageName
    before: LockedPackage | None
    after: LockedPackage | None


class Locked(Struct, frozen=True):
    """A lock and how it differs from the one before."""

    lock: Lock
    changes: tuple[Change, ...]


def lock(world: World, root: Path, *, check: bool = False) -> Locked:
    """Resolve anew, pins staying where they satisfy; tags and signatures are looked at again.

    With `check`, make no request and change nothing, but raise when the lock does not fit the project file.

    Raises: LockOutOfDate, NoSolution, RegistryError, NotTrusted, InvalidInput.
    """
    opened = open_project(root)
    current = up_to_date_lock(world, opened, locked=True) if check else _resolve(world, opened)
    changes = compare(opened.lock, current)
    if not check and (changes or opened.lock is None):
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
            f"{LOCK_FILE} is out of date: {reason}",
            hint="run 'wpkg lock' and commit the result",
        )
    return _resolve(world, opened)


def _resolve(world: World, opened: OpenedProject) -> Lock:
    from wpkg.workflow.resolve import resolve_lock

    return resolve_lock(world, opened.project, opened.lock, project_policy(world, opened))


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


def compare(before: Lock | None, after: Lock) -> tuple[Change, ...]:
    """What differs, by package name."""
    old = {package.name: package for package in (before.packages if before is not None else ())}
    new = {package.name: package for package in after.packages}
    return tuple(
        Change(name, old.get(name), new.get(name))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    )
