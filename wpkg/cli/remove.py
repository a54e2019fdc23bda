"""`wpkg remove`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from wpkg.cli.changes import dry_run_option, show_changes
from wpkg.cli.session import command

if TYPE_CHECKING:
    from wpkg.cli.session import Session


@command()
@click.argument("packages", nargs=-1, required=True, metavar="NS:NAME...")
@dry_run_option
def remove(session: Session, *, packages: tuple[str, ...], dry_run: bool) -> None:
    """Remove dependencies, and what only they needed from the lock.

    wasmcloud.toml keeps its comments; when anything fails, both files stay as they were.
    """
    from wpkg.names.package_name import PackageName
    from wpkg.workflow.remove import remove as remove_packages

    names = [PackageName.parse(package) for package in packages]
    locked = remove_packages(session.world, session.root, names, dry_run=dry_run)
    show_changes(session, "remove", locked, dry_run=dry_run, unchanged="the lock is as it was")
