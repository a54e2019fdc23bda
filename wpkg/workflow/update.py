"""Take newer versions: of all packages, or of some."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from wpkg.errors import InvalidInput, NoSolution
from wpkg.names.pin import Pin
from wpkg.project.lockfile import Lock
from wpkg.workflow.fetch import fetch_locked
from wpkg.workflow.lock import Locked, compare
from wpkg.workflow.opened import OpenedWorkspace, open_workspace
from wpkg.workflow.published import PublishedPackages
from wpkg.workflow.resolve import resolve_lock
from wpkg.workflow.settled import write_lock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wpkg.names.package_name import PackageName
    from wpkg.names.version import Version
    from wpkg.workflow.published import ListedTags
    from wpkg.workflow.world import World


def update(
    world: World,
    root: Path,
    names: Sequence[PackageName] = (),
    precise: Version | None = None,
    *,
    dry_run: bool = False,
) -> Locked:
    """Resolve anew without the pins of `names`, or of everything; `precise` is the version to take of one package.

    Raises: InvalidInput, NoSolution, RegistryError, LockOutOfDate, NotTrusted; then the lock is as it was.
    """
    workspace = open_workspace(root)
    if precise is not None and len(names) != 1:
        raise InvalidInput(
            "--precise names the version of one package", hint="wpkg update ns:name --precise 1.2.3"
        )
    locked = workspace.lock or Lock(())
    for name in names:
        _check_known(workspace, locked, name)
    wanted = Pin(names[0], precise) if precise is not None else None
    listed: ListedTags = {}
    if wanted is not None:
        _check_published(world, workspace, wanted, listed)
    kept = [package.pin for package in locked.all if names and not _gives_way(package.pin, names, precise)]
    lock = resolve_lock(world, workspace, kept, [wanted] if wanted is not None else [], listed)
    if wanted is not None and lock.at(wanted) is None:
        raise NoSolution(
            f"{wanted} is not what the requirements lead to: {_requirements(workspace, lock, wanted.name)}",
            hint="loosen them in wasmcloud.toml, or take a version that they admit",
        )
    if not dry_run:
        fetch_locked(world, lock)
        write_lock(world, workspace, lock, {})
    return Locked(lock, compare(workspace.lock, lock))


def _gives_way(pin: Pin, names: Sequence[PackageName], precise: Version | None) -> bool:
    """Whether a pin is not to stay: of several versions of a package, `precise` replaces that of its own line."""
    return pin.name in names and (precise is None or pin.version.line == precise.line)


def _check_known(workspace: OpenedWorkspace, lock: Lock, name: PackageName) -> None:
    known = {str(package.name) for package in lock.all} | {str(d.name) for _, d in workspace.dependencies()}
    if str(name) not in known:
        near = difflib.get_close_matches(str(name), sorted(known), n=1)
        raise InvalidInput(
            f"nothing here needs {name}",
            hint=f"did you mean '{near[0]}'?" if near else f"'wpkg add {name}' makes it a dependency",
        )


def _check_published(world: World, workspace: OpenedWorkspace, wanted: Pin, listed: ListedTags) -> None:
    with PublishedPackages(world, workspace, listed=listed) as published:
        versions = published.versions(wanted.name)
    if wanted.version not in versions:
        found = ", ".join(str(version) for version in versions[:8]) or "none"
        raise NoSolution(f"{wanted} is not published", hint=f"the newest versions of {wanted.name}: {found}")


def _requirements(workspace: OpenedWorkspace, lock: Lock, name: PackageName) -> str:
    """Who requires `name`, for a sentence."""
    own = [
        f"{workspace.name_of(member)} requires {d.requirement or d.path}"
        for member, d in workspace.dependencies()
        if d.name == name
    ]
    others = [
        f"{package.pin} needs {pin}" for package in lock.all for pin in package.dependencies if pin.name == name
    ]
    return " and ".join([*own, *others]) or "nothing requires it any more"
