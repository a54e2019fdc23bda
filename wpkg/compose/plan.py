"""The plan: instances made in thought, so that everything which could fail fails before a byte is written.

Nodes are taken providers first. For each, its imports are bound one by one: to an export of an instance that
exists by now, or to an import of the result. Imports of the result that stand for the same interface are merged
on the way: the union of what is asked for, under the highest version's name (docs/composition.md, 5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.component.instantiate import Unsatisfied, instantiate
from wpkg.component.substitute import Substitution
from wpkg.component.subtype import Mismatch, check_extern
from wpkg.component.types import Alias, ExternType, FuncType, Identity, InstanceType, Resource, TypeBound, strip
from wpkg.compose.errors import SplitResources, TypeMismatch, UnmergeableImports, Unsupported
from wpkg.compose.graph import Connection, Node, PassedType, Plan, Residual
from wpkg.compose.match import choose_root, connect, instantiation_order
from wpkg.compose.mentions import mentioned, provided
from wpkg.names.extern_name import higher_name, track_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wpkg.component.definitions import Attribute


def make_plan(
    nodes: Sequence[Node],
    root: str | None = None,
    choices: Mapping[tuple[str | None, str], str] | None = None,
) -> Plan:
    """How `nodes` fit together; in which order they are given decides only which error is met first.

    `choices` are explicit: (importing node or None for all, import name) -> exporting node.

    Raises: CompositionError, one class per reason.
    """
    root = choose_root(nodes, root)
    connections = connect(nodes, root, choices or {})
    # From here on the order in which the nodes were given has no say: the same inputs give the same bytes.
    ordered = sorted(nodes, key=lambda node: (node.name != root, str(node.digest), node.name))
    order = instantiation_order(ordered, root, connections)
    taking_part = {node.name for node in order}
    linker = _Linker([c for c in connections if c.importer in taking_part])
    for node in order:
        linker.add(node)
    return Plan(
        nodes=tuple(order),
        root=root,
        connections=tuple(linker.connections),
        residuals=tuple(linker.ordered_residuals(ordered)),
        passed_types=tuple(linker.passed_types),
        instances={name: instance.exports for name, instance in linker.instances.items()},
        reexports=tuple(linker.reexports(root)),
        unused=tuple(node.name for node in nodes if node.name not in taking_part),
    )


class _Merged:
    """One import of the result, as it grows."""

    def __init__(self, node: Node, name: str, extern: ExternType) -> None:
        self.name = name
        self.extern = extern
        self.attributes: Sequence[tuple[Attribute, str]] = node.component.attributes.get(name, ())
        self.importers: list[tuple[str, str]] = [(node.name, name)]


class _Linker:
    def __init__(self, connections: list[Connection]) -> None:
        self.connections = connections
        self.instances: dict[str, InstanceType] = {}
        self.passed_types: list[PassedType] = []
        self._satisfied = {(c.importer, c.name): c for c in connections}
        self._merged: dict[str, _Merged] = {}
        self._inside: dict[Identity, tuple[str, str]] = {}  # identity -> node and export that provide it
        self._outside: dict[Identity, str] = {}  # identity -> key of the import that provides it

    def add(self, node: Node) -> None:
        """Bind the imports of `node` and make its instance."""
        substitution = Substitution()
        arguments: dict[str, ExternType] = {}
        for name, extern in node.component.type.imports.items():
            connection = self._satisfied.get((node.name, name))
            if connection is not None:
                arguments[name] = self.instances[connection.exporter].exports[connection.export]
                substitution.bind_extern(extern, arguments[name])
            elif isinstance(extern, TypeBound) and self._is_named(extern, substitution):
                arguments[name] = self._pass_type(node, name, extern, substitution)
            else:
                arguments[name] = self._leave_to_host(node, name, extern, substitution)
        made = instantiate(node.component.type, arguments)
        if isinstance(made, Unsatisfied):
            raise self._mismatch(node, made)
        self.instances[node.name] = made.instance
        for export, extern in made.instance.exports.items():
            for _, identity in provided(extern):
                if identity not in self._outside:
                    self._inside.setdefault(identity, (node.name, export))

    def _mismatch(self, node: Node, made: Unsatisfied) -> Exception:
        connection = self._satisfied.get((node.name, made.name))
        if connection is not None:
            return TypeMismatch(node.name, made.name, connection.exporter, connection.export, made.mismatch)
        importers = self._merged[_merge_key(made.name, node.component.type.imports[made.name])].importers
        return UnmergeableImports(made.name, (importers[0][0], node.name), made.mismatch)

    # --- types of the world ------------------------------------------------------------------------

    def _is_named(self, extern: TypeBound, substitution: Substitution) -> bool:
        """Whether a type import stands for a type that an instance in sight already provides."""
        if not isinstance(extern.type, Alias) or not isinstance(extern.type.target, (Alias, Resource)):
            return False
        target = substitution.identity(extern.type.target)
        return target in self._inside or target in self._outside

    def _pass_type(self, node: Node, name: str, extern: TypeBound, substitution: Substitution) -> ExternType:
        target = substitution.identity(extern.type)
        if isinstance(target, Alias) and isinstance(target.target, (Alias, Resource)):
            target = target.target
        argument = TypeBound(target)
        substitution.bind_extern(extern, argument)
        self.passed_types.append(PassedType(node.name, name, argument))
        return argument

    # --- imports of the result ---------------------------------------------------------------------

    def _leave_to_host(self, node: Node, name: str, extern: ExternType, substitution: Substitution) -> ExternType:
        if not isinstance(extern, (InstanceType, FuncType, TypeBound)):
            raise Unsupported(
                f"'{node.name}' imports '{name}', a core module or component, and nothing can provide it"
            )
        key = _merge_key(name, extern)
        merged = self._merged.get(key)
        if merged is None:
            merged = self._merged[key] = _Merged(node, name, substitution.extern(extern))
            substitution.bind_extern(extern, merged.extern)
        else:
            merged.importers.append((node.name, name))
            merged.name = higher_name(merged.name, name)
            substitution.bind_extern(extern, merged.extern)
            merged.extern = self._unite(merged, node, extern, substitution)
        self._check_family(node, name, merged.extern)
        for _, identity in provided(merged.extern):
            self._outside.setdefault(identity, key)
        return merged.extern

    def _unite(self, merged: _Merged, node: Node, extern: ExternType, by: Substitution) -> ExternType:
        """The import that serves everyone so far and `node` too: what both have must be equal."""
        known = merged.extern
        if not isinstance(known, InstanceType) or not isinstance(extern, InstanceType):
            mismatch = check_extern(known, extern, by)
            if mismatch is not None:
                raise UnmergeableImports(merged.name, (merged.importers[0][0], node.name), mismatch)
            return known
        exports = dict(known.exports)
        for name, wanted in extern.exports.items():
            if name not in exports:
                exports[name] = by.extern(wanted)
                continue
            mismatch = check_extern(exports[name], wanted, by) or _narrower(exports[name], wanted)
            if mismatch is not None:
                raise UnmergeableImports(merged.name, (merged.importers[0][0], node.name), mismatch.under(name))
        return InstanceType(exports)

    def _check_family(self, node: Node, name: str, extern: ExternType) -> None:
        """Refuse an import of the host that speaks of a resource made inside (docs/composition.md, 7)."""
        for identity in mentioned(extern):
            if identity in self._inside and isinstance(strip(identity), Resource):
                provider, _ = self._inside[identity]
                raise SplitResources(node.name, name, identity.name, provider)

    def ordered_residuals(self, nodes: Sequence[Node]) -> Iterator[Residual]:
        """The imports of the result: each after those whose types it uses, instances before the rest.

        Else in the order of the nodes given and of their imports.
        """
        wanted = [
            key
            for node in nodes
            for name, extern in node.component.type.imports.items()
            if (key := _merge_key(name, extern)) in self._merged
        ]
        done: set[str] = set()
        for key in self._by_use(wanted):
            if key not in done:
                done.add(key)
                merged = self._merged[key]
                yield Residual(merged.name, merged.extern, merged.attributes, tuple(merged.importers))

    def _by_use(self, keys: Sequence[str]) -> Iterator[str]:
        instances = [key for key in keys if isinstance(self._merged[key].extern, InstanceType)]
        others = [key for key in keys if key not in instances]
        started: set[str] = set()

        def visit(key: str) -> Iterator[str]:
            if key not in started:
                started.add(key)
                for identity in mentioned(self._merged[key].extern):
                    if (owner := self._outside.get(identity)) is not None:
                        yield from visit(owner)
                yield key

        for key in (*instances, *others):
            yield from visit(key)

    # --- exports of the result ---------------------------------------------------------------------

    def reexports(self, root: str) -> Iterator[tuple[str, str]]:
        """The interfaces made inside whose types the root's exports mention, owners before users.

        Without them the result would not be valid, or could not be composed again (docs/composition.md, 6).
        """
        exports = self.instances[root].exports
        done: set[tuple[str, str]] = {(root, name) for name in exports}

        def visit(extern: ExternType) -> Iterator[tuple[str, str]]:
            for identity in mentioned(extern):
                owner = self._inside.get(identity)
                if owner is None or owner in done:
                    continue
                done.add(owner)
                node, export = owner
                if export in exports:
                    raise Unsupported(
                        f"'{root}' exports '{export}' itself and also uses the one of '{node}'; "
                        "the composition cannot have two exports of one name"
                    )
                yield from visit(self.instances[node].exports[export])
                yield owner

        for extern in exports.values():
            yield from visit(extern)


def _narrower(known: ExternType, wanted: ExternType) -> Mismatch | None:
    """A reason why an export of `known` cannot stand for `wanted` in both directions: nested instances differ."""
    if isinstance(known, InstanceType) and isinstance(wanted, InstanceType):
        extra = set(known.exports) ^ set(wanted.exports)
        if extra:
            return Mismatch((min(extra),), "the same exports", "others")
    return None


def _merge_key(name: str, extern: ExternType) -> str:
    """What imports must share to be one import of the result: instances their track, others their name."""
    return track_key(name) if isinstance(extern, InstanceType) else name
