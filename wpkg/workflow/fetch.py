"""Bring what a lock pins into the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.workflow.release import Release, fetch_component, locked_release

if TYPE_CHECKING:
    from pathlib import Path

    from wpkg.project.lockfile import Lock, LockedPackage
    from wpkg.workflow.world import World


class FetchedPackage(Struct, frozen=True):
    """A pinned package, its release, and the verified file that holds its component."""

    locked: LockedPackage
    release: Release
    path: Path


def fetch_locked(world: World, lock: Lock) -> tuple[FetchedPackage, ...]:
    """Every package of `lock`, by digest, from the cache where it is there.

    Raises: RegistryError, LockOutOfDate.
    """
    fetched = []
    for locked in lock.packages:
        release = locked_release(world, locked)
        path = fetch_component(world, release, f"{locked.name} {locked.version}")
        fetched.append(FetchedPackage(locked, release, path))
    return tuple(fetched)
