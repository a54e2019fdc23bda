"""`wpkg fetch`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.cli.changes import changes_json, changes_lines
from wpkg.cli.options import option
from wpkg.cli.session import command
from wpkg.names.amount import size_text

if TYPE_CHECKING:
    from wpkg.cli.session import Session
    from wpkg.project.lockfile import LockedPackage
    from wpkg.workflow.fetch import FetchedPackage


@command(locking=True)
@option("--dry-run", is_flag=True, help="Say what would be fetched; fetch no component, write no lock.")
def fetch(session: Session, *, dry_run: bool) -> None:
    """Bring everything that wpkg.lock pins into the cache, so that the project builds offline.

    The lock is brought up to date first, unless --locked forbids it.
    """
    from wpkg.workflow.fetch import fetch as fetch_project
    from wpkg.workflow.fetch import plan_fetch

    if dry_run:
        planned = plan_fetch(session.world, session.root, locked=session.locked)
        members = {"changes": changes_json(planned.locked), "missing": [_pin_json(p) for p in planned.missing]}
        lines = [f"would fetch {p.name} {p.version} ({size_text(p.size)})" for p in planned.missing]
        session.console.result(
            "fetch.plan", members, [*changes_lines(planned.locked), *(lines or ["nothing to fetch"])]
        )
        return
    fetched = fetch_project(session.world, session.root, locked=session.locked)
    members = {"changes": changes_json(fetched.locked), "packages": [_json(p) for p in fetched.packages]}
    session.console.result("fetch", members, [*changes_lines(fetched.locked), _line(fetched.packages)])


def _line(packages: tuple[FetchedPackage, ...]) -> str:
    new = [package for package in packages if not package.was_there]
    count = f"{len(packages)} package{'' if len(packages) == 1 else 's'}"
    if not new:
        return f"{count} in the cache, nothing to fetch"
    size = size_text(sum(package.locked.size for package in new))
    return f"{count} in the cache, {len(new)} of them fetched ({size})"


def _json(package: FetchedPackage) -> dict[str, object]:
    return {**_pin_json(package.locked), "path": str(package.path), "fetched": not package.was_there}


def _pin_json(package: LockedPackage) -> dict[str, object]:
    return {
        "name": str(package.name),
        "version": str(package.version),
        "kind": package.kind,
        "manifest": str(package.manifest),
        "component": str(package.component),
        "size": package.size,
    }
