"""A project file after an edit, and the lock that goes with it: both are written, or neither."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from wpkg.project.project_file import read_project, read_workspace
from wpkg.workflow.fetch import fetch_locked
from wpkg.workflow.lock import Locked, compare
from wpkg.workflow.opened import OpenedProject, as_member
from wpkg.workflow.resolve import resolve_lock
from wpkg.workflow.settled import write_lock

if TYPE_CHECKING:
    from wpkg.workflow.published import ListedTags
    from wpkg.workflow.world import World


def reopened(opened: OpenedProject, text: str) -> OpenedProject:
    """The project as if its file held `text`. Raises: InvalidInput."""
    project = read_project(text)
    workspace = opened.workspace
    if workspace.is_shared and read_workspace(text) is None:
        project = as_member(project, opened.root, workspace.home, workspace.registries, workspace.trust)
    members = tuple(
        replace(member, text=text, project=project) if member.project is opened.project else member
        for member in workspace.members
    )
    return OpenedProject(opened.root, text, project, replace(workspace, members=members))


def settle(
    world: World, opened: OpenedProject, text: str, *, dry_run: bool, listed: ListedTags | None = None
) -> Locked:
    """Resolve and fetch for the project with `text` as its file, then write both; with `dry_run`, write nothing.

    `listed` are lists of tags that are known.
    Raises: as `resolve_lock`; then nothing is written.
    """
    edited = reopened(opened, text)
    lock = resolve_lock(world, edited.workspace, listed=listed)
    if not dry_run:
        fetch_locked(world, lock)
        write_lock(world, edited.workspace, lock, {opened.file: text.encode()})
    return Locked(lock, compare(opened.lock, lock))
