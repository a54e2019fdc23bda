"""Add dependencies: resolve, verify, fetch; then write both files, or neither."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from wpkg.errors import InvalidInput
from wpkg.names.package_name import PackageName
from wpkg.names.requirement import Requirement
from wpkg.project.edit import DependencyLine, set_dependency
from wpkg.registry.errors import NotFound
from wpkg.workflow.edited import reopened, settle
from wpkg.workflow.opened import open_project, shown_from
from wpkg.workflow.published import PublishedPackages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wpkg.workflow.lock import Locked
    from wpkg.workflow.opened import OpenedProject
    from wpkg.workflow.published import ListedTags
    from wpkg.workflow.world import World


class Wanted(Struct, frozen=True):
    """What is to be added; without a requirement or path, the newest version decides it."""

    name: PackageName
    requirement: Requirement | None

    @classmethod
    def parse(cls, text: str) -> Wanted:
        """`ns:name` or `ns:name@requirement`. Raises: InvalidInput."""
        name, at, requirement = text.partition("@")
        if "/" in name:
            option = "path" if name.startswith(".") or name.endswith(".wasm") else "oci"
            raise InvalidInput(
                f"'{name}' says where something is, not what it is called",
                hint=f"name the package, and say where it is: wpkg add namespace:name --{option} {name}",
            )
        return cls(PackageName.parse(name), Requirement.parse(requirement) if at else None)


def add(
    world: World,
    root: Path,
    wanted: Sequence[Wanted],
    line: DependencyLine = DependencyLine(),  # noqa: B008 - a frozen value
    *,
    dry_run: bool = False,
) -> Locked:
    """Add `wanted` to the project and to its lock, and fetch everything. `line` is what else is said of them.

    Raises: InvalidInput, NoSolution, RegistryError, NotTrusted; then both files are as they were.
    """
    if (line.oci is not None or line.path is not None) and len(wanted) != 1:
        raise InvalidInput("--oci and --path say where one package is; add one at a time")
    opened = open_project(root)
    line = _seen_from(root, world.here or root, line)
    text = opened.text
    listed: ListedTags = {}
    for number, want in enumerate(wanted):
        if opened.project.package == want.name:
            raise InvalidInput(f"{want.name} is this project itself")
        if any(want.name == other.name for other in wanted[:number]):
            raise InvalidInput(
                f"{want.name} is named twice", hint="a package has one requirement: write both with a comma"
            )
        requirement = want.requirement
        if requirement is None and line.path is None:
            # The line has to be there before it is known where the package is.
            placed = reopened(opened, set_dependency(text, want.name, Requirement.parse("*"), line))
            requirement = _newest(world, placed, want.name, listed)
        _report(world, opened, want.name, requirement)
        text = set_dependency(text, want.name, requirement, line)
    return settle(world, opened, text, dry_run=dry_run, listed=listed)


def _seen_from(root: Path, here: Path, line: DependencyLine) -> DependencyLine:
    """`line`, whose relative paths are meant from `here`, as the project in `root` has it."""
    below = shown_from(root, here)
    oci, path = line.oci, line.path
    if oci is not None:
        oci = oci.seen_from_above(below)
    if path is not None and (below != "." or Path(path).is_absolute()):
        path = shown_from(root, here / path)
    return replace(line, oci=oci, path=path)


def _newest(world: World, opened: OpenedProject, name: PackageName, listed: ListedTags) -> Requirement:
    """`^` the newest version; a pre-release only where there is nothing else."""
    with PublishedPackages(world, opened.workspace, listed=listed) as published:
        versions = published.versions(name)
    if not versions:
        raise NotFound(
            f"{name} has no published version", hint="its repository has no tag that is a version, such as 1.0.0"
        )
    newest = max([version for version in versions if not version.pre] or versions)
    return Requirement.parse(f"^{newest}")


def _report(world: World, opened: OpenedProject, name: PackageName, requirement: Requirement | None) -> None:
    """Say what becomes of a line of the project file."""
    before = opened.project.dependency(name)
    was = before.requirement if before is not None else None
    instead = f" instead of {was}" if was is not None and was != requirement else ""
    world.reporter.status("Adding", f"{name}{f' {requirement}' if requirement is not None else ''}{instead}")
    if requirement is not None and "+" in requirement.text:
        world.reporter.warn(f"{name} {requirement}: what stands after '+' does not count in a requirement")
