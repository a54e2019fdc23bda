"""What is locked and what there is: which packages have newer versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.workflow.lock import up_to_date_lock
from wpkg.workflow.opened import open_workspace
from wpkg.workflow.published import PublishedPackages

if TYPE_CHECKING:
    from pathlib import Path

    from wpkg.names.pin import Pin
    from wpkg.names.version import Version
    from wpkg.workflow.world import World


class Outdated(Struct, frozen=True):
    """A pin that there is something newer for."""

    pin: Pin
    compatible: Version  # the highest of its release line that requirements admit; what `wpkg update` may take
    newest: Version  # the highest of all
    needed_by: tuple[str, ...]  # the members whose own requirements it meets; none for what only others need

    @property
    def is_direct(self) -> bool:
        """Whether a member itself requires it."""
        return bool(self.needed_by)


def outdated(world: World, root: Path) -> list[Outdated]:
    """The pins of the lock that are not the newest, by name: one list of tags for each package, and nothing else.

    Raises: LockOutOfDate, RegistryError, InvalidInput.
    """
    workspace = open_workspace(root)
    lock = up_to_date_lock(world, workspace, locked=True)
    found = []
    with PublishedPackages(world, workspace) as published:
        published.expect([package.name for package in lock.packages], ())
        for package in sorted(lock.packages, key=lambda p: p.pin):
            met = [
                (workspace.name_of(member), d.requirement)
                for member, d in workspace.dependencies()
                if d.requirement is not None and lock.met_by(d.name, d.requirement) is package
            ]
            released = [v for v in published.versions(package.name) if not v.pre or package.version.pre]
            following = [
                version
                for version in released
                if version.line == package.version.line and all(wish.matches(version) for _, wish in met)
            ]
            compatible = max([package.version, *following])
            newest = max([package.version, *released])
            if newest != package.version:
                found.append(Outdated(package.pin, compatible, newest, tuple(name for name, _ in met)))
    return found
