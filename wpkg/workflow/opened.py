"""A project on disk: its folder, its file, its lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.errors import InvalidInput
from wpkg.project.lockfile import LOCK_FILE, Lock, read_lock
from wpkg.project.project_file import PROJECT_FILE, Project, read_project
from wpkg.registry.disk import read_text

if TYPE_CHECKING:
    from pathlib import Path


class OpenedProject(Struct, frozen=True):
    """A project as it is on disk."""

    root: Path
    text: str  # of the project file
    project: Project
    lock: Lock | None  # None where there is no lock file

    @property
    def file(self) -> Path:
        """The project file."""
        return self.root / PROJECT_FILE

    @property
    def lock_file(self) -> Path:
        """The lock file, which need not be there."""
        return self.root / LOCK_FILE


def open_project(root: Path) -> OpenedProject:
    """The project in the folder `root`. Raises: InvalidInput."""
    if not (root / PROJECT_FILE).is_file():
        raise InvalidInput(
            f"there is no {PROJECT_FILE} in {root}", hint="run 'wpkg init' there, or name the folder with -C"
        )
    text = read_text(root / PROJECT_FILE)
    project = read_project(text)
    lock = read_lock(read_text(root / LOCK_FILE)) if (root / LOCK_FILE).is_file() else None
    return OpenedProject(root, text, project, lock)
