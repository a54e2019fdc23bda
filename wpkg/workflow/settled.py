"""Writing a lock, and what goes with it: all of it, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.registry.disk import write_all

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wpkg.project.lockfile import Lock
    from wpkg.workflow.opened import OpenedWorkspace
    from wpkg.workflow.world import World


def write_lock(world: World, workspace: OpenedWorkspace, lock: Lock, files: Mapping[Path, bytes]) -> None:
    """Write `lock`, `files` and what becomes of `wit/deps`. What is as it was is not touched.

    Raises: RegistryError, LockOutOfDate, InvalidInput, CannotWrite; then all files are as they were.
    """
    written = {**files, workspace.lock_file: lock.encode().encode()}
    if all(package.kind != "wit" for package in (*lock.all, *(workspace.lock.all if workspace.lock else ()))):
        write_all(written)
        return
    from wpkg.workflow.wit_deps import plan_wit_files

    wit = plan_wit_files(world, workspace, lock)
    write_all({**written, **wit.writes})
    wit.remove_stale()
