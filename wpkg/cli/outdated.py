"""`wpkg outdated`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.cli.session import command

if TYPE_CHECKING:
    from wpkg.cli.session import Session

_HEADINGS = ("package", "locked", "compatible", "newest", "needed by")


@command()
def outdated(session: Session) -> None:
    """Show locked packages that have newer versions.

    'compatible' is what 'wpkg update' may take; for 'newest', a requirement has to be changed where they differ.
    """
    from wpkg.workflow.outdated import outdated as find_outdated

    found = find_outdated(session.world, session.root)
    rows = [
        (
            str(item.pin.name),
            str(item.pin.version),
            str(item.compatible),
            str(item.newest),
            ", ".join(item.needed_by) or "a dependency",
        )
        for item in found
    ]
    members = [
        {"name": name, "locked": locked, "compatible": compatible, "newest": newest, "direct": item.is_direct}
        for item, (name, locked, compatible, newest, _) in zip(found, rows, strict=True)
    ]
    widths = [max(len(row[column]) for row in [_HEADINGS, *rows]) for column in range(len(_HEADINGS))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [_HEADINGS, *rows]
    ]
    session.console.result("outdated", {"packages": members}, lines if rows else ["everything is the newest"])
