"""`wpkg add`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from wpkg.cli.changes import dry_run_option, show_changes
from wpkg.cli.options import option
from wpkg.cli.session import command
from wpkg.cli.suggest import dependency_names

if TYPE_CHECKING:
    from wpkg.cli.session import Session


@command()
@click.argument("packages", nargs=-1, required=True, metavar="NS:NAME[@REQ]...", shell_complete=dependency_names)
@option("--oci", metavar="REPOSITORY", help="Where the package is, instead of its namespace's registry.")
@option("--path", metavar="PATH", help="A project's folder or a component file, from the project's folder.")
@option("--link", type=click.Choice(["build", "runtime"]), help="Composed (the default), or bound by the host.")
@option("--target", metavar="NAME", help="With --link runtime: what the deployment calls the service.")
@option("--link-name", "name", metavar="NAME", help="With --link runtime: tells links of one interface apart.")
@option("--wit", is_flag=True, help="The packages are WIT packages: interfaces to build against.")
@dry_run_option
def add(
    session: Session,
    *,
    packages: tuple[str, ...],
    oci: str | None,
    wit: bool,
    dry_run: bool,
    **line: str | None,
) -> None:
    """Add components as dependencies, pin them and fetch them.

    REQ is a version requirement as cargo has it: 1.2, ^0.1, ~1.4.2, '>=1, <3', =1.0.0. Without one, the newest
    version decides. wasmcloud.toml keeps its comments; when anything fails, both files stay as they were.
    """
    from wpkg.oci.reference import Repository
    from wpkg.project.edit import DependencyLine
    from wpkg.workflow.add import Wanted
    from wpkg.workflow.add import add as add_packages

    wanted = [Wanted.parse(package) for package in packages]
    repository = Repository.parse(oci) if oci is not None else None
    said = DependencyLine(repository, kind="wit" if wit else None, **line)
    locked = add_packages(session.world, session.root, wanted, said, dry_run=dry_run)
    show_changes(session, "add", locked, dry_run=dry_run, unchanged="the lock is as it was")
