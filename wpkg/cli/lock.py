"""`wpkg lock`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.cli.changes import dry_run_option, show_changes
from wpkg.cli.options import option
from wpkg.cli.session import command

if TYPE_CHECKING:
    from wpkg.cli.session import Session


@command(locking=True)
@option("--check", is_flag=True, help="Change nothing, ask nobody; fail (7) when the lock does not fit.")
@dry_run_option
def lock(session: Session, *, check: bool, dry_run: bool) -> None:
    """Resolve the dependencies anew and pin them in wpkg.lock.

    Pins stay where they still satisfy; tags and signatures are looked at again. In CI (CI=true), --check is the
    default. With --offline, a lock that fits is left as it is.
    """
    from wpkg.workflow.lock import lock as lock_project

    outcome = lock_project(
        session.world,
        session.root,
        check=check or session.locked,
        dry_run=dry_run,
        look_again=not session.offline,
    )
    count = len(outcome.lock.all)
    unchanged = f"wpkg.lock is up to date ({count} package{'' if count == 1 else 's'})"
    show_changes(session, "lock", outcome, dry_run=dry_run, unchanged=unchanged)
