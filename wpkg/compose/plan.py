"""The plan: instances made in thought, so that everything which could fail fails before a byte is written.

Nodes are taken providers first. For each, its imports are bound one by one: to an export of an instance that
exists by now, or to an import of the result (`wpkg.compose.residual`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.compose.errors import ImportsLeft, NothingConnected
from wpkg.compose.graph import Exported, Item, NearMiss, Node, Plan
from wpkg.compose.linker import Linker
from wpkg.compose.match import (
    HOST,
    Offers,
    choose_root,
    connect,
    importable,
    instantiation_order,
    is_offered,
    reached_from,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wpkg.names.choice import Choice


def make_plan(nodes: Sequence[Node], root: str | None = None, choices: Sequence[Choice] = ()) -> Plan:
    """How `nodes` fit together; in which order they are given decides only which error is met first.

    Raises: CompositionError, one class per reason.
    """
    root = choose_root(nodes, root)
    wires = connect(nodes, root, choices)
    # From here on the order in which the nodes were given has no say: the same inputs give the same bytes.
    order = instantiation_order(nodes, [root], wires)
    taking_part = {node.name for node in order}
    linker = Linker([wire for wire in wires if wire.importer in taking_part])
    for node in order:
        linker.add(node)
    left = _left_by_choice(order, choices)
    exported = [Exported(name, Item(root, (name,))) for name in linker.instances[root].exports]
    return Plan(
        nodes=tuple(order),
        root=root,
        connections=tuple(linker.connections),
        residuals=tuple(linker.host.ordered(reached_from(root, nodes, wires))),
        passed_types=tuple(linker.passed_types),
        instances={name: instance.exports for name, instance in linker.instances.items()},
        reexports=tuple(linker.reexports(exported)),
        unused=tuple(node.name for node in nodes if node.name not in taking_part),
        near_misses=tuple(_near_misses(nodes, order, root, linker, left)),
        left=left,
        stated_again=frozenset(linker.stated_again),
    )


def require_no_imports(plan: Plan) -> None:
    """Raises: ImportsLeft when something is left to the host."""
    left = [importer for residual in plan.residuals for importer in residual.importers]
    if left:
        raise ImportsLeft(left)


def require_connections(plan: Plan) -> None:
    """Raises: NothingConnected when no component satisfies anything of another."""
    if not plan.connections:
        imports = plan.nodes[0].component.imports
        left = [name for name in imports if (plan.root, name) in plan.left]
        raise NothingConnected(plan.root, list(imports), plan.unused, plan.near_misses, left)


def _left_by_choice(order: Sequence[Node], choices: Sequence[Choice]) -> frozenset[tuple[str, str]]:
    if all(choice.exporter != HOST for choice in choices) or any(node.name == HOST for node in order):
        return frozenset()
    chosen = {(choice.importer, choice.name): choice.exporter == HOST for choice in choices}
    return frozenset(
        (node.name, name)
        for node in order
        for name in importable(node)
        if chosen.get((node.name, name), chosen.get((None, name), False))
    )


def _near_misses(
    nodes: Sequence[Node], order: Sequence[Node], root: str, linker: Linker, left: frozenset[tuple[str, str]]
) -> list[NearMiss]:
    offers = Offers(node for node in nodes if is_offered(node, root))
    satisfied = {(connection.importer, connection.name) for connection in linker.connections}
    return [
        miss
        for node in order
        for name in importable(node)
        if (node.name, name) not in satisfied | left
        for miss in offers.near_misses(node, name)
    ]
