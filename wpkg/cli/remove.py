"""`wpkg remove`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from wpkg.cli.changes import dry_run_option, show_changes
from wpkg.cli.session import command
from wpkg.cli.suggest import dependency_names

if TYPE_CHECKING:
    from wpkg.cli.session import Session
    from wpkg.names.package_name import PackageName
    from wpkg.project.lockfile import Lock


@command()
@click.argument("packages", nargs=-1, required=True, metavar="NS:NAME...", shell_complete=dependency_names)
@dry_run_option
def remove(session: Session, *, packages: tuple[str, ...], dry_run: bool) -> None:
    """Remove dependencies, and what only they needed from the lock.

    wasmcloud.toml keeps its comments; when anything fails, both files stay as they were.
    """
    from wpkg.names.package_name import PackageName
    from wpkg.workflow.remove import remove as remove_packages

    names = [PackageName.parse(package) for package in packages]
    locked = remove_packages(session.world, session.root, names, dry_run=dry_run)
    more = [line for name in names for line in _still_locked(locked.lock, name)]
    show_changes(session, "remove", locked, dry_run=dry_run, unchanged="the lock is as it was", more=more)


def _still_locked(lock: Lock, name: PackageName) -> list[str]:
    """What is to be said of a package that is locked although it was removed."""
    lines = []
    for package in lock.named(name):
        others = [str(other.pin) for other in lock.all if package.pin in other.dependencies]
        lines.append(f"{package.pin} stays locked for {', '.join(others) or 'another member of the workspace'}")
    return lines
