"""`wpkg lock`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from wpkg.cli.changes import dry_run_option, show_changes
from wpkg.cli.session import command

if TYPE_CHECKING:
    from wpkg.cli.session import Session


@command()
@click.option("--check", is_flag=True, help="Change nothing, ask nobody; fail (7) when the lock does not fit.")
@click.option("--locked", is_flag=True, help="The same as --check.")
@click.option("--frozen", is_flag=True, help="--locked and --offline.")
@dry_run_option
def lock(session: Session, check: bool, locked: bool, frozen: bool, dry_run: bool) -> None:  # noqa: FBT001
    """Resolve the dependencies anew and pin them in wpkg.lock.

    Pins stay where they still satisfy; tags and signatures are looked at again. In CI (CI=true), --check is the
    default. With --offline, a lock that fits is left as it is.
    """
    from wpkg.workflow.lock import lock as lock_project

    check = check or locked or frozen or session.world.in_ci
    outcome = lock_project(
        session.world, session.root, check=check, dry_run=dry_run, look_again=not session.offline
    )
    count = len(outcome.lock.all)
    unchanged = f"wpkg.lock is up to date ({count} package{'' if count == 1 else 's'})"
    show_changes(session, "lock", outcome, dry_run=dry_run, unchanged=unchanged)
