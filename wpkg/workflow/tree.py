"""The dependencies of a workspace as its lock has them: the whole graph, and why one is in it."""

from __future__ import annotations

import difflib
from collections import deque
from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.errors import InvalidInput
from wpkg.names.package_name import PackageName
from wpkg.workflow.lock import up_to_date_lock
from wpkg.workflow.opened import open_workspace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wpkg.names.pin import Pin
    from wpkg.project.lockfile import LocalPackage, Lock, LockedPackage
    from wpkg.project.project_file import Dependency
    from wpkg.workflow.opened import Member
    from wpkg.workflow.world import World

    AnyPackage = LockedPackage | LocalPackage


class Root(Struct, frozen=True):
    """A member of the workspace, and what meets its requirements."""

    name: str
    version: str
    dependencies: tuple[Pin, ...]
    requirements: Mapping[PackageName, str]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class DependencyGraph(Struct, frozen=True):
    """Who needs whom."""

    roots: tuple[Root, ...]
    packages: Mapping[Pin, AnyPackage]

    def named(self, text: str) -> list[Pin]:
        """The locked versions that `ns:name` or `ns:name@version` means. Raises: InvalidInput."""
        name, at, version = text.partition("@")
        package = PackageName.parse(name)
        found = [pin for pin in self.packages if pin.name == package and (not at or str(pin.version) == version)]
        if not found:
            known = sorted({str(pin.name) for pin in self.packages})
            versions = [str(pin.version) for pin in self.packages if pin.name == package]
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean '{near[0]}'?" if near and not versions else None
            if versions:
                hint = f"it is locked at {', '.join(versions)}"
            raise InvalidInput(f"{text} is not in the lock", hint=hint)
        return sorted(found)

    def needs(self, node: Root | Pin) -> tuple[Pin, ...]:
        """What a member or package needs directly."""
        return node.dependencies if isinstance(node, Root) else self.packages[node].dependencies

    def needed_by(self, pin: Root | Pin) -> list[Root | Pin]:
        """Who needs `pin` directly: members first. Nobody needs a member."""
        roots: list[Root | Pin] = [root for root in self.roots if pin in root.dependencies]
        return roots + [other for other, package in self.packages.items() if pin in package.dependencies]

    def paths_to(self, pin: Pin) -> list[tuple[Root | Pin, ...]]:
        """A shortest way from a member to `pin` through each that needs it directly."""
        shortest: dict[Pin, tuple[Root | Pin, ...]] = {}
        pending: deque[tuple[Root | Pin, ...]] = deque((root,) for root in self.roots)
        while pending:
            path = pending.popleft()
            for needed in self.needs(path[-1]):
                if needed not in shortest:
                    shortest[needed] = (*path, needed)
                    pending.append(shortest[needed])
        return [(by, pin) if isinstance(by, Root) else (*shortest[by], pin) for by in self.needed_by(pin)]


def dependency_graph(world: World, root: Path) -> DependencyGraph:
    """What the lock of the workspace around `root` says; no request is made.

    Raises: LockOutOfDate, InvalidInput.
    """
    workspace = open_workspace(root)
    lock = up_to_date_lock(world, workspace, locked=True)
    roots = tuple(_root(lock, member) for member in workspace.members)
    return DependencyGraph(roots, {package.pin: package for package in sorted(lock.all, key=lambda p: p.pin)})


def _root(lock: Lock, member: Member) -> Root:
    project = member.project
    found = {
        dependency.name: lock.met_by(dependency.name, dependency.requirement)
        for dependency in project.dependencies
    }
    return Root(
        name=str(project.package or project.name),
        version=str(project.version),
        dependencies=tuple(sorted(package.pin for package in found.values() if package is not None)),
        requirements={dependency.name: _said(dependency) for dependency in project.dependencies},
    )


def _said(dependency: Dependency) -> str:
    return str(dependency.requirement) if dependency.requirement is not None else f"path {dependency.path}"
