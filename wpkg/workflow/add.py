"""Add dependencies: resolve, verify, fetch; then write both files, or neither."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.errors import InvalidInput
from wpkg.names.package_name import PackageName
from wpkg.names.requirement import Requirement
from wpkg.project.edit import set_dependency
from wpkg.project.project_file import read_project
from wpkg.registry.disk import write_all
from wpkg.registry.errors import NotFound
from wpkg.workflow.fetch import fetch_locked
from wpkg.workflow.lock import Locked, compare
from wpkg.workflow.opened import open_project
from wpkg.workflow.policies import project_policy
from wpkg.workflow.resolve import PublishedPackages, resolve_lock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wpkg.oci.reference import Repository
    from wpkg.workflow.world import World


class Wanted(Struct, frozen=True):
    """What is to be added; without a requirement, the newest version decides it."""

    name: PackageName
    requirement: Requirement | None

    @classmethod
    def parse(cls, text: str) -> Wanted:
        """`ns:name` or `ns:name@requirement`. Raises: InvalidInput."""
        name, at, requirement = text.partition("@")
        return cls(PackageName.parse(name), Requirement.parse(requirement) if at else None)


def add(world: World, root: Path, wanted: Sequence[Wanted], oci: Repository | None = None) -> Locked:
    """Add `wanted` to the project and to its lock, and fetch everything.

    Raises: InvalidInput, NoSolution, RegistryError, NotTrusted; then both files are as they were.
    """
    if oci is not None and len(wanted) != 1:
        raise InvalidInput("--oci names the repository of one package; add one at a time")
    opened = open_project(root)
    text = opened.text
    for want in wanted:
        requirement = want.requirement
        if requirement is None:
            # The line has to be there before it is known where the package is.
            placed = read_project(set_dependency(text, want.name, Requirement.parse("*"), oci))
            requirement = _newest(world, PublishedPackages(world, placed, {}), want.name)
        text = set_dependency(text, want.name, requirement, oci)
    project = read_project(text)
    lock = resolve_lock(world, project, opened.lock, project_policy(world, opened))
    fetch_locked(world, lock)
    write_all({opened.file: text.encode(), opened.lock_file: lock.encode().encode()})
    return Locked(lock, compare(opened.lock, lock))


def _newest(world: World, published: PublishedPackages, name: PackageName) -> Requirement:
    """`^` the newest version; a pre-release only where there is nothing else."""
    versions = published.versions(name)
    if not versions:
        raise NotFound(f"{name} has no published version")
    newest = max([version for version in versions if not version.pre] or versions)
    world.reporter.status("Adding", f"{name} {newest}")
    return Requirement.parse(f"^{newest}")
