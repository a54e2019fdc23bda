"""A project file after an edit, and the lock that goes with it: both are written, or neither."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from wpkg.project.project_file import read_project, read_workspace
from wpkg.registry.disk import write_all
from wpkg.workflow.fetch import fetch_locked
from wpkg.workflow.lock import Locked, compare
from wpkg.workflow.opened import OpenedProject
from wpkg.workflow.resolve import resolve_lock

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wpkg.project.lockfile import Lock
    from wpkg.workflow.opened import OpenedWorkspace
    from wpkg.workflow.world import World


def reopened(opened: OpenedProject, text: str) -> OpenedProject:
    """The project as if its file held `text`. Raises: InvalidInput."""
    project = read_project(text)
    workspace = opened.workspace
    if workspace.is_shared and read_workspace(text) is None:
        project = replace(project, registries=workspace.registries, trust=workspace.trust)
    members = tuple(
        replace(member, text=text, project=project) if member.project is opened.project else member
        for member in workspace.members
    )
    return OpenedProject(opened.root, text, project, replace(workspace, members=members))


def write_settled(world: World, workspace: OpenedWorkspace, lock: Lock, files: Mapping[Path, bytes]) -> None:
    """Fetch what is locked, then write the lock, `files` and what becomes of `wit/deps`: all of it, or nothing.

    Raises: RegistryError, LockOutOfDate, InvalidInput, CannotWrite.
    """
    fetch_locked(world, lock)
    written = {**files, workspace.lock_file: lock.encode().encode()}
    if all(package.kind != "wit" for package in (*lock.all, *(workspace.lock.all if workspace.lock else ()))):
        write_all(written)
        return
    from wpkg.workflow.wit_deps import plan_wit_files

    wit = plan_wit_files(world, workspace, lock)
    write_all({**written, **wit.writes})
    wit.remove_stale()


def settle(world: World, opened: OpenedProject, text: str, *, dry_run: bool) -> Locked:
    """Resolve and fetch for the project with `text` as its file, then write both; with `dry_run`, write nothing.

    Raises: as `resolve_lock`; then nothing is written.
    """
    edited = reopened(opened, text)
    lock = resolve_lock(world, edited.workspace)
    if not dry_run:
        write_settled(world, edited.workspace, lock, {opened.file: text.encode()})
    return Locked(lock, compare(opened.lock, lock))
