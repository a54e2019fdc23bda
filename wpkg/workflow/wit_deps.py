"""WIT packages that a project is built against: from the lock into `wit/deps`, where builds look for them.

Each is a folder as wkg and wash name it, `<namespace>-<name>-<version>`, with one file. A published package also
shows what it needs of others; those are written too, unless the lock or the project's author has them. What is in
`wit/deps` and was not written by wpkg is left alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.component.read import read_definition
from wpkg.errors import InvalidInput, WpkgError
from wpkg.registry.disk import read_text, write_all
from wpkg.registry.mapping import mapped
from wpkg.wit.text import package_texts
from wpkg.workflow.release import fetch_component, locked_release

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from wpkg.names.pin import Pin
    from wpkg.project.lockfile import Lock
    from wpkg.wit.text import PackageText
    from wpkg.workflow.opened import Member, OpenedWorkspace
    from wpkg.workflow.world import World

HEADER = "// Written by wpkg from wpkg.lock; changes are lost.\n"
_FILE = "package.wit"


class NotAWitPackage(InvalidInput):
    """A dependency of the kind `wit` is not one."""


class WitFiles(Struct, frozen=True):
    """What is to become of `wit/deps`."""

    writes: Mapping[Path, bytes]  # files whose content changes
    stale: tuple[Path, ...]  # files of packages that are no longer needed

    def remove_stale(self) -> None:
        """Remove what is no longer needed, and the folders that it was alone in."""
        for file in self.stale:
            file.unlink()
            file.parent.rmdir()

    def apply(self) -> None:
        """Do all of it. Raises: CannotWrite."""
        write_all(self.writes)
        self.remove_stale()


def plan_wit_files(
    world: World, workspace: OpenedWorkspace, lock: Lock, members: Sequence[Member] | None = None
) -> WitFiles:
    """What brings `wit/deps` of `members`, by default of all, up to date with `lock`; nothing is written.

    A project that has not been built yet has nothing to show, and is left as it is, with a warning.
    Raises: RegistryError, LockOutOfDate, InvalidInput.
    """
    writes: dict[Path, bytes] = {}
    stale: list[Path] = []
    for member in workspace.members if members is None else members:
        pins = [
            package.pin
            for dependency in member.project.dependencies
            if dependency.kind == "wit"
            and (package := lock.met_by(dependency.name, dependency.requirement)) is not None
        ]
        folder = member.root / member.project.wit / "deps"
        unbuilt = _unbuilt(world, workspace, pins)
        wanted = _wanted(world, workspace, lock, folder, [pin for pin in pins if pin not in unbuilt])
        for name, text in sorted(wanted.items()):
            file = folder / name / _FILE
            if not file.is_file() or read_text(file) != text:
                writes[file] = text.encode()
        there = sorted(folder.iterdir()) if folder.is_dir() else []
        kept = {*wanted, *(f"{pin.name.namespace}-{pin.name.name}-{pin.version}" for pin in unbuilt)}
        stale += [found / _FILE for found in there if found.name not in kept and _is_ours(found)]
    return WitFiles(writes, tuple(stale))


def _unbuilt(world: World, workspace: OpenedWorkspace, pins: Sequence[Pin]) -> set[Pin]:
    """Those of `pins` that are projects on this disk without what their build makes."""
    from wpkg.workflow.local import local_dependencies

    local = local_dependencies(workspace)
    found = {pin for pin in pins if pin.name in local and not local[pin.name].component.is_file()}
    for pin in sorted(found):
        where = local[pin.name].shown
        world.reporter.warn(f"{pin} ({where}) is not built yet, so it is not in wit/deps; 'wpkg build' builds it")
    return found


def _wanted(world: World, workspace: OpenedWorkspace, lock: Lock, deps: Path, pins: list[Pin]) -> dict[str, str]:
    """The text of each folder's file."""
    own: dict[str, str] = {}
    shown: dict[str, tuple[Pin, str]] = {}
    contradictions: dict[str, tuple[Pin, Pin, PackageText]] = {}
    for pin in sorted(pins):
        first, *others = _texts(world, workspace, lock, pin)
        own[_folder(first)] = HEADER + first.text
        for other in others:
            known = shown.setdefault(_folder(other), (pin, HEADER + other.text))
            if known[1] != HEADER + other.text:
                contradictions.setdefault(_folder(other), (known[0], pin, other))
    for folder, (one, another, other) in contradictions.items():
        if folder not in own:
            name = f"{other.id.namespace}:{other.id.name}"
            raise InvalidInput(
                f"{one} and {another} show different parts of {other.id}",
                hint=f"make it a dependency: wpkg add --wit {name}@={other.id.version}",
            )
    theirs = {name: text for name, (_, text) in shown.items() if not _is_somebody_else_s(deps / name)}
    return theirs | own


def _texts(world: World, workspace: OpenedWorkspace, lock: Lock, pin: Pin) -> tuple[PackageText, ...]:
    """The package of a pin, and what it shows of others. Raises: NotAWitPackage."""
    path = wit_package_file(world, workspace, lock, pin)
    try:
        with mapped(path) as data:
            read = read_definition(data)
            if not read.is_wit_package:
                raise NotAWitPackage("it is a component", hint='remove kind = "wit", or name a WIT package')
            found = package_texts(data, read)
    except WpkgError as error:
        raise error.within(str(pin)) from None
    said = f"{found[0].id.namespace}:{found[0].id.name}"
    if said != str(pin.name):
        raise NotAWitPackage(f"it says that it is {found[0].id}").within(str(pin))
    return found


def wit_package_file(world: World, workspace: OpenedWorkspace, lock: Lock, pin: Pin) -> Path:
    """The file that holds the WIT package of a pin, verified where it comes from a registry.

    Raises: RegistryError, DependencyNotBuilt, InvalidInput.
    """
    for package in lock.packages:
        if package.pin == pin:
            return fetch_component(world, locked_release(world, package), str(pin))
    from wpkg.workflow.local import local_dependencies

    return local_dependencies(workspace)[pin.name].built_component


def _folder(package: PackageText) -> str:
    version = f"-{package.id.version}" if package.id.version else ""
    return f"{package.id.namespace}-{package.id.name}{version}"


def _is_somebody_else_s(folder: Path) -> bool:
    """Whether there is such a package that wpkg has not written."""
    return folder.exists() and not _is_ours(folder)


def _is_ours(folder: Path) -> bool:
    file = folder / _FILE
    return file.is_file() and [*folder.iterdir()] == [file] and read_text(file).startswith(HEADER)
