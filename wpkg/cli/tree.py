"""`wpkg tree`, and how a dependency graph is drawn with lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from wpkg.cli.changes import package_json
from wpkg.cli.options import option
from wpkg.cli.session import command
from wpkg.cli.suggest import pinned_names
from wpkg.names.pin import Pin
from wpkg.project.lockfile import LocalPackage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wpkg.cli.session import Session
    from wpkg.workflow.tree import DependencyGraph, Root

    Node = Pin | Root


@command()
@option(
    "-i",
    "--invert",
    metavar="NS:NAME[@VERSION]",
    shell_complete=pinned_names,
    help="Show who needs a package, instead.",
)
@option("--depth", type=click.IntRange(min=0), metavar="N", help="No deeper than N dependencies.")
def tree(session: Session, *, invert: str | None, depth: int | None) -> None:
    """Show the locked dependencies as a tree. No registry is asked.

    A package whose dependencies were shown before is marked (*).
    """
    from wpkg.workflow.tree import dependency_graph

    graph = dependency_graph(session.world, session.root)
    roots: list[Node] = list(graph.roots) if invert is None else list(graph.named(invert))
    drawing = _Drawing(graph, graph.needs if invert is None else graph.needed_by, depth)
    session.console.result("tree", graph_json(graph), drawing.lines(roots))


def graph_json(graph: DependencyGraph) -> dict[str, Any]:
    """The graph for programs: flat, whatever part of it a person is shown."""
    return {
        "roots": [
            {
                "name": root.name,
                "version": root.version,
                "dependencies": [
                    {
                        "name": str(pin.name),
                        "version": str(pin.version),
                        "requirement": root.requirements[pin.name],
                    }
                    for pin in root.dependencies
                ],
            }
            for root in graph.roots
        ],
        "packages": [package_json(package) for package in graph.packages.values()],
    }


class _Drawing:
    def __init__(
        self, graph: DependencyGraph, following: Callable[[Node], Sequence[Node]], depth: int | None
    ) -> None:
        self._graph = graph
        self._following = following
        self._depth = depth
        self._drawn: set[str] = set()

    def lines(self, roots: Sequence[Node]) -> list[str]:
        """Trees under each other, an empty line between."""
        lines: list[str] = []
        for root in roots:
            lines += [""] if lines else []
            lines += self._subtree(root, "", "", 0)
        return lines

    def _subtree(self, node: Node, first: str, rest: str, level: int) -> list[str]:
        following = self._following(node)
        again = str(node) in self._drawn and bool(following)
        self._drawn.add(str(node))
        lines = [f"{first}{self._label(node)}{' (*)' if again else ''}"]
        if again or (self._depth is not None and level >= self._depth):
            return lines
        for position, below in enumerate(following):
            is_last = position == len(following) - 1
            lines += self._subtree(
                below, rest + ("└── " if is_last else "├── "), rest + ("    " if is_last else "│   "), level + 1
            )
        return lines

    def _label(self, node: Node) -> str:
        package = self._graph.packages[node] if isinstance(node, Pin) else None
        notes = [package.kind] if package is not None and package.kind not in ("component", "composed") else []
        notes += [package.path] if isinstance(package, LocalPackage) else []
        return str(node) + (f" ({', '.join(notes)})" if notes else "")
