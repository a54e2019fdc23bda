"""Dependencies on this disk: component files, and projects that are worked on together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.errors import InvalidInput, WpkgError
from wpkg.names.version import Version
from wpkg.project.lockfile import LocalPackage
from wpkg.project.project_file import PROJECT_FILE, Project, read_project
from wpkg.registry.disk import read_text
from wpkg.workflow.build_state import stamped_digest
from wpkg.workflow.opened import as_given, shown_from

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from typing import TypeVar

    from wpkg.names.package_name import PackageName
    from wpkg.names.pin import Pin
    from wpkg.project.project_file import Dependency
    from wpkg.workflow.opened import OpenedWorkspace

    T = TypeVar("T")

FILE_VERSION = Version(0, 0, 0)  # of a component file, which does not say one


class CircularDependency(InvalidInput):
    """Projects on this disk need each other in a circle."""


class DependencyNotBuilt(WpkgError):
    """A project on this disk is needed and has not been built."""


class LocalDependency(Struct, frozen=True):
    """What a `path` leads to. `project` is None where that is a component file."""

    name: PackageName
    path: Path
    shown: str  # from the workspace's folder, with forward slashes
    kind: str
    project: Project | None

    @property
    def version(self) -> Version:
        """The project's version."""
        return self.project.version if self.project is not None else FILE_VERSION

    @property
    def dependencies(self) -> tuple[Dependency, ...]:
        """What it needs itself, but for interfaces, which it alone is built against."""
        found = self.project.dependencies if self.project is not None else ()
        return tuple(dependency for dependency in found if dependency.kind != "wit")

    @property
    def component(self) -> Path:
        """The file that holds its component: what it is composed from, not what it was composed to."""
        return self.path if self.project is None else self.path / self.project.build_artifact

    @property
    def built_component(self) -> Path:
        """The same, which is there. Raises: DependencyNotBuilt."""
        if not self.component.is_file():
            raise DependencyNotBuilt(
                f"{self.name} {self.version} has not been built: there is no {self.component}",
                hint=f"run 'wpkg build -C {self.path}'",
            )
        return self.component

    def locked(self, dependencies: tuple[Pin, ...]) -> LocalPackage:
        """Its entry in the lock: a file with its digest, a project without, for that is built anew."""
        if self.project is not None:
            return LocalPackage(self.name, self.version, self.kind, self.shown, dependencies=dependencies)
        digest, size = stamped_digest(self.path, None), self.path.stat().st_size
        return LocalPackage(self.name, self.version, self.kind, self.shown, digest, size)


def local_dependencies(workspace: OpenedWorkspace) -> dict[PackageName, LocalDependency]:
    """Every package that a member, or one of these themselves, has by its path.

    Raises: InvalidInput, CircularDependency.
    """
    found: dict[PackageName, LocalDependency] = {}
    pending = [(member.root, dependency) for member, dependency in workspace.dependencies()]
    while pending:
        base, dependency = pending.pop(0)
        if dependency.path is None:
            continue
        local = _read(workspace, base, dependency)
        known = found.setdefault(dependency.name, local)
        if known.shown != local.shown:
            raise InvalidInput(
                f"{dependency.name} is at two places, {known.shown} and {local.shown}",
                hint=f"give it one path in every {PROJECT_FILE}",
            )
        if known is local:
            pending += [(local.path, further) for further in local.dependencies]
    in_order(
        found.values(),
        lambda local: [found[d.name] for d in local.dependencies if d.link == "build" and d.name in found],
        lambda local: f"{local.name} ({local.shown})",
    )
    return found


def in_order(nodes: Iterable[T], needs: Callable[[T], Iterable[T]], show: Callable[[T], str]) -> list[T]:
    """`nodes` and what they need, each once and after what it needs itself. Raises: CircularDependency."""
    ordered: list[T] = []
    trail: list[T] = []

    def visit(node: T) -> None:
        if node in trail:
            circle = [*trail[trail.index(node) :], node]
            raise CircularDependency(
                f"projects need each other in a circle: {' → '.join(show(one) for one in circle)}",
                hint='remove one of these dependencies, or give it link = "runtime"',
            )
        if node not in ordered:
            trail.append(node)
            for needed in needs(node):
                visit(needed)
            ordered.append(trail.pop())

    for node in nodes:
        visit(node)
    return ordered


def _read(workspace: OpenedWorkspace, base: Path, dependency: Dependency) -> LocalDependency:
    there = (base / (dependency.path or "")).resolve()
    shown, path = shown_from(workspace.home, there), as_given(workspace.home, there)
    if path.is_file():
        return LocalDependency(dependency.name, path, shown, dependency.kind, None)
    if not (path / PROJECT_FILE).is_file():
        raise InvalidInput(
            f"{dependency.name}: there is neither a component file nor a project at {shown}",
            hint=f"correct its path in {base / PROJECT_FILE}",
        )
    project = _project_at(workspace, path)
    if project.package != dependency.name:
        raise InvalidInput(
            f"the project at {shown} is {project.package or 'not a package'}, not {dependency.name}",
            hint=f'write [package] name = "{dependency.name}" in its {PROJECT_FILE}',
        )
    if dependency.requirement is not None and not dependency.requirement.matches(project.version):
        raise InvalidInput(
            f"the project at {shown} has version {project.version}, which is not {dependency.requirement}",
            hint="raise its version, or loosen the requirement",
        )
    return LocalDependency(dependency.name, path, shown, project.kind, project)


def _project_at(workspace: OpenedWorkspace, path: Path) -> Project:
    """The project in a folder: of a member, as it was opened, which need not be what is on disk yet."""
    for member in workspace.members:
        if member.root.resolve() == path.resolve():
            return member.project
    try:
        return read_project(read_text(path / PROJECT_FILE))
    except InvalidInput as error:
        raise error.within(str(path)) from None
