"""Projects on disk: a folder with a file, alone or in a workspace, and the lock that they go by."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from wpkg.errors import InvalidInput
from wpkg.project.lockfile import LOCK_FILE, Lock, read_lock
from wpkg.project.project_file import PROJECT_FILE, InvalidProjectFile, Project, read_project, read_workspace
from wpkg.registry.disk import read_text
from wpkg.resolve.explain import THE_PROJECT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wpkg.project.project_file import Dependency, Registries, Workspace


class Member(Struct, frozen=True):
    """One project of a workspace."""

    root: Path
    text: str  # of the project file
    project: Project

    @property
    def file(self) -> Path:
        """The project file."""
        return self.root / PROJECT_FILE


class OpenedWorkspace(Struct, frozen=True):
    """Projects that share a lock, by folder; a project by itself is a workspace of one."""

    home: Path  # where the lock is
    members: tuple[Member, ...]
    registries: Registries
    trust: Mapping[str, Any] | None
    lock: Lock | None  # None where there is no lock file
    is_shared: bool = False  # whether there is a [workspace]

    @property
    def lock_file(self) -> Path:
        """The lock file, which need not be there."""
        return self.home / LOCK_FILE

    def name_of(self, member: Member) -> str:
        """What a member is called in a sentence."""
        return member.project.name if self.is_shared else THE_PROJECT

    def dependencies(self) -> list[tuple[Member, Dependency]]:
        """Every dependency of every member."""
        return [(member, dependency) for member in self.members for dependency in member.project.dependencies]


class OpenedProject(Struct, frozen=True):
    """A project as it is on disk."""

    root: Path
    text: str  # of the project file
    project: Project
    workspace: OpenedWorkspace

    @property
    def file(self) -> Path:
        """The project file."""
        return self.root / PROJECT_FILE

    @property
    def member(self) -> Member:
        """What it is in its workspace."""
        return Member(self.root, self.text, self.project)

    @property
    def lock(self) -> Lock | None:
        """What is locked, for all members of the workspace; None where there is no lock file."""
        return self.workspace.lock

    @property
    def lock_file(self) -> Path:
        """The lock file, which need not be there."""
        return self.workspace.lock_file


def find_root(here: Path) -> Path:
    """The folder of the project or workspace that `here` is in: the nearest at or above it with a project file.

    `here` itself where there is none. A file above it that somebody else has put there says nothing: it would be
    run, and trusted.
    """
    found = _nearest(here)
    return here if found is None or not _is_ours(found, here) else as_given(here, found)


def _nearest(here: Path) -> Path | None:
    """The nearest folder at or above `here` that has a project file, absolute."""
    absolute = here.resolve()
    for folder in (absolute, *absolute.parents):
        if (folder / PROJECT_FILE).is_file():
            return folder
    return None


def _is_ours(folder: Path, here: Path) -> bool:
    """Whether the project file in `folder` is of the user, of the system, or of who has the folder `here`."""
    if folder == here.resolve() or sys.platform == "win32":
        return True
    return _owner(folder / PROJECT_FILE) in (os.geteuid(), 0, _owner(here))


def _owner(path: Path) -> int:
    return path.stat().st_uid


def open_project(root: Path) -> OpenedProject:
    """The project in the folder `root`. Raises: InvalidInput."""
    workspace = open_workspace(root)
    opened = project_of(workspace, root)
    if opened is not None:
        return opened
    folders = ", ".join(_relative(member.root, root) for member in workspace.members)
    raise InvalidInput(
        f"{root / PROJECT_FILE} is a workspace and no project itself", hint=f"name a member with -C: {folders}"
    )


def project_of(workspace: OpenedWorkspace, root: Path) -> OpenedProject | None:
    """The member of `workspace` in the folder `root`; None where that is a workspace and no project itself."""
    here = root.resolve()
    for member in workspace.members:
        if member.root.resolve() == here:
            return OpenedProject(root, member.text, member.project, workspace)
    return None


def open_workspace(root: Path) -> OpenedWorkspace:
    """The workspace that the project in `root` is a member or the root of. Raises: InvalidInput."""
    if not (root / PROJECT_FILE).is_file():
        raise _no_project(root)
    text = read_text(root / PROJECT_FILE)
    workspace = read_workspace(text)
    if workspace is not None:
        return _open_members(root, text, workspace)
    around = _around(root)
    if around is not None:
        return _open_members(*around)
    member = Member(root, text, read_project(text))
    return OpenedWorkspace(root, (member,), member.project.registries, member.project.trust, _lock_in(root))


def _no_project(root: Path) -> InvalidInput:
    """What is said of a folder that is in no project."""
    found = _nearest(root)
    if found is None:
        return InvalidInput(
            f"there is no {PROJECT_FILE} in {root} or above it",
            hint="run 'wpkg init' there, or name the folder with -C",
        )
    return InvalidInput(
        f"{found / PROJECT_FILE} belongs to somebody else, and {root} has none",
        hint=f"where you trust it, name its folder: -C {found}",
    )


def folder_of_layouts(root: Path) -> Path:
    """What the paths of `dir:` are relative to in `root`: its workspace's folder, where it is a member of one."""
    if not (root / PROJECT_FILE).is_file():
        return root
    try:
        around = _around(root) if read_workspace(read_text(root / PROJECT_FILE)) is None else None
    except InvalidInput:
        return root  # whoever opens the project says what is wrong
    return around[0] if around is not None else root


def _around(root: Path) -> tuple[Path, str, Workspace] | None:
    """The workspace that `root` is a member of: its folder, its file as text and read. Raises: InvalidInput."""
    here = root.resolve()
    for above in here.parents:
        if (above / PROJECT_FILE).is_file():
            text = read_text(above / PROJECT_FILE)
            workspace = _workspace_above(above, text)
            if workspace is not None and here in _folders(above, workspace):
                if not _is_ours(above, here):
                    raise InvalidInput(
                        f"{above / PROJECT_FILE} takes {root} into its workspace, and belongs to somebody else",
                        hint="the files of a workspace have to be of one user, or of root",
                    )
                return as_given(root, above), text, workspace
    return None


def _workspace_above(folder: Path, text: str) -> Workspace | None:
    try:
        return read_workspace(text)
    except InvalidInput as error:
        raise error.within(str(folder)) from None


def _folders(home: Path, workspace: Workspace) -> list[Path]:
    """The members' folders, absolute, without those that have no project file."""
    found = {
        folder.resolve()
        for pattern in workspace.members
        for folder in home.glob(pattern)
        if (folder / PROJECT_FILE).is_file()
    }
    return sorted(found)


def _open_members(home: Path, text: str, workspace: Workspace) -> OpenedWorkspace:
    """The workspace in `home`. What members share is said once, in the root's file. Raises: InvalidInput."""
    for pattern in workspace.members:
        if not any((folder / PROJECT_FILE).is_file() for folder in home.glob(pattern)):
            raise InvalidProjectFile(
                f"'{pattern}' names no folder with a {PROJECT_FILE}", hint="run 'wpkg init' in it"
            ).within(str(home / PROJECT_FILE), "workspace.members")
    members = [Member(home, text, read_project(text))] if workspace.has_project else []
    for folder in _folders(home, workspace):
        shown = as_given(home, folder)
        member_text = read_text(shown / PROJECT_FILE)
        try:
            if read_workspace(member_text) is not None:
                raise InvalidProjectFile("a workspace cannot be a member of another one").within(PROJECT_FILE)
            project = as_member(read_project(member_text), shown, home, workspace.registries, workspace.trust)
            members.append(Member(shown, member_text, project))
        except InvalidInput as error:
            raise error.within(str(shown)) from None
    return OpenedWorkspace(
        home, tuple(members), workspace.registries, workspace.trust, _lock_in(home), is_shared=True
    )


def as_member(
    project: Project, root: Path, home: Path, registries: Registries, trust: Mapping[str, Any] | None
) -> Project:
    """The project in `root` with what it has from the workspace in `home`; its own `dir:` as said from there.

    Raises: InvalidProjectFile.
    """
    for table, given in (("registries", project.registries_given), ("trust", project.trust is not None)):
        if given:
            raise InvalidProjectFile(
                "the members of a workspace share one", hint=f"move it to the {PROJECT_FILE} of the workspace"
            ).within(PROJECT_FILE, table)
    below = shown_from(home, root)
    dependencies = tuple(
        replace(dependency, oci=dependency.oci.seen_from_above(below))
        if dependency.oci is not None
        else dependency
        for dependency in project.dependencies
    )
    return replace(project, dependencies=dependencies, registries=registries, trust=trust)


def shown_from(home: Path, path: Path) -> str:
    """`path` from the folder `home`, with forward slashes and without detours."""
    return os.path.relpath(path.resolve(), home.resolve()).replace(os.sep, "/")


def as_given(root: Path, path: Path) -> Path:
    """`path` as whoever named `root` sees it: from the folder that they are in, unless that is absolute."""
    return path if root.is_absolute() else Path(os.path.relpath(path))


def _lock_in(folder: Path) -> Lock | None:
    return read_lock(read_text(folder / LOCK_FILE)) if (folder / LOCK_FILE).is_file() else None


def _relative(path: Path, start: Path) -> str:
    """`path` from `start`, both as they were found."""
    try:
        return str(path.relative_to(start))
    except ValueError:
        return str(path)
