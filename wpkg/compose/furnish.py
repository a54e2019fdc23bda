"""Imports that are decided when composing: denied, or answered by constants; by components that are generated.

Those of a component that nobody inside exports, and that nobody chose for. Each generated component is a node like
any other, and what it does is in the plan: that it is taken is a choice, and the types that it imports are those
that the component for which it is made gets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.component.read import read_component
from wpkg.component.types import Resource, TypeBound, strip
from wpkg.compose.configuration import configuring_component, is_configuration
from wpkg.compose.denial import denying_component
from wpkg.compose.errors import DeniedInPart
from wpkg.compose.graph import Generated, Node
from wpkg.compose.match import HOST, choose_root, connect, importable, imported_interface, reached_from
from wpkg.compose.mentions import mentioned, provided
from wpkg.names.choice import Choice
from wpkg.oci.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from wpkg.component.types import Identity
    from wpkg.compose.graph import Denial
    from wpkg.compose.match import Wire


class Decided(Struct, frozen=True):
    """What was decided about imports that would be left to the host.

    `denial` says of a node's name and an interface how it is denied, None where it is not.
    """

    denial: Callable[[str, str], Denial | None]
    config: Mapping[str, str] = {}


class Furnished(Struct, frozen=True):
    """A graph with what was generated for it. `data` are the generated components, by node."""

    nodes: tuple[Node, ...]
    root: str
    choices: tuple[Choice, ...]
    data: Mapping[str, bytes]


def furnish(nodes: Sequence[Node], root: str | None, choices: Sequence[Choice], decided: Decided) -> Furnished:
    """`nodes`, with generated components for imports of those that take part. Raises: CompositionError."""
    chosen_root = choose_root(nodes, root)
    wires = connect(nodes, chosen_root, choices)
    furnisher = _Furnisher(wires, choices, decided)
    for node in reached_from(chosen_root, nodes, wires):
        furnisher.furnish(node)
    kept = [choice for choice in choices if (choice.importer, choice.name) not in furnisher.settled]
    return Furnished((*nodes, *furnisher.nodes), chosen_root, (*kept, *furnisher.choices), furnisher.data)


class _Furnisher:
    def __init__(self, wires: Sequence[Wire], choices: Sequence[Choice], decided: Decided) -> None:
        self._wires = {(wire.importer, wire.name): wire for wire in wires}
        self._chosen = {(choice.importer, choice.name): choice for choice in choices}
        self._decided = decided
        self.nodes: list[Node] = []
        self.choices: list[Choice] = []
        self.settled: set[tuple[str | None, str]] = (
            set()
        )  # node and import, of which the choice is another one now
        self.data: dict[str, bytes] = {}

    def furnish(self, node: Node) -> None:
        """Generate what `node` needs."""
        denied: dict[str, Denial] = {}
        for name in importable(node):
            if (node.name, name) in self._wires:
                continue
            interface = imported_interface(node, name) or name
            denial = self._decided.denial(node.name, interface)
            if denial is not None:
                denied[name] = denial
            elif self._decided.config and is_configuration(interface) and not self._is_left(node, name):
                data = configuring_component(name, node.component.imports[name], self._decided.config)
                made = Generated(config=self._decided.config)
                self._add(node, f"{node.name} (configuration)", data, [name], made)
        if denied:
            _check_whole(node, denied)
            data = denying_component(node.component, denied)
            made_node = self._add(node, f"{node.name} (denied)", data, denied, Generated(denied))
            self.choices += [self._as_for(node, made_node, name) for name in made_node.component.imports]

    def _is_left(self, node: Node, name: str) -> bool:
        """Whether somebody chose to leave an import to the host."""
        return (node.name, name) in self._chosen or (None, name) in self._chosen

    def _as_for(self, node: Node, made: Node, name: str) -> Choice:
        """The choice that gives an import to `made` from where `node` has it."""
        wire = self._wires.get((node.name, name))
        if wire is None:
            return Choice(made.name, name, HOST)
        return Choice(made.name, name, wire.exporter, wire.exports[0] if len(wire.exports) == 1 else None)

    def _add(self, node: Node, name: str, data: bytes, imports: Collection[str], generated: Generated) -> Node:
        made = Node(
            name,
            read_component(memoryview(data)),
            Digest.of(data),
            len(data),
            name if node.label is not None else None,
            generated,
        )
        self.nodes.append(made)
        self.data[name] = data
        for imported in imports:
            self.settled.add((node.name, imported))
            self.choices.append(Choice(node.name, imported, name, imported))
        return made


def _check_whole(node: Node, denied: Collection[str]) -> None:
    """Raises: DeniedInPart where what is denied owns a resource that another import uses."""
    owners: dict[Identity, str] = {}
    for name in denied:
        for _, identity in provided(node.component.imports[name]):
            owners.setdefault(identity, name)
    for name, extern in node.component.imports.items():
        if name in denied or isinstance(extern, TypeBound):
            continue
        for identity in mentioned(extern):
            if identity in owners and isinstance(resource := strip(identity), Resource):
                raise DeniedInPart(node.name, name, resource.name, owners[identity])
