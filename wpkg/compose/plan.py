"""The plan: instances made in thought, so that everything which could fail fails before a byte is written.

Nodes are taken providers first. For each, its imports are bound one by one: to an export of an instance that
exists by now, or to an import of the result (`wpkg.compose.residual`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.component.instantiate import Unsatisfied, instantiate
from wpkg.component.substitute import Substitution
from wpkg.component.subtype import Mismatch, check_extern
from wpkg.component.types import Alias, ExternType, Identity, InstanceType, Resource, TypeBound, strip
from wpkg.compose.chain import chain_choices
from wpkg.compose.errors import (
    CircularTypes,
    ExportConflict,
    ImportsLeft,
    InvalidChoice,
    NothingConnected,
    SplitResources,
    TypeMismatch,
    UnmergeableImports,
    UnnamedType,
)
from wpkg.compose.graph import Connection, NearMiss, Node, PassedType, Plan
from wpkg.compose.match import (
    HOST,
    Offers,
    Wire,
    choose_root,
    connect,
    importable,
    instantiation_order,
    reached_from,
)
from wpkg.compose.mentions import mentioned, provided
from wpkg.compose.order import Circle, in_order
from wpkg.compose.residual import HostImports
from wpkg.names.extern_name import resource_of, uniqueness_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wpkg.names.choice import Choice


def make_plan(
    nodes: Sequence[Node], root: str | None = None, choices: Sequence[Choice] = (), chain: Sequence[str] = ()
) -> Plan:
    """How `nodes` fit together; in which order they are given decides only which error is met first.

    Raises: CompositionError, one class per reason.
    """
    if chain:
        choices, root = chain_choices(nodes, chain, choices, root)
    root = choose_root(nodes, root)
    wires = connect(nodes, root, choices)
    # From here on the order in which the nodes were given has no say: the same inputs give the same bytes.
    order = instantiation_order(nodes, [root], wires)
    taking_part = {node.name for node in order}
    linker = _Linker([wire for wire in wires if wire.importer in taking_part])
    for node in order:
        linker.add(node)
    left = _left_by_choice(order, choices)
    return Plan(
        nodes=tuple(order),
        root=root,
        connections=tuple(linker.connections),
        residuals=tuple(linker.host.ordered(reached_from(root, nodes, wires))),
        passed_types=tuple(linker.passed_types),
        instances={name: instance.exports for name, instance in linker.instances.items()},
        reexports=tuple(linker.reexports(root)),
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
        raise NothingConnected(plan.root, list(imports), plan.unused, plan.near_misses)


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
    nodes: Sequence[Node], order: Sequence[Node], root: str, linker: _Linker, left: frozenset[tuple[str, str]]
) -> list[NearMiss]:
    offers = Offers(node for node in nodes if node.name != root)
    satisfied = {(connection.importer, connection.name) for connection in linker.connections}
    return [
        miss
        for node in order
        for name in importable(node)
        if (node.name, name) not in satisfied | left
        for miss in offers.near_misses(node, name)
    ]


def _used(identity: Identity) -> Identity:
    """The type that a `use` stands for; any other is what it is."""
    if isinstance(identity, Alias) and isinstance(identity.target, (Alias, Resource)):
        return identity.target
    return identity


class _Linker:
    """Binds the imports of node after node and makes their instances."""

    def __init__(self, wires: list[Wire]) -> None:
        self.connections: list[Connection] = []
        self.instances: dict[str, InstanceType] = {}
        self.passed_types: list[PassedType] = []
        self.stated_again: list[tuple[str, str]] = []
        self.host = HostImports()
        self._wires = {(wire.importer, wire.name): wire for wire in wires}
        self._connected: dict[tuple[str, str], Connection] = {}
        self._inside: dict[Identity, tuple[str, str]] = {}  # identity -> node and export that provide it

    def add(self, node: Node) -> None:
        """Bind the imports of `node` and make its instance."""
        substitution = Substitution()
        arguments: dict[str, ExternType] = {}
        spoken_of = self._mentioned_to_the_host(node)
        scopes = {resource_of(name) for name in node.component.imports if (node.name, name) not in self._wires}
        for name, extern in node.component.imports.items():
            wire = self._wires.get((node.name, name))
            if wire is not None:
                arguments[name] = self._connect(wire, extern, substitution)
            elif isinstance(extern, TypeBound) and self._is_named(extern, substitution):
                if extern.type in spoken_of and self._is_data_of_a_component(extern, substitution):
                    arguments[name] = self._restate(node, name, extern, substitution)
                elif name in scopes and self.host.provides(_used(substitution.identity(extern.type))):
                    arguments[name] = self.host.add(node, name, extern, substitution)
                else:
                    arguments[name] = self._pass_type(node, name, extern, substitution)
            else:
                arguments[name] = self.host.add(node, name, extern, substitution)
                self._check_family(node, name, arguments[name])
        made = instantiate(node.component, arguments)
        if isinstance(made, Unsatisfied):
            raise self._mismatch(node, made)
        self.instances[node.name] = made.instance
        for export, extern in made.instance.exports.items():
            for _, identity in provided(extern):
                if not self.host.provides(identity):
                    self._inside.setdefault(identity, (node.name, export))

    def _mismatch(self, node: Node, made: Unsatisfied) -> Exception:
        connection = self._connected.get((node.name, made.name))
        if connection is not None:
            return TypeMismatch(node.name, made.name, connection.exporter, connection.export, made.mismatch)
        importers = self.host.importers(node, made.name)
        return UnmergeableImports(made.name, (importers[0][0], node.name), made.mismatch)

    # --- connections -------------------------------------------------------------------------------

    def _connect(self, wire: Wire, extern: ExternType, substitution: Substitution) -> ExternType:
        export = self._fitting(wire, extern, substitution) if len(wire.exports) > 1 else wire.exports[0]
        connection = Connection(wire.importer, wire.name, wire.exporter, export, wire.reason)
        self.connections.append(connection)
        self._connected[wire.importer, wire.name] = connection
        given = self._given(wire.exporter, export)
        substitution.bind_extern(extern, given)
        return given

    def _given(self, exporter: str, export: str | None) -> ExternType:
        instance = self.instances[exporter]
        return instance if export is None else instance.exports[export]

    def _fitting(self, wire: Wire, extern: ExternType, substitution: Substitution) -> str | None:
        """Which of the exports that are possible has the type. Raises: TypeMismatch, InvalidChoice."""
        mismatches: list[Mismatch] = []
        fitting: list[str | None] = []
        for i, export in enumerate(wire.exports):
            given = self._given(wire.exporter, export)
            trial = substitution.fork()
            trial.bind_extern(extern, given)
            mismatch = check_extern(given, extern, trial)
            if mismatch is not None:
                mismatches.append(mismatch)
                continue
            if i < wire.ranked:
                return export
            fitting.append(export)
        if not fitting:
            raise TypeMismatch(wire.importer, wire.name, wire.exporter, wire.exports[0], mismatches[0])
        if len(fitting) > 1:
            named = ", ".join(f"'{export}'" for export in fitting)
            raise InvalidChoice(
                f"'{wire.exporter}' was chosen for import '{wire.name}' of '{wire.importer}', and several of its "
                f"exports fit: {named}",
                hint=f"choose one: '{wire.importer} / {wire.name}' = '{wire.exporter} / {fitting[0]}'",
            )
        return fitting[0]

    # --- types of the world ------------------------------------------------------------------------

    def _is_named(self, extern: TypeBound, substitution: Substitution) -> bool:
        """Whether a type import stands for a type that an instance in sight already provides."""
        if not isinstance(extern.type, Alias) or not isinstance(extern.type.target, (Alias, Resource)):
            return False
        target = substitution.identity(extern.type.target)
        return target in self._inside or self.host.provides(target)

    def _pass_type(self, node: Node, name: str, extern: TypeBound, substitution: Substitution) -> ExternType:
        target = _used(substitution.identity(extern.type))
        argument = TypeBound(target)
        substitution.bind_extern(extern, argument)
        self.passed_types.append(PassedType(node.name, name, argument, self._inside.get(target)))
        return argument

    def _given_types(self) -> Iterator[tuple[str, str, str]]:
        """Imports (node and name) that components inside provide, types passed on included, and which."""
        for connection in self.connections:
            yield connection.importer, connection.name, connection.exporter
        for passed in self.passed_types:
            if passed.provider is not None:
                yield passed.importer, passed.name, passed.provider[0]

    def _mentioned_to_the_host(self, node: Node) -> set[Identity]:
        """The types that imports of `node` by plain name, left to the host, mention: they need names."""
        return {
            identity
            for name, extern in node.component.imports.items()
            if (node.name, name) not in self._wires and not isinstance(extern, InstanceType)
            for identity in mentioned(extern)
        }

    def _is_data_of_a_component(self, extern: TypeBound, substitution: Substitution) -> bool:
        """Whether a type import stands for a type made inside that is no resource."""
        target = substitution.identity(extern.type)
        return not isinstance(strip(target), Resource) and not self.host.provides(_used(target))

    def _restate(self, node: Node, name: str, extern: TypeBound, substitution: Substitution) -> ExternType:
        """What the result imports for a type made inside, which its other imports mention: the same, written out.

        Nothing is asked of the host by that, data types being compared by what they consist of.
        """
        written_out = TypeBound(Alias(strip(substitution.identity(extern.type)), name))
        given = self.host.add(node, name, written_out, substitution)
        self.stated_again.append((node.name, name))
        self._check_family(node, name, given)
        substitution.bind_extern(extern, given)
        return given

    def _check_family(self, node: Node, name: str, extern: ExternType) -> None:
        """Refuse an import of the host that speaks of a resource made inside (docs/composition.md, 7).

        An interface states data types itself; what has a plain name needs them to be imported, too.
        """
        resource = resource_of(name)
        if resource is not None and not self.host.has(node, resource):
            provider = next(
                who for importer, what, who in self._given_types() if (importer, what) == (node.name, resource)
            )
            raise SplitResources(node.name, name, resource, provider)
        for identity in mentioned(extern):
            if identity not in self._inside or self.host.provides(identity):
                continue
            provider, export = self._inside[identity]
            if isinstance(strip(identity), Resource):
                raise SplitResources(node.name, name, identity.name, provider)
            if not isinstance(extern, InstanceType):
                raise UnnamedType(node.name, name, identity.name, provider, export)

    # --- exports of the result ---------------------------------------------------------------------

    def reexports(self, root: str) -> list[tuple[str, str]]:
        """The interfaces made inside whose types the root's exports mention, owners before users.

        Without them the result would not be valid, or could not be composed again (docs/composition.md, 6).
        """
        exports = self.instances[root].exports
        try:
            owners = in_order(
                [owner for extern in exports.values() for owner in self._owners(extern, root)],
                lambda owner: self._owners(self.instances[owner[0]].exports[owner[1]], root),
            )
        except Circle as circle:
            raise CircularTypes([name for _, name in circle.path]) from circle
        taken = {uniqueness_key(name): root for name in exports}
        for node, export in owners:
            other = taken.setdefault(uniqueness_key(export), node)
            if other != node:
                raise ExportConflict(export, (other, node))
        return owners

    def _owners(self, extern: ExternType, root: str) -> list[tuple[str, str]]:
        """The nodes and their exports, of those inside, whose types `extern` mentions."""
        owners = (self._inside.get(identity) for identity in mentioned(extern))
        return [owner for owner in owners if owner is not None and owner[0] != root]
