"""What is left to the host: imports of the result that stand for the same interface, merged.

The union of what is asked for, under the name with the highest version; each component gets it under the name that
it imports. Imports on one semver track that cannot be one are kept apart (docs/composition.md, 5).
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from wpkg.component.subtype import Mismatch, check_extern
from wpkg.component.types import ComponentType, FuncType, InstanceType, TypeBound
from wpkg.compose.errors import CircularTypes, UnmergeableImports, Unsupported
from wpkg.compose.graph import KeptApart, Residual
from wpkg.compose.mentions import mentioned, provided
from wpkg.compose.order import Circle, in_order
from wpkg.names.extern_name import higher_name, track_key, uniqueness_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wpkg.component.definitions import Attribute
    from wpkg.component.substitute import Substitution
    from wpkg.component.types import ExternType, Identity
    from wpkg.compose.graph import Node, StatedImport


class _Merged:
    """One import of the result, as it grows."""

    def __init__(self, name: str, extern: ExternType) -> None:
        self.name = name
        self.extern = extern
        self.attributes: Sequence[tuple[Attribute, str]] = ()
        self.importers: list[tuple[str, str]] = []
        self.kept_apart: KeptApart | None = None
        self.is_stated = False

    def has_name(self, name: str) -> bool:
        """Whether somebody imports it under `name`."""
        return any(known == name for _, known in self.importers) or (self.is_stated and self.name == name)

    def add(self, node: Node, name: str, extern: ExternType) -> None:
        """Let `node` import it too."""
        self.importers.append((node.name, name))
        self.extern = extern
        if higher_name(self.name, name) != self.name:
            self.name = name
            self.attributes = node.component.import_attributes.get(name, ())


class HostImports:
    """The imports of the result, collected component by component."""

    def __init__(self) -> None:
        self._on_track: dict[str, list[_Merged]] = defaultdict(list)
        self._of: dict[tuple[str, str], _Merged] = {}  # node and import -> import of the result
        self._provider: dict[Identity, _Merged] = {}
        self._stated: dict[str, _Merged] = {}
        self.stated: dict[str, ExternType] = {}  # what a document says, which nothing is added to

    def state(self, stated: StatedImport) -> None:
        """Import what a document says, whether or not a component does."""
        merged = _Merged(stated.name, stated.extern)
        merged.attributes = stated.attributes
        merged.is_stated = True
        self._stated[stated.name] = merged
        if stated.shared:
            self._on_track[_merge_key(stated.name, stated.extern)].append(merged)
        else:
            self.stated[stated.name] = stated.extern
        self._provide(merged)

    def share(self, node: Node, name: str, stated: str) -> None:
        """Let `node` have, as `name`, what a document says to import as `stated`."""
        self._stated[stated].importers.append((node.name, name))
        self._of[node.name, name] = self._stated[stated]

    def provides(self, identity: Identity) -> bool:
        """Whether the host is asked for `identity`."""
        return identity in self._provider

    def has(self, node: Node, name: str) -> bool:
        """Whether the host is asked for an import of `node`."""
        return (node.name, name) in self._of

    def importers(self, node: Node, name: str) -> Sequence[tuple[str, str]]:
        """Who shares the import that `node` calls `name`, in the order in which they came."""
        return self._of[node.name, name].importers

    def add(self, node: Node, name: str, extern: ExternType, substitution: Substitution) -> ExternType:
        """What the host gives for an import of `node`, bound in `substitution`.

        Raises: UnmergeableImports, Unsupported.
        """
        if not isinstance(extern, (InstanceType, FuncType, TypeBound)):
            what = "a component" if isinstance(extern, ComponentType) else "a core module"
            raise Unsupported(
                f"'{node.name}' imports '{name}', {what}; what can be connected or left to the host are "
                "instances, functions and types"
            )
        known = self._on_track[_merge_key(name, extern)]
        apart: KeptApart | None = None
        for merged in sorted(known, key=lambda merged: not merged.has_name(name)):
            trial = substitution.fork()
            trial.bind_extern(extern, merged.extern)
            united = _unite(merged.extern, extern, trial)
            if not isinstance(united, Mismatch):
                merged.add(node, name, united)
                substitution.adopt(trial)
                return self._note(node, name, merged)
            if merged.has_name(name):
                first = merged.importers[0][0] if merged.importers else "the document"
                raise UnmergeableImports(name, (first, node.name), united)
            apart = apart or KeptApart(merged.name, united)
        merged = _Merged(name, substitution.extern(extern))
        merged.attributes = node.component.import_attributes.get(name, ())
        merged.importers.append((node.name, name))
        merged.kept_apart = apart
        known.append(merged)
        substitution.bind_extern(extern, merged.extern)
        return self._note(node, name, merged)

    def _note(self, node: Node, name: str, merged: _Merged) -> ExternType:
        self._of[node.name, name] = merged
        self._provide(merged)
        return merged.extern

    def _provide(self, merged: _Merged) -> None:
        for _, identity in provided(merged.extern):
            self._provider.setdefault(identity, merged)

    def ordered(self, nodes: Sequence[Node]) -> list[Residual]:
        """The imports of the result: each after those whose types it uses, instances before the rest.

        Else what is stated comes first, and then it is the order of the nodes given and of their imports, as is
        what each consists of.

        Raises: CircularTypes.
        """
        imports = {(node.name, name): extern for node in nodes for name, extern in node.component.imports.items()}
        wanted = [*self._stated.values(), *(self._of[key] for key in imports if key in self._of)]
        wanted.sort(key=lambda merged: not isinstance(merged.extern, InstanceType))
        try:
            ordered = in_order(wanted, self._needs)
        except Circle as circle:
            raise CircularTypes([merged.name for merged in circle.path]) from circle
        rank = {key: i for i, key in enumerate(imports)}
        residuals = []
        for merged in ordered:
            importers = tuple(sorted(merged.importers, key=rank.__getitem__))
            extern = merged.extern
            if not merged.is_stated:
                extern = _in_order_of([imports[importer] for importer in importers], extern)
            residuals.append(Residual(merged.name, extern, merged.attributes, importers, merged.kept_apart))
        return residuals

    def _needs(self, merged: _Merged) -> list[_Merged]:
        owners = (self._provider.get(identity) for identity in mentioned(merged.extern))
        return [owner for owner in owners if owner is not None and owner is not merged]


def _unite(known: ExternType, wanted: ExternType, by: Substitution) -> ExternType | Mismatch:
    """The import that serves everyone so far and `wanted` too: what both have must be equal."""
    if not isinstance(known, InstanceType) or not isinstance(wanted, InstanceType):
        return check_extern(known, wanted, by) or known
    exports = dict(known.exports)
    keys = {uniqueness_key(name): name for name in exports}
    for name, extern in wanted.exports.items():
        if name in exports:
            mismatch = check_extern(exports[name], extern, by) or _narrower(exports[name], extern)
            if mismatch is not None:
                return mismatch.under(name)
        elif uniqueness_key(name) in keys:
            return Mismatch((), f"'{name}'", f"'{keys[uniqueness_key(name)]}', and one scope cannot have both")
        else:
            exports[name] = by.extern(extern)
    return InstanceType(exports)


def _in_order_of(wanted: Sequence[ExternType], united: ExternType) -> ExternType:
    """`united` with the exports that the first wants in front, then what the second adds, and so on.

    Whatever order they were united in. Types stay before their users, because they do so in each of `wanted`.
    """
    if not isinstance(united, InstanceType):
        return united
    names = dict.fromkeys(name for extern in wanted if isinstance(extern, InstanceType) for name in extern.exports)
    return InstanceType({name: united.exports[name] for name in names})


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
