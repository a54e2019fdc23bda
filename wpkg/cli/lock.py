"""`wpkg lock`, and how changes of the lock are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from wpkg.cli.session import command

if TYPE_CHECKING:
    from wpkg.cli.session import Session
    from wpkg.project.lockfile import LockedPackage
    from wpkg.workflow.lock import Locked


@command()
@click.option("--check", is_flag=True, help="Change nothing, ask nobody; fail (7) when the lock does not fit.")
@click.option("--locked", is_flag=True, help="The same as --check.")
def lock(session: Session, check: bool, locked: bool) -> None:  # noqa: FBT001
    """Resolve the dependencies anew and pin them in wpkg.lock.

    Pins stay where they still satisfy; tags and signatures are looked at again. In CI (CI=true), --check is the
    default.
    """
    from wpkg.workflow.lock import lock as lock_project

    outcome = lock_project(session.world, session.root, check=check or locked or session.world.in_ci)
    members = {"changes": changes_json(outcome), "packages": [_json(p) for p in outcome.lock.packages]}
    count = len(outcome.lock.packages)
    lines = changes_lines(outcome) or [f"wpkg.lock is up to date ({count} package{'' if count == 1 else 's'})"]
    session.console.result("lock", members, lines)


def changes_json(locked: Locked) -> list[dict[str, Any]]:
    """What a lock changed, for programs."""
    return [
        {
            "name": str(change.name),
            "before": _json(change.before) if change.before is not None else None,
            "after": _json(change.after) if change.after is not None else None,
        }
        for change in locked.changes
    ]


def changes_lines(locked: Locked) -> list[str]:
    """What a lock changed, for people."""
    lines = []
    for change in locked.changes:
        before, after = change.before, change.after
        if after is None:
            lines.append(f"removed {change.name}")
        elif before is None:
            signed = f", signed by {', '.join(after.signers)}" if after.signers else ""
            lines.append(f"added {after.name} {after.version} ({after.manifest.short}{signed})")
        elif before.version != after.version:
            lines.append(f"updated {after.name} {before.version} -> {after.version} ({after.manifest.short})")
        else:
            lines.append(f"changed {after.name} {after.version} ({after.manifest.short})")
    return lines


def _json(package: LockedPackage) -> dict[str, Any]:
    return {
        "name": str(package.name),
        "version": str(package.version),
        "kind": package.kind,
        "source": str(package.source),
        "tag": package.tag,
        "manifest": str(package.manifest),
        "component": str(package.component),
        "size": package.size,
        "dependencies": [str(name) for name in package.dependencies],
        "signers": list(package.signers),
    }
