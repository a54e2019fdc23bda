"""From packages as given to packages that know each other (WIT.md, "Name resolution").

Interfaces are made first, each after those whose types it uses; then worlds, each after those that it includes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.component.definitions import Attribute
from wpkg.component.errors import MalformedComponent
from wpkg.component.types import FuncType, InstanceType
from wpkg.wit.binary import BinaryPackage, Occurrence, link_interface, link_world, package_of
from wpkg.wit.errors import DuplicateName, InvalidGate, InvalidWit, RecursiveWit, Source
from wpkg.wit.gates import Gates
from wpkg.wit.names import Directory, aliased_packages, packages_of
from wpkg.wit.order import Circle, needed_first
from wpkg.wit.packages import WitInterface, WitPackages, WitWorld
from wpkg.wit.parser import parse_document
from wpkg.wit.scope import Scope, TypeFacts
from wpkg.wit.syntax import (
    ExternItem,
    IncludeItem,
    InlineInterface,
    Interface,
    ResourceItem,
    TypeItem,
    UseItem,
    UsePath,
    World,
)
from wpkg.wit.tokens import duplicate
from wpkg.wit.world_builder import WorldBuilder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from wpkg.component.types import ExternType
    from wpkg.wit.errors import Span
    from wpkg.wit.names import Entry, File, TextPackage
    from wpkg.wit.syntax import Document, Ident, InterfaceItem

PackageFiles = tuple["Source | Document", ...]
"""The texts of one folder, or of one file; what was parsed already is not parsed again."""


def resolve_packages(
    root: PackageFiles | BinaryPackage,
    dependencies: Sequence[PackageFiles | BinaryPackage] = (),
    features: frozenset[str] = frozenset(),
) -> WitPackages:
    """The packages given, each looked up in the others. Raises: InvalidWit."""
    texts: list[TextPackage] = []
    binaries: list[BinaryPackage] = []
    for given in (root, *dependencies):
        if isinstance(given, BinaryPackage):
            binaries.append(given)
        else:
            texts += packages_of([parse_document(g) if isinstance(g, Source) else g for g in given])
    name = root.name if isinstance(root, BinaryPackage) else str(texts[0].id)
    try:
        interfaces, worlds = _Resolver(texts, binaries, features).resolve()
    except MalformedComponent as error:  # of a substitution that goes through too much, see Work
        raise InvalidWit(error.message.removeprefix("malformed component: "), None) from error
    return WitPackages(name, interfaces, worlds)


class _Resolver:
    def __init__(
        self, texts: Sequence[TextPackage], binaries: Sequence[BinaryPackage], features: frozenset[str]
    ) -> None:
        self._texts = texts
        self._features = features
        self._occurrences = _occurrences(binaries, {str(text.id) for text in texts})
        self._binary_worlds = {name: (world, b.file) for b in binaries for name, world in b.worlds.items()}
        kinds = dict.fromkeys(self._occurrences, False) | dict.fromkeys(self._binary_worlds, True)
        self._directory = Directory(texts, kinds)
        self._facts = TypeFacts()
        self._interfaces: dict[str, WitInterface] = {}
        self._worlds: dict[str, WitWorld] = {}

    def resolve(self) -> tuple[Mapping[str, WitInterface], Mapping[str, WitWorld]]:
        """Everything. Raises: InvalidWit."""
        for text in self._texts:
            self._directory.check_aliases(text)
        self._check_packages()
        entries = self._directory.entries
        admitted = [(name, entry.node) for name, entry in entries.items() if self._admits(entry)]
        self._check_withheld(entries.values())
        starts = [name for name, node in admitted if isinstance(node, Interface)]
        for name in self._ordered("interface", (*starts, *self._occurrences), self._interface_needs):
            self._interfaces[name] = (
                self._interface(name, entries[name])
                if name in entries
                else link_interface(name, self._occurrences[name], self._interfaces)
            )
        for name, (world, file) in self._binary_worlds.items():
            self._worlds[name] = link_world(name, world, file, self._interfaces)
        starts = [name for name, node in admitted if isinstance(node, World)]
        for name in self._ordered("world", starts, self._world_needs):
            if name in entries:
                self._world(name, entries[name])
        return self._interfaces, self._worlds

    # --- order -------------------------------------------------------------------------------------

    def _ordered(self, what: str, starts: Iterable[str], needs: Callable[[str], Iterable[str]]) -> Iterator[str]:
        try:
            yield from list(needed_first(starts, needs))
        except Circle as circle:
            entry = self._directory.entries.get(circle.path[0])
            raise RecursiveWit(
                f"{what} '{circle.path[0]}' needs itself: {circle}", entry.node.name.span if entry else None
            ) from None

    def _interface_needs(self, name: str) -> Iterator[str]:
        entry = self._directory.entries.get(name)
        if entry is None:
            for occurrence in self._occurrences[name]:
                yield from occurrence.uses
        elif isinstance(entry.node, Interface):
            for item in entry.node.items:
                if isinstance(item, UseItem) and self._gates(entry.file).admit(item.gate, item.path.span):
                    yield self._found(entry.file, item.path)

    def _world_needs(self, name: str) -> Iterator[str]:
        entry = self._directory.entries.get(name)
        if entry is not None and isinstance(entry.node, World):
            for item in entry.node.items:
                if isinstance(item, IncludeItem) and self._gates(entry.file).admit(item.gate, item.path.span):
                    yield self._found(entry.file, item.path, world=True)

    def _check_packages(self) -> None:
        """No package needs itself, not even through other names in it (as wasm-tools has it)."""
        needs: dict[str, dict[str, Span]] = {}
        for text in self._texts:
            own = needs[str(text.id)] = {}
            for package in aliased_packages(text):
                own.setdefault(str(package), package.span)
            for file, path, is_world in _paths(text):
                if path.package is None:  # what gates leave out is looked up too
                    self._directory.find(file, path, world=is_world)
                else:
                    self._directory.check_package(path.package)
                    own.setdefault(str(path.package), path.package.span)
        try:
            list(needed_first(needs, lambda name: needs.get(name, {})))
        except Circle as circle:
            span = needs[circle.path[0]][circle.path[1]]
            raise RecursiveWit(f"package '{circle.path[0]}' needs itself: {circle}", span) from None

    # --- interfaces --------------------------------------------------------------------------------

    def _gates(self, file: File) -> Gates:
        return Gates(file.package, self._features)

    def _admits(self, entry: Entry) -> bool:
        return self._gates(entry.file).admit(entry.node.gate, entry.node.name.span)

    def _found(self, file: File, path: UsePath, *, world: bool = False) -> str:
        """The whole name of what `path` means, which gates do not withhold."""
        name = self._directory.find(file, path, world=world)
        entry = self._directory.entries.get(name)
        if entry is not None and not self._admits(entry):
            raise InvalidGate(f"'{path.name.name}' is @unstable, and its feature is not on", path.name.span)
        return name

    def _check_withheld(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            if not self._admits(entry):
                types = [item for item in entry.node.items if isinstance(item, (TypeItem, ResourceItem))]
                members = [(item.gate, item.name) for item in types]
                self._gates(entry.file).check_withheld(members, entry.node.name)

    def _interface(self, name: str, entry: Entry) -> WitInterface:
        assert isinstance(entry.node, Interface)  # noqa: S101 - what _interface_needs starts with
        return self._made_interface(name, f"interface '{entry.node.name.name}'", entry.node.items, entry.file)

    def _made_interface(self, name: str, what: str, items: tuple[InterfaceItem, ...], file: File) -> WitInterface:
        uses: dict[str, None] = {}

        def exports_of(path: UsePath) -> tuple[str, Mapping[str, ExternType], frozenset[str]]:
            used = self._interfaces[self._found(file, path)]
            uses[used.name] = None
            return used.name, used.type.exports, used.withheld

        scope = Scope(what, self._gates(file), self._facts, exports_of)
        scope.add(items)
        created = tuple([bound.type for bound in scope.types.values()])
        exports: dict[str, ExternType] = {**scope.types, **scope.funcs}
        return WitInterface(name, InstanceType(exports, created), tuple(uses), frozenset(scope.withheld))

    # --- worlds ------------------------------------------------------------------------------------

    def _world(self, name: str, entry: Entry) -> None:
        assert isinstance(entry.node, World)  # noqa: S101 - what _world_needs starts with
        builder = WorldBuilder(name, self._interfaces)
        gates = self._gates(entry.file)

        def exports_of(path: UsePath) -> tuple[str, Mapping[str, ExternType], frozenset[str]]:
            used = self._interfaces[self._found(entry.file, path)]
            return used.name, builder.import_interface(used.name).exports, used.withheld

        scope = Scope(f"world '{entry.node.name.name}'", gates, self._facts, exports_of)
        items = entry.node.items
        scope.add([item for item in items if isinstance(item, (TypeItem, ResourceItem, UseItem))])
        for bound_name, bound in scope.types.items():
            builder.import_extern(bound_name, bound)
        for func_name, func in scope.funcs.items():
            builder.import_extern(func_name, func)
        exported: dict[str, Ident] = {}
        imported: dict[str, Span] = {}
        for item in items:
            if isinstance(item, ExternItem) and gates.admit(item.gate, item.span):
                if item.label is None:
                    self._add_named(item, builder, entry.file, imported)
                elif item.is_import:
                    scope.take(item.label)
                    self._add_labelled(item, item.label, builder, scope, entry.file)
                else:
                    other = exported.setdefault(item.label.name.lower(), item.label)
                    if other is not item.label:
                        raise duplicate("export", item.label, other.span)
                    self._add_labelled(item, item.label, builder, scope, entry.file)
        for item in items:
            if isinstance(item, IncludeItem) and gates.admit(item.gate, item.path.span):
                included = self._worlds[self._found(entry.file, item.path, world=True)]
                renames = {old.name: new.name for old, new in item.renames}
                builder.include(included, renames, item.path.span)
        self._worlds[name] = builder.build()

    def _add_named(self, item: ExternItem, builder: WorldBuilder, file: File, imported: dict[str, Span]) -> None:
        """`import path;` and `export path;`."""
        assert isinstance(item.what, UsePath)  # noqa: S101 - only a path has no label
        name = self._found(file, item.what)
        if item.is_import:
            if name in imported:
                raise duplicate("import", item.what.name, imported[name])
            imported[name] = item.span
            builder.import_interface(name)
            builder.note(name, _external_id(item))
        else:
            if builder.is_exported(name):
                raise duplicate("export", item.what.name, None)
            builder.export(name, self._interfaces[name], item.span, _external_id(item))

    def _add_labelled(
        self, item: ExternItem, label: Ident, builder: WorldBuilder, scope: Scope, file: File
    ) -> None:
        """An import or export under a plain name."""
        attributes = _external_id(item)
        if isinstance(item.what, FuncType):
            func = scope.func(item.what, label.span)
            if item.is_import:
                builder.import_extern(label.name, func, attributes)
            else:
                builder.export(label.name, func, label.span, attributes)
            return
        if isinstance(item.what, InlineInterface):
            interface = self._made_interface(label.name, f"interface '{label.name}'", item.what.items, file)
        else:
            interface = self._interfaces[self._found(file, item.what)]
            attributes = ((Attribute.IMPLEMENTS, interface.name), *attributes)
        if item.is_import:
            builder.import_label(label.name, interface, attributes)
        else:
            builder.export(label.name, interface, label.span, attributes)


def _external_id(item: ExternItem) -> tuple[tuple[Attribute, str], ...]:
    return () if item.gate.external_id is None else ((Attribute.EXTERNAL_ID, item.gate.external_id),)


def _occurrences(binaries: Sequence[BinaryPackage], texts: set[str]) -> dict[str, tuple[Occurrence, ...]]:
    """What binary packages show of each interface: the interface itself where it is theirs, else all parts."""
    for i, binary in enumerate(binaries):
        if binary.name in {other.name for other in binaries[:i]}:
            raise DuplicateName(f"package '{binary.name}' is defined twice, in {binary.file} too", None)
    own = {name: (occurrence,) for b in binaries for name, occurrence in b.interfaces.items()}
    given = texts | {b.name for b in binaries}
    parts: dict[str, tuple[Occurrence, ...]] = {}
    for binary in binaries:
        for name, occurrences in binary.foreign.items():
            if package_of(name) not in given:
                parts[name] = (*parts.get(name, ()), *occurrences)
    return own | parts


def _paths(text: TextPackage) -> Iterator[tuple[File, UsePath, bool]]:
    """Every path by which the items of a package refer to something: where, and whether to a world."""
    for entry in text.entries.values():
        for item in entry.node.items:
            if isinstance(item, (UseItem, IncludeItem)):
                yield entry.file, item.path, isinstance(item, IncludeItem)
            elif isinstance(item, ExternItem):
                if isinstance(item.what, UsePath):
                    yield entry.file, item.what, False
                elif isinstance(item.what, InlineInterface):
                    inner = [use.path for use in item.what.items if isinstance(use, UseItem)]
                    yield from ((entry.file, path, False) for path in inner)
