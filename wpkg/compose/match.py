"""Who could satisfy which import, by name; and in which order instances can exist.

An import looks for an export of its own name, then for one on its semver track with a higher version (the higher
stands in for the lower). What the root exports is never offered: that would be a circle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.component.types import FuncType, InstanceType
from wpkg.compose.errors import AmbiguousImport, DependencyCycle, InvalidChoice, RootNotClear
from wpkg.compose.graph import Connection, Node, Reason
from wpkg.names.extern_name import higher_name, track_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def choose_root(nodes: Sequence[Node], root: str | None) -> str:
    """The node whose exports the result has: `root`, or the only one whose exports no other imports.

    Raises: RootNotClear, InvalidChoice, DependencyCycle.
    """
    if root is not None:
        if all(node.name != root for node in nodes):
            named = ", ".join(f"'{node.name}'" for node in nodes)
            raise InvalidChoice(f"the root '{root}' is not among the components {named}")
        return root
    edges = {
        node.name: [e for name in _imports(node) for e, _, _ in _candidates(nodes, node, name)] for node in nodes
    }
    needed = {exporter for exporters in edges.values() for exporter in exporters}
    free = [node.name for node in nodes if node.name not in needed]
    if len(free) == 1:
        return free[0]
    if free:
        raise RootNotClear(free)
    return _any_cycle(nodes)


def _any_cycle(nodes: Sequence[Node]) -> str:
    """Raises: DependencyCycle; called when every node is needed by another."""
    path: list[tuple[str, str]] = [(nodes[0].name, "")]
    by_name = {node.name: node for node in nodes}
    while True:
        node = by_name[path[-1][0]]
        name, exporter = next((n, e) for n in _imports(node) for e, _, _ in _candidates(nodes, node, n))
        path.append((exporter, name))
        seen = [visited for visited, _ in path[:-1]]
        if exporter in seen:
            raise DependencyCycle(path[seen.index(exporter) :])


def connect(nodes: Sequence[Node], root: str, choices: Mapping[tuple[str | None, str], str]) -> list[Connection]:
    """The connections, import by import.

    `choices`: importing node (None for every one) and import name -> exporting node.

    Raises: AmbiguousImport, InvalidChoice.
    """
    _check_choices(nodes, choices)
    offered = [node for node in nodes if node.name != root]
    connections: list[Connection] = []
    for node in nodes:
        for name in _imports(node):
            chosen = choices.get((node.name, name), choices.get((None, name)))
            candidates = _candidates(offered, node, name)
            if chosen is not None and chosen != node.name:
                candidates = [(e, x, Reason.CHOSEN) for e, x, _ in candidates if e == chosen]
                if not candidates:
                    raise InvalidChoice(
                        f"'{chosen}' was chosen for import '{name}' of '{node.name}', but does not export it"
                    )
            if len(candidates) > 1:
                raise AmbiguousImport(node.name, name, [(exporter, export) for exporter, export, _ in candidates])
            connections += [
                Connection(node.name, name, exporter, export, why) for exporter, export, why in candidates
            ]
    return connections


def _check_choices(nodes: Sequence[Node], choices: Mapping[tuple[str | None, str], str]) -> None:
    by_name = {node.name: node for node in nodes}
    for (importer, name), exporter in choices.items():
        for mentioned in filter(None, (importer, exporter)):
            if mentioned not in by_name:
                raise InvalidChoice(
                    f"[composition.imports] names '{mentioned}', which is not among the components"
                )
        importers = [by_name[importer]] if importer else list(nodes)
        if all(name not in node.component.type.imports for node in importers):
            whose = f"'{importer}'" if importer else "no component"
            verb = "does not import" if importer else "imports"
            raise InvalidChoice(f"[composition.imports] chooses for '{name}', which {whose} {verb}")


def _imports(node: Node) -> list[str]:
    """The imports that an export can satisfy: instances and functions."""
    return [n for n, extern in node.component.type.imports.items() if isinstance(extern, (InstanceType, FuncType))]


def _candidates(nodes: Sequence[Node], importer: Node, name: str) -> list[tuple[str, str, Reason]]:
    """Node, export and reason of every export that has the right name; exact names shut out others."""
    exact = [
        (node.name, name, Reason.SAME_NAME)
        for node in nodes
        if node is not importer and name in node.component.type.exports
    ]
    if exact:
        return exact
    key = track_key(name)
    if key == name:
        return []
    found: list[tuple[str, str, Reason]] = []
    for node in nodes:
        if node is importer:
            continue
        on_track = [e for e in node.component.type.exports if track_key(e) == key and higher_name(name, e) == e]
        if on_track:
            best = on_track[0]
            for export in on_track[1:]:
                best = higher_name(best, export)
            found.append((node.name, best, Reason.SAME_TRACK))
    return found


def instantiation_order(nodes: Sequence[Node], root: str, connections: Sequence[Connection]) -> list[Node]:
    """The nodes that the root needs, providers first, else in the order given. Raises: DependencyCycle."""
    by_name = {node.name: node for node in nodes}
    rank = {node.name: i for i, node in enumerate(nodes)}
    needs: dict[str, dict[str, str]] = {node.name: {} for node in nodes}
    for connection in connections:
        needs[connection.importer].setdefault(connection.exporter, connection.name)
    order: list[str] = []
    path: list[tuple[str, str]] = []

    def visit(name: str, through: str) -> None:
        path.append((name, through))
        for exporter, import_name in sorted(needs[name].items(), key=lambda item: rank[item[0]]):
            visited = [seen for seen, _ in path]
            if exporter in visited:
                raise DependencyCycle([*path[visited.index(exporter) :], (exporter, import_name)])
            if exporter not in order:
                visit(exporter, import_name)
        path.pop()
        order.append(name)

    visit(root, "")
    return [by_name[name] for name in order]
