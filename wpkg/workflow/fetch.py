"""Bring what a lock pins into the cache: several packages at once, all of them or an error that names one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.errors import RegistryError
from wpkg.registry.errors import NotFound
from wpkg.workflow.lock import Locked, compare, up_to_date_lock
from wpkg.workflow.opened import OpenedWorkspace, open_workspace
from wpkg.workflow.parallel import Stop, in_parallel
from wpkg.workflow.policies import project_policy
from wpkg.workflow.release import DigestGone, Release, download_component, locked_release
from wpkg.workflow.settled import write_lock

if TYPE_CHECKING:
    from pathlib import Path

    from wpkg.project.lockfile import Lock, LockedPackage
    from wpkg.workflow.world import World


class FetchedPackage(Struct, frozen=True):
    """A pinned package, its release, and the verified file that holds its component."""

    locked: LockedPackage
    release: Release
    path: Path
    was_there: bool  # in the cache, and good


class Fetched(Struct, frozen=True):
    """Everything that a project's lock pins, and how that lock differs from the one before."""

    packages: tuple[FetchedPackage, ...]
    locked: Locked


class PlannedFetch(Struct, frozen=True):
    """Everything that `fetch` would have to bring, and how it would change the lock."""

    missing: tuple[LockedPackage, ...]
    locked: Locked


def fetch(world: World, root: Path, *, locked: bool = False) -> Fetched:
    """Bring everything that the workspace around `root` needs into the cache, so that it can be built offline.

    Where the project has a policy that includes the signatures, which are verified. The lock is brought up to date
    first, and written last; with `locked`, one that would change is an error.

    Raises: RegistryError, LockOutOfDate, NoSolution, NotTrusted, InvalidInput; then the lock is as it was.
    """
    workspace = open_workspace(root)
    lock = up_to_date_lock(world, workspace, locked=locked)
    packages = fetch_locked(world, lock)
    _check_trust(world, workspace, packages)
    changes = compare(workspace.lock, lock)
    if changes or any(package.kind == "wit" for package in lock.all):
        write_lock(world, workspace, lock, {})
    return Fetched(packages, Locked(lock, changes))


def plan_fetch(world: World, root: Path, *, locked: bool = False) -> PlannedFetch:
    """What `fetch` would do; the project is left alone, and no component is fetched. Raises: as `fetch`."""
    workspace = open_workspace(root)
    lock = up_to_date_lock(world, workspace, locked=locked)
    there = in_parallel(lambda package, _: world.cache.has(package.component), lock.packages)
    missing = [package for package, is_there in zip(lock.packages, there, strict=True) if not is_there]
    return PlannedFetch(tuple(missing), Locked(lock, compare(workspace.lock, lock)))


def fetch_locked(world: World, lock: Lock) -> tuple[FetchedPackage, ...]:
    """Every package of `lock`, by digest, from the cache where it is there.

    Raises: RegistryError, LockOutOfDate.
    """
    return tuple(in_parallel(lambda locked, stop: _fetch_package(world, locked, stop), lock.packages))


def _fetch_package(world: World, locked: LockedPackage, stop: Stop) -> FetchedPackage:
    what = f"{locked.name} {locked.version}"
    try:
        release = locked_release(world, locked)
        path = world.cache.verified_path(release.component)
        if path is not None:
            return FetchedPackage(locked, release, path, was_there=True)
        stop.check()
        try:
            path = download_component(world, release, what, stop)
        except NotFound as error:
            raise DigestGone(locked, f"{release.component.digest}, the component of") from error
    except DigestGone:
        raise  # it names the package
    except RegistryError as error:
        raise error.within(what) from None
    return FetchedPackage(locked, release, path, was_there=False)


def _check_trust(world: World, workspace: OpenedWorkspace, packages: tuple[FetchedPackage, ...]) -> None:
    if project_policy(world, workspace) is not None:
        from wpkg.workflow.composition import check_trust

        check_trust(world, workspace, packages)
