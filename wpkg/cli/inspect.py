"""`wpkg inspect`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from wpkg.cli.session import command
from wpkg.cli.suggest import files_or_references

if TYPE_CHECKING:
    from wpkg.cli.session import Session
    from wpkg.workflow.inspect import Inspected


@command()
@click.argument("subject", metavar="FILE|REFERENCE", shell_complete=files_or_references)
def inspect(session: Session, subject: str) -> None:
    """Show what a component imports and exports; for a published one, also who says to have signed it.

    The subject is a file, ns:name@version by [registries] of this project, or a reference.
    """
    from wpkg.workflow.inspect import inspect as inspect_component

    found = inspect_component(session.world, session.root, subject)
    session.console.result("inspect", _json(found), _lines(found))


def _json(found: Inspected) -> dict[str, Any]:
    members: dict[str, Any] = {
        "subject": found.subject,
        "component": str(found.node.digest),
        "size": found.node.size,
        "imports": [{"name": extern.name, "type": extern.what} for extern in found.imports],
        "exports": [{"name": extern.name, "type": extern.what} for extern in found.exports],
    }
    if found.release is not None:
        record = found.release.config.record
        members["kind"] = found.release.kind
        members["package"] = record.to_json() if record is not None else None
        members["claims"] = [
            {"referrer": str(c.referrer), "predicate": c.predicate_type, "key": c.hint} for c in found.claims or ()
        ]
    return members


def _lines(found: Inspected) -> list[str]:
    lines = [found.subject, f"component {found.node.digest}, {found.node.size / 1e6:.1f} MB"]
    if found.release is not None:
        record = found.release.config.record
        lines.append(
            f"package {record.package} {record.version} ({record.kind})"
            if record is not None
            else "no wpkg record"
        )
        needed = record.dependencies if record is not None else ()
        lines += [f"needs {d.name} {d.requirement} ({d.link})" for d in needed]
    for title, externs in (("imports", found.imports), ("exports", found.exports)):
        lines.append(f"{title}:" if externs else f"{title}: none")
        lines += [f"  {extern.name}  {extern.what}" for extern in externs]
    if found.claims is not None:
        lines.append("claims, not verified:" if found.claims else "no signatures")
        lines += [f"  {claim.predicate_type} by key {claim.hint}" for claim in found.claims]
    return lines
