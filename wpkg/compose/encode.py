"""The composition written: imports, components, instances, exports.

Layout: preamble · shared core modules · each component once, verbatim, the smallest first · imports of the result
with their types · types that a document defines, exported · instances and aliases, providers first · exports,
re-exports first · names. Sizes come first in
this format, and each component's is known, so the output is a list of pieces that can be streamed: none of the
components is held. What is big does not depend on the types, so it can be written before these have been read.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.component import write
from wpkg.component.definitions import Sort
from wpkg.component.describe import describe_extern
from wpkg.component.sections import COMPONENT_PREAMBLE, COMPONENT_SECTION, leb, section, section_header
from wpkg.component.types import ComponentType, FuncType, InstanceType, TypeBound
from wpkg.component.write import UnwritableType
from wpkg.component.write_types import ComponentScope, UnknownResource
from wpkg.compose.errors import SplitResources, TooLarge, Unsupported
from wpkg.compose.graph import Of
from wpkg.compose.items import at_path
from wpkg.compose.mentions import mentioned
from wpkg.compose.pieces import embedded, pieces_size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wpkg.component.types import ExternType, Identity
    from wpkg.compose.graph import Connection, Exported, Item, Node, PassedType, Plan, Residual, Taken
    from wpkg.compose.pieces import Piece
    from wpkg.compose.share import Sharing
    from wpkg.oci.digest import Digest

_INSTANCE_SECTION = 0x05
_ALIAS_SECTION = 0x06
_EXPORT_SECTION = 0x0B
_CUSTOM_SECTION = 0x00

# What validators take in one component (wasmparser 1.257, `limits.rs`).
MAX_COMPONENTS = 1000
MAX_INSTANCES = 1000
MAX_MODULES = 1000


class Layout(Struct, frozen=True):
    """The pieces of a composition, in order, and how long it is."""

    pieces: tuple[Piece, ...]
    size: int  # bytes


def encode(plan: Plan, sharing: Sharing | None = None) -> Layout:
    """The composition, in pieces; with `sharing`, identical core modules once. Raises: CompositionError."""
    pieces = _Encoder(plan, sharing).pieces()
    return Layout(tuple(pieces), pieces_size(pieces))


class _Encoder:
    def __init__(self, plan: Plan, sharing: Sharing | None) -> None:
        self._plan = plan
        self._sharing = sharing
        self._scope = ComponentScope()
        self._pieces: list[Piece] = [COMPONENT_PREAMBLE]
        self._components: dict[str, int] = {}  # node -> component index
        self._instances: dict[str, int] = {}  # node -> instance index
        self._imports: dict[str, tuple[Sort, int, ExternType]] = {}  # import of the result -> its index
        self._items: dict[tuple[int, str], int] = {}  # instance and export -> index of the alias
        self._closed = {Sort.CORE_MODULE: sharing.count if sharing is not None else 0, Sort.COMPONENT: 0}
        self._arguments: dict[tuple[str, str], tuple[Sort, int]] = {}  # node and import -> argument
        self._exported_types: set[Identity] = set()  # under a name of their own
        self._attributes = {node.name: node.component.export_attributes for node in plan.nodes}
        self._defined = {defined.name: defined.extern for defined in plan.defined}
        self._connections: Mapping[str, list[Connection]] = defaultdict(list)
        self._taken: Mapping[str, list[Taken]] = defaultdict(list)
        self._passed_types: Mapping[str, list[PassedType]] = defaultdict(list)
        for connection in plan.connections:
            self._connections[connection.importer].append(connection)
        for taken in plan.taken:
            self._taken[taken.importer].append(taken)
        for passed in plan.passed_types:
            self._passed_types[passed.importer].append(passed)

    def pieces(self) -> list[Piece]:
        if self._sharing is not None:
            self._pieces += self._sharing.hoisted
        self._embed_components()
        for residual in self._plan.residuals:
            self._import(residual)
        exports = self._plan.exported
        for exported in exports:
            if exported.item.of is Of.DEFINITION:
                self._export(exported)
        for node in self._plan.nodes:
            self._instantiate(node)
        for exported in exports:
            if exported.item.of is not Of.DEFINITION:
                self._export(exported)
        self._names()
        self._flush()
        self._check_limits()
        return self._pieces

    def _check_limits(self) -> None:
        modules = self._sharing.count if self._sharing is not None else 0
        for what, count, limit in (
            ("components", len(set(self._components.values())), MAX_COMPONENTS),
            ("instances", self._scope.instances, MAX_INSTANCES),
            ("core modules", modules, MAX_MODULES),
        ):
            if count > limit:
                raise TooLarge(what, count, limit)

    def _section(self, identifier: int, body: bytes) -> None:
        self._scope.sections.append(section(identifier, body))

    def _flush(self) -> None:
        """Move what the scope has written, with its aliases and types in place, to the output."""
        if self._scope.sections:
            self._pieces.append(b"".join(self._scope.sections))
            self._scope.sections.clear()

    def _import(self, residual: Residual) -> None:
        importer, local_name = residual.first_importer
        index = self._index_of_next(residual.extern)
        try:
            self._scope.import_extern(residual.name, residual.extern, residual.attributes)
        except UnknownResource as unknown:
            raise SplitResources(importer, local_name, unknown.resource.name, "a component inside") from unknown
        except UnwritableType as error:
            raise Unsupported(f"import '{local_name}' of '{importer}' has core modules in its type") from error
        sort = _sort_of(residual.extern)
        if isinstance(residual.extern, TypeBound):
            index = self._scope.type_index(residual.extern.type)
        self._imports[residual.name] = (sort, index, residual.extern)
        for node, name in residual.importers:
            self._arguments[node, name] = (sort, index)

    def _index_of_next(self, extern: ExternType) -> int:
        return self._scope.instances if isinstance(extern, InstanceType) else self._scope.funcs

    def _embed_components(self) -> None:
        indices: dict[Digest | str, int] = {}
        for node in sorted(self._plan.nodes, key=lambda node: node.size):
            if node.content not in indices:
                indices[node.content] = len(indices)
                rewritten = self._sharing.rewritten.get(node.name) if self._sharing is not None else None
                if rewritten:
                    self._pieces += [section_header(COMPONENT_SECTION, pieces_size(rewritten)), *rewritten]
                else:
                    self._pieces += embedded(node.name, node.size)
            self._components[node.name] = indices[node.content]
        self._closed[Sort.COMPONENT] = len(indices)

    def _instantiate(self, node: Node) -> None:
        satisfied = [(connection.name, connection.item) for connection in self._connections[node.name]]
        satisfied += [(taken.name, taken.item) for taken in self._taken[node.name]]
        for name, item in satisfied:
            sort, index, extern = self._find(item)
            if sort in self._closed:
                raise Unsupported(
                    f"import '{name}' of '{node.name}' is {describe_extern(extern)}, which is not passed on yet"
                )
            self._arguments[node.name, name] = (sort, index)
        for passed in self._passed_types[node.name]:
            if isinstance(passed.type, TypeBound):
                self._arguments[node.name, passed.name] = (Sort.TYPE, self._scope.type_index(passed.type.type))
        arguments = [(name, *self._arguments[node.name, name]) for name in node.component.imports]
        self._section(_INSTANCE_SECTION, b"\x01" + write.instantiate(self._components[node.name], arguments))
        self._instances[node.name] = self._scope.add_instance(InstanceType({}))

    def _find(self, item: Item) -> tuple[Sort, int, ExternType]:
        """Something in the composition, brought into this component's index spaces, and its type."""
        match item.of:
            case Of.DEFINITION:
                defined = self._defined[item.origin]
                return Sort.TYPE, self._scope.type_index(defined.type), defined
            case Of.IMPORT:
                sort, index, extern = self._imports[item.origin]
            case Of.NODE:
                sort, index = Sort.INSTANCE, self._instances[item.origin]
                extern = InstanceType(self._plan.instances[item.origin])
        for export in item.path:
            extern = at_path(extern, (export,))
            sort, index = self._alias(index, export, extern)
        return sort, index, extern

    def _alias(self, instance: int, export: str, extern: ExternType) -> tuple[Sort, int]:
        """What `instance` exports as `export`, with the type `extern`."""
        sort = _sort_of(extern)
        key = (instance, export)
        if key not in self._items:
            if sort in self._closed:
                self._items[key] = self._next_closed(sort)
            elif isinstance(extern, (InstanceType, FuncType)):
                self._items[key] = self._index_of_next(extern)
            self._section(_ALIAS_SECTION, b"\x01" + write.instance_alias(sort, *key))
            if isinstance(extern, TypeBound):
                self._items[key] = self._scope.add_type(extern.type)
            else:
                self._scope.introduce(extern)
        return sort, self._items[key]

    def _next_closed(self, sort: Sort) -> int:
        """The index of the next core module or component; those that are embedded come first."""
        self._closed[sort] += 1
        return self._closed[sort] - 1

    def _export(self, exported: Exported) -> None:
        export, item = exported.name, exported.item
        sort, index, extern = self._find(item)
        ascribed = None
        if item.of is not Of.DEFINITION and not self._exported_types.isdisjoint(mentioned(extern)):
            ascribed = self._scope.describe_anew(extern)
        own = item.node is not None and item.path == (export,)
        said = self._attributes[item.origin].get(export, ()) if own else ()
        written = write.export(export, sort, index, ascribed, said)
        self._section(_EXPORT_SECTION, b"\x01" + written)
        self._scope.introduce_export(extern)
        if sort in self._closed:
            self._next_closed(sort)
        if isinstance(extern, TypeBound):
            self._exported_types.add(extern.type)

    def _names(self) -> None:
        """The `component-name` custom section: what the components and their instances are called."""
        labels = {node.name: node.label for node in self._plan.nodes if node.label is not None}
        if not labels:
            return
        named = [node for node in reversed(self._plan.nodes) if node.name in labels]
        components = {self._components[node.name]: labels[node.name] for node in named}
        instances = {self._instances[node.name]: labels[node.name] for node in named}
        body = write.name("component-name")
        for sort, names in ((Sort.COMPONENT, components), (Sort.INSTANCE, instances)):
            entries = [leb(index) + write.name(text) for index, text in sorted(names.items())]
            body += section(0x01, sort.value + write.vector(entries))
        self._section(_CUSTOM_SECTION, body)


def _sort_of(extern: ExternType) -> Sort:
    if isinstance(extern, InstanceType):
        return Sort.INSTANCE
    if isinstance(extern, FuncType):
        return Sort.FUNC
    if isinstance(extern, TypeBound):
        return Sort.TYPE
    return Sort.COMPONENT if isinstance(extern, ComponentType) else Sort.CORE_MODULE
