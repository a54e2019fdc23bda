"""`wpkg why`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from wpkg.cli.session import command
from wpkg.cli.suggest import pinned_names

if TYPE_CHECKING:
    from wpkg.cli.session import Session


@command()
@click.argument("package", metavar="NS:NAME[@VERSION]", shell_complete=pinned_names)
def why(session: Session, *, package: str) -> None:
    """Show what leads to a locked package: a way to it from the project, for each that needs it."""
    from wpkg.workflow.tree import Root, dependency_graph

    graph = dependency_graph(session.world, session.root)
    lines: list[str] = []
    found = []
    for pin in graph.named(package):
        paths = graph.paths_to(pin)
        lines.append(str(pin))
        for path in paths:
            first, second = path[0], path[1]
            asked = (
                first.requirements[second.name] if isinstance(first, Root) and not isinstance(second, Root) else ""
            )
            lines.append(f"    {first} requires {' → '.join(str(step) for step in path[1:])} ({asked})")
        found.append(
            {
                "name": str(pin.name),
                "version": str(pin.version),
                "paths": [[str(step) for step in path] for path in paths],
            }
        )
    session.console.result("why", {"packages": found}, lines)
