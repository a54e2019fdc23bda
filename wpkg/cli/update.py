"""`wpkg update`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from wpkg.cli.changes import dry_run_option, show_changes
from wpkg.cli.options import option
from wpkg.cli.session import command
from wpkg.cli.suggest import pinned_names

if TYPE_CHECKING:
    from wpkg.cli.session import Session


@command()
@click.argument("packages", nargs=-1, metavar="[NS:NAME]...", shell_complete=pinned_names)
@option("--precise", metavar="VERSION", help="Take this version of the one package that is named.")
@dry_run_option
def update(session: Session, *, packages: tuple[str, ...], precise: str | None, dry_run: bool) -> None:
    """Take the newest versions that the requirements admit: of all dependencies, or of those that are named.

    wasmcloud.toml is not changed. A version that is locked and has other content now is an error here, too.
    """
    from wpkg.names.package_name import PackageName
    from wpkg.names.version import Version
    from wpkg.workflow.update import update as update_packages

    names = [PackageName.parse(package) for package in packages]
    version = Version.parse(precise) if precise is not None else None
    locked = update_packages(session.world, session.root, names, version, dry_run=dry_run)
    show_changes(session, "update", locked, dry_run=dry_run, unchanged="nothing newer is admitted")
