"""The projects that a project depends on by their path: built when they are needed, each after what it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.errors import WpkgError
from wpkg.workflow.local import in_order, local_dependencies
from wpkg.workflow.lock import settled_lock
from wpkg.workflow.opened import OpenedProject, as_given, open_project, shown_from
from wpkg.workflow.raw_build import build_raw_if_need_be

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from wpkg.project.lockfile import Lock
    from wpkg.workflow.raw_build import BuiltFile
    from wpkg.workflow.world import World


def needs_wit(opened: OpenedProject) -> bool:
    """Whether a project is built against packages that wpkg writes to its `wit/deps`."""
    return any(dependency.kind == "wit" for dependency in opened.project.dependencies)


def path_projects(opened: OpenedProject) -> tuple[OpenedProject, ...]:
    """What `opened` needs by path, itself and through others, in the order in which it is to be built.

    What is only linked at run time is there too, but nothing has to wait for it.
    Raises: CircularDependency, InvalidInput.
    """
    if all(dependency.path is None for dependency in opened.project.dependencies):
        return ()
    local_dependencies(opened.workspace)  # each is the package that it has to be
    known = {opened.root.resolve(): opened}
    build: dict[Path, list[Path]] = {}
    pending = list(known)
    while pending:
        here = known[pending[0]]
        folder = pending.pop(0)
        build[folder] = []
        for link, needed in _needed(here):
            if link == "build":
                build[folder].append(needed)
            if needed not in known:
                known[needed] = _open(opened, needed)
                pending.append(needed)
    home = opened.workspace.home
    ordered = in_order(known, build.__getitem__, lambda folder: _name(known[folder], home))
    return tuple(known[folder] for folder in ordered if known[folder] is not opened)


def build_path_projects(
    world: World, opened: OpenedProject, projects: Sequence[OpenedProject], lock: Lock | None, *, locked: bool
) -> tuple[BuiltFile, ...]:
    """The components of `projects`, which `opened` needs: what did not change is not built again.

    `lock` is that of the workspace of `opened`, where one of its members needs it. A project outside of it goes by
    its own.

    Raises: BuildFailed, LockOutOfDate, NoSolution, RegistryError, NotTrusted, InvalidInput.
    """
    built = []
    for project in projects:
        try:
            if needs_wit(project):
                from wpkg.workflow.wit_deps import plan_wit_files

                its_world = world.at(project.workspace.home)
                own = lock if project.workspace is opened.workspace else None
                used = own if own is not None else settled_lock(its_world, project, locked=locked)
                plan_wit_files(its_world, project.workspace, used, [project.member]).apply()
            built.append(build_raw_if_need_be(world, project))
        except WpkgError as error:
            raise error.within(_name(project, opened.workspace.home)) from None
    return tuple(built)


def _needed(opened: OpenedProject) -> Iterator[tuple[str, Path]]:
    """The folders of the projects that `opened` names, and how they are linked."""
    for dependency in opened.project.dependencies:
        if dependency.path is not None:
            path = (opened.root / dependency.path).resolve()
            if not path.is_file():
                yield dependency.link, path


def _open(opened: OpenedProject, folder: Path) -> OpenedProject:
    """The project in `folder`, as a member of the workspace of `opened` where it is one. Raises: InvalidInput."""
    workspace = opened.workspace
    for member in workspace.members:
        if member.root.resolve() == folder:
            return OpenedProject(member.root, member.text, member.project, workspace)
    return open_project(as_given(workspace.home, folder))


def _name(project: OpenedProject, home: Path) -> str:
    """What a project is called in a sentence."""
    return f"{project.project.package or project.project.name} ({shown_from(home, project.root)})"
