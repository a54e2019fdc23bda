"""The lock of a workspace: whether it still fits, and what brings it up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from wpkg.errors import LockOutOfDate
from wpkg.project.lockfile import LOCK_FILE, LocalPackage, Lock, LockedPackage
from wpkg.registry.disk import write_all
from wpkg.workflow.opened import OpenedProject, OpenedWorkspace, open_workspace
from wpkg.workflow.places import locked_repository, stated_repository

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from wpkg.names.package_name import PackageName
    from wpkg.oci.reference import Repository
    from wpkg.project.project_file import Dependency
    from wpkg.workflow.local import LocalDependency
    from wpkg.workflow.world import World

    AnyPackage = LockedPackage | LocalPackage


class Change(Struct, frozen=True):
    """What became of one package. `before` and `after` are None where it was, or is, not locked."""

    name: PackageName
    before: AnyPackage | None
    after: AnyPackage | None

    @property
    def is_about_others(self) -> bool:
        """Whether the package itself is what it was, and only what meets its requirements is not."""
        before, after = self.before, self.after
        return (
            before is not None and after is not None and replace(before, dependencies=after.dependencies) == after
        )


class Locked(Struct, frozen=True):
    """A lock and how it differs from the one before."""

    lock: Lock
    changes: tuple[Change, ...]


def lock(
    world: World, root: Path, *, check: bool = False, dry_run: bool = False, look_again: bool = True
) -> Locked:
    """Resolve anew, pins staying where they satisfy; tags and signatures are looked at again.

    With `check`, make no request and change nothing, but raise when the lock does not fit the project files. With
    `dry_run`, change nothing. Unless it is to `look_again`, a lock that fits is left as it is.

    Raises: LockOutOfDate, NoSolution, RegistryError, NotTrusted, InvalidInput.
    """
    workspace = open_workspace(root)
    if check or not look_again:
        current = up_to_date_lock(world, workspace, locked=check)
    else:
        current = _resolve(world, workspace)
    changes = compare(workspace.lock, current)
    if not check and not dry_run and (changes or workspace.lock is None):
        write_all({workspace.lock_file: current.encode().encode()})
    return Locked(current, changes)


def up_to_date_lock(world: World, opened: OpenedProject | OpenedWorkspace, *, locked: bool) -> Lock:
    """The lock that fits the project files: the one on disk, without a request, when it still does.

    Nothing is written. With `locked`, a lock that would change is an error. Raises: as `lock`.
    """
    workspace = opened.workspace if isinstance(opened, OpenedProject) else opened
    reason = why_out_of_date(workspace)
    if reason is None:
        return workspace.lock or Lock(())
    if locked:
        raise LockOutOfDate(
            f"{LOCK_FILE} is out of date: {reason}",
            hint="run 'wpkg lock' and commit the result",
        )
    return _resolve(world, workspace)


def settled_lock(world: World, opened: OpenedProject, *, locked: bool) -> Lock:
    """The lock to build with, written if it is new. Raises: as `lock`."""
    current = up_to_date_lock(world, opened, locked=locked)
    if compare(opened.lock, current):
        write_all({opened.lock_file: current.encode().encode()})
    return current


def _resolve(world: World, workspace: OpenedWorkspace) -> Lock:
    from wpkg.workflow.resolve import resolve_lock

    return resolve_lock(world, workspace)


def why_out_of_date(workspace: OpenedWorkspace) -> str | None:
    """The first reason why the lock is not the one of `workspace`, None when it is. No request is made."""
    if workspace.lock is None:
        return "there is no lock file" if workspace.dependencies() else None
    from wpkg.workflow.local import local_dependencies

    return _Check(workspace, workspace.lock, local_dependencies(workspace)).reason()


class _Check:
    def __init__(
        self, workspace: OpenedWorkspace, lock: Lock, local: Mapping[PackageName, LocalDependency]
    ) -> None:
        self._workspace = workspace
        self._lock = lock
        self._local = local
        self._queue: list[AnyPackage] = []

    def reason(self) -> str | None:
        """What does not fit, None when everything does."""
        reason = self._follow(dependency for _, dependency in self._workspace.dependencies())
        seen = set()
        while reason is None and self._queue:
            package = self._queue.pop()
            if package.pin not in seen:
                seen.add(package.pin)
                reason = self._look_at(package)
        if reason is not None:
            return reason
        extra = sorted(package.pin for package in self._lock.all if package.pin not in seen)
        return f"nothing needs {extra[0]}, which it pins" if extra else None

    def _follow(self, dependencies: Iterable[Dependency]) -> str | None:
        """Queue what meets `dependencies`."""
        for dependency in dependencies:
            pinned = self._lock.met_by(dependency.name, dependency.requirement)
            if pinned is None:
                found = self._lock.named(dependency.name)
                if not found:
                    return f"it does not pin {dependency.name}"
                return f"it pins {found[0].pin}, which is not {dependency.requirement}"
            self._queue.append(pinned)
        return None

    def _look_at(self, package: AnyPackage) -> str | None:
        local = self._local.get(package.name)
        if isinstance(package, LocalPackage):
            if local is None:
                stated = stated_repository(self._workspace, package.name) or "nothing of it"
                return f"it has {package.name} from {package.path}, the project file says {stated}"
            now = local.locked(package.dependencies)
            if now != package:
                return f"{package.name} at {local.shown} is not what it pins"
            wanted = self._follow(local.dependencies)
            names = sorted(dependency.name for dependency in local.dependencies)
            if wanted is None and names != [pin.name for pin in package.dependencies]:
                return f"{package.name} at {local.shown} has other dependencies"
            return wanted
        where = local.shown if local is not None else str(self._repository(package.name))
        if str(package.source) != where:
            return f"it has {package.name} from {package.source}, the project file says {where}"
        self._queue += [found for pin in package.dependencies if (found := self._lock.at(pin)) is not None]
        return None

    def _repository(self, name: PackageName) -> Repository | None:
        """Where `name` has to be from. Where no project file says so, what the lock itself says stands."""
        return stated_repository(self._workspace, name) or locked_repository(self._lock, name)


def compare(before: Lock | None, after: Lock) -> tuple[Change, ...]:
    """What differs, by package name. A version takes the place of one of its line, or of the only other one."""
    old = _by_name(before.all if before is not None else ())
    new = _by_name(after.all)
    changes = []
    for name in sorted(old.keys() | new.keys()):
        gone = [package for package in old.get(name, ()) if package not in new.get(name, ())]
        come = [package for package in new.get(name, ()) if package not in old.get(name, ())]
        for left in list(gone):
            same = [p for p in come if p.version.line == left.version.line]
            if same or (len(gone) == 1 and len(come) == 1):
                right = same[0] if same else come[0]
                changes.append(Change(name, left, right))
                gone.remove(left)
                come.remove(right)
        changes += [Change(name, left, None) for left in gone]
        changes += [Change(name, None, right) for right in come]
    return tuple(changes)


def _by_name(packages: Collection[AnyPackage]) -> dict[PackageName, list[AnyPackage]]:
    found: dict[PackageName, list[AnyPackage]] = {}
    for package in sorted(packages, key=lambda p: p.pin):
        found.setdefault(package.name, []).append(package)
    return found
