"""How changes of the lock are shown, and the options of commands that make them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wpkg.cli.options import option
from wpkg.project.lockfile import LockedPackage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wpkg.cli.session import Session
    from wpkg.project.lockfile import LocalPackage
    from wpkg.workflow.lock import Locked

dry_run_option: Callable[[Any], Any] = option(
    "--dry-run", is_flag=True, help="Say what would change, and change nothing."
)


def show_changes(
    session: Session, schema: str, locked: Locked, *, dry_run: bool, unchanged: str, more: Sequence[str] = ()
) -> None:
    """The result of a command that changes the lock. `more` is what else there is to say to people."""
    members = {
        "dry-run": dry_run,
        "changes": changes_json(locked),
        "packages": [package_json(package) for package in sorted(locked.lock.all, key=lambda p: p.pin)],
    }
    session.console.result(schema, members, [*changes_lines(locked), *more] or [unchanged])
    if dry_run:
        session.console.warn("nothing was written: this was a dry run")


def changes_json(locked: Locked) -> list[dict[str, Any]]:
    """What a lock changed, for programs."""
    return [
        {
            "name": str(change.name),
            "before": package_json(change.before) if change.before is not None else None,
            "after": package_json(change.after) if change.after is not None else None,
        }
        for change in locked.changes
    ]


def changes_lines(locked: Locked) -> list[str]:
    """What a lock changed, for people: not that a package is the same and what it needs is another version."""
    shown = [change for change in locked.changes if not change.is_about_others] or locked.changes
    lines = []
    for change in shown:
        before, after = change.before, change.after
        if after is None:
            lines.append(f"removed {change.name}" + (f" {before.version}" if before is not None else ""))
        elif before is None:
            signers = after.signers if isinstance(after, LockedPackage) else ()
            signed = f", signed by {', '.join(signers)}" if signers else ""
            lines.append(f"added {after.pin} ({_what(after)}{signed})")
        elif before.version != after.version:
            verb = "updated" if before.version < after.version else "downgraded"
            lines.append(f"{verb} {after.name} {before.version} -> {after.version} ({_what(after)})")
        else:
            lines.append(f"changed {after.pin} ({_what(after)})")
    return lines


def package_json(package: LockedPackage | LocalPackage) -> dict[str, Any]:
    """A locked package, for programs. What is on this disk has a path, and no tag, manifest or signers."""
    remote = package if isinstance(package, LockedPackage) else None
    return {
        "name": str(package.name),
        "version": str(package.version),
        "kind": package.kind,
        "source": str(remote.source) if remote is not None else None,
        "path": None if isinstance(package, LockedPackage) else package.path,
        "tag": remote.tag if remote is not None else None,
        "manifest": str(remote.manifest) if remote is not None else None,
        "component": str(package.component) if package.component is not None else None,
        "size": package.size,
        "dependencies": [{"name": str(pin.name), "version": str(pin.version)} for pin in package.dependencies],
        "imports": list(remote.imports) if remote is not None and remote.imports is not None else None,
        "signers": list(remote.signers) if remote is not None else [],
    }


def _what(package: LockedPackage | LocalPackage) -> str:
    return package.manifest.short if isinstance(package, LockedPackage) else package.path
