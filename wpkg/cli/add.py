"""`wpkg add`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from wpkg.cli.lock import changes_json, changes_lines
from wpkg.cli.session import command
from wpkg.cli.suggest import dependency_names

if TYPE_CHECKING:
    from wpkg.cli.session import Session


@command()
@click.argument("packages", nargs=-1, required=True, metavar="NS:NAME[@REQ]...", shell_complete=dependency_names)
@click.option("--oci", metavar="REPOSITORY", help="Where the package is, instead of its namespace's registry.")
def add(session: Session, packages: tuple[str, ...], oci: str | None) -> None:
    """Add components as dependencies, pin them and fetch them.

    REQ is a version requirement as cargo has it: 1.2, ^0.1, ~1.4.2, '>=1, <3', =1.0.0. Without one, the newest
    version decides. wasmcloud.toml keeps its comments; when anything fails, both files stay as they were.
    """
    from wpkg.oci.reference import Repository
    from wpkg.workflow.add import Wanted
    from wpkg.workflow.add import add as add_packages

    wanted = [Wanted.parse(package) for package in packages]
    repository = Repository.parse(oci) if oci is not None else None
    locked = add_packages(session.world, session.root, wanted, repository)
    session.console.result("add", {"changes": changes_json(locked)}, changes_lines(locked))
