"""Instances made in thought: the imports of node after node bound, and checked under one mapping of resources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.component.instantiate import Unsatisfied, instantiate
from wpkg.component.substitute import Substitution
from wpkg.component.subtype import check_extern
from wpkg.component.types import Alias, InstanceType, Resource, TypeBound, strip
from wpkg.compose.errors import (
    ArgumentMismatch,
    CircularTypes,
    ExportConflict,
    InvalidChoice,
    SplitResources,
    TypeMismatch,
    UnmergeableImports,
    UnnamedType,
)
from wpkg.compose.graph import Connection, Of, PassedType, Reason, Taken
from wpkg.compose.items import at_path
from wpkg.compose.mentions import mentioned, provided
from wpkg.compose.order import Circle, in_order
from wpkg.compose.residual import HostImports
from wpkg.names.extern_name import resource_of, uniqueness_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wpkg.component.subtype import Mismatch
    from wpkg.component.types import ExternType, Identity
    from wpkg.compose.graph import Defined, Exported, Item, Node
    from wpkg.compose.match import Wire


def _used(identity: Identity) -> Identity:
    """The type that a `use` stands for; any other is what it is."""
    if isinstance(identity, Alias) and isinstance(identity.target, (Alias, Resource)):
        return identity.target
    return identity


class Linker:
    """Binds the imports of node after node and makes their instances.

    What satisfies an import is said by `wires`, or by `given` for a node and an import. All else is the host's.
    `defined` are types that a document defines.
    """

    def __init__(
        self,
        wires: Sequence[Wire],
        given: Mapping[tuple[str, str], Item] | None = None,
        defined: Sequence[Defined] = (),
    ) -> None:
        self.connections: list[Connection] = []
        self.taken: list[Taken] = []
        self.instances: dict[str, InstanceType] = {}
        self.passed_types: list[PassedType] = []
        self.stated_again: list[tuple[str, str]] = []
        self.host = HostImports()
        self._wires = {(wire.importer, wire.name): wire for wire in wires}
        self._given = given or {}
        self._defined = {each.name: each.extern for each in defined}
        self._connected: dict[tuple[str, str], Connection] = {}
        self._inside: dict[Identity, tuple[str, str]] = {}  # identity -> node and export that provide it

    def add(self, node: Node) -> None:
        """Bind the imports of `node` and make its instance."""
        substitution = Substitution()
        arguments: dict[str, ExternType] = {}
        spoken_of = self._mentioned_to_the_host(node)
        scopes = {resource_of(name) for name in node.component.imports if not self._is_satisfied(node, name)}
        for name, extern in node.component.imports.items():
            wire = self._wires.get((node.name, name))
            if wire is not None:
                arguments[name] = self._connect(wire, extern, substitution)
            elif (node.name, name) in self._given:
                if isinstance(extern, TypeBound) and extern.type in spoken_of and self._is_defined(node, name):
                    arguments[name] = self._give_again(node, name, extern, substitution)
                else:
                    arguments[name] = self._give(node, name, self._given[node.name, name])
                    substitution.bind_extern(extern, arguments[name])
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

    def _is_satisfied(self, node: Node, name: str) -> bool:
        return (node.name, name) in self._wires or (node.name, name) in self._given

    def _mismatch(self, node: Node, made: Unsatisfied) -> Exception:
        item = self._given.get((node.name, made.name))
        if item is not None:
            return ArgumentMismatch(node.name, made.name, made.mismatch)
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
        given = self._exported(wire.exporter, export)
        substitution.bind_extern(extern, given)
        return given

    def _exported(self, exporter: str, export: str | None) -> ExternType:
        instance = self.instances[exporter]
        return instance if export is None else instance.exports[export]

    def _give(self, node: Node, name: str, item: Item) -> ExternType:
        """The type of `item`, which satisfies an import of `node`."""
        if item.of is Of.NODE:
            export, *inner = item.path or (None,)
            self.connections.append(
                Connection(node.name, name, item.origin, export, Reason.CHOSEN, tuple(map(str, inner)))
            )
        elif item.path or item.of is Of.DEFINITION:
            self.taken.append(Taken(node.name, name, item))
        else:
            self.host.share(node, name, item.origin)
        return self.type_of(item)

    def type_of(self, item: Item) -> ExternType:
        """The type of something that is there."""
        match item.of:
            case Of.DEFINITION:
                return self._defined[item.origin]
            case Of.IMPORT:
                return at_path(self.host.stated[item.origin], item.path)
        return at_path(self.instances[item.origin], item.path)

    def _give_again(self, node: Node, name: str, extern: TypeBound, substitution: Substitution) -> ExternType:
        """What satisfies an import of `node` by a type that is defined, which imports of the host mention."""
        given = self.type_of(self._given[node.name, name])
        mismatch = check_extern(given, extern, substitution.fork())
        if mismatch is not None:
            raise ArgumentMismatch(node.name, name, mismatch)
        return self._restate(node, name, extern, substitution)

    def _fitting(self, wire: Wire, extern: ExternType, substitution: Substitution) -> str | None:
        """Which of the exports that are possible has the type. Raises: TypeMismatch, InvalidChoice."""
        mismatches: list[Mismatch] = []
        fitting: list[str | None] = []
        for i, export in enumerate(wire.exports):
            given = self._exported(wire.exporter, export)
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
        """The types that imports of `node` by plain name, left to the host, mention: they need names.

        A type that is given by a definition and mentioned in this way is imported again, with what it mentions.
        """
        found: set[Identity] = set()
        for name, extern in reversed(list(node.component.imports.items())):
            given_again = isinstance(extern, TypeBound) and extern.type in found and self._is_defined(node, name)
            if given_again or not (isinstance(extern, InstanceType) or self._is_satisfied(node, name)):
                found.update(mentioned(extern))
        return found

    def _is_defined(self, node: Node, name: str) -> bool:
        """Whether a type that is defined is given for an import of `node`."""
        item = self._given.get((node.name, name))
        return item is not None and item.of is Of.DEFINITION

    def _is_data_of_a_component(self, extern: TypeBound, substitution: Substitution) -> bool:
        """Whether a type import stands for a type made inside that is no resource."""
        target = substitution.identity(extern.type)
        return not isinstance(strip(target), Resource) and not self.host.provides(_used(target))

    def _restate(self, node: Node, name: str, extern: TypeBound, substitution: Substitution) -> ExternType:
        """What the result imports for a type that it has, which its other imports mention: the same, written out.

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

    def reexports(self, exported: Sequence[Exported]) -> list[tuple[str, str]]:
        """The interfaces made inside whose types the exports mention and that are not among them, owners first.

        Without them the result would not be valid, or could not be composed again (docs/composition.md, 6).
        """
        there = {(each.item.node, each.item.path) for each in exported}
        named = {extern.type for each in exported if isinstance(extern := self.type_of(each.item), TypeBound)}

        def missing(extern: ExternType) -> list[tuple[str, str]]:
            owners = (self._inside.get(identity) for identity in mentioned(extern) if identity not in named)
            return [
                (node, export)
                for node, export in filter(None, owners)
                if (node, (export,)) not in there and (node, ()) not in there
            ]

        try:
            owners = in_order(
                [owner for each in exported for owner in missing(self.type_of(each.item))],
                lambda owner: missing(self.instances[owner[0]].exports[owner[1]]),
            )
        except Circle as circle:
            raise CircularTypes([name for _, name in circle.path]) from circle
        taken = {uniqueness_key(each.name): each.item.origin for each in exported}
        for node, export in owners:
            other = taken.setdefault(uniqueness_key(export), node)
            if other != node:
                raise ExportConflict(export, (other, node))
        return owners

    def owner(self, identity: Identity) -> tuple[str, str] | None:
        """The node inside and its export that provide `identity`, if there is one."""
        return self._inside.get(identity)
