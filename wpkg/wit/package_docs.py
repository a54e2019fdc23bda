"""Docs and gates of a WIT package that was compiled: the custom section `package-docs`.

The binary format has no place for them, so tools put them beside it: a version byte (0 or 1), then JSON in which
items are found by their names (wasm-tools, `crates/wit-parser/src/metadata.rs` at a7ef477). What the section says
of items that are not there is passed over.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from wpkg.errors import InvalidInput
from wpkg.names.version import Version
from wpkg.wit.syntax import (
    Document,
    ExternItem,
    FuncItem,
    FuncKind,
    Gate,
    IncludeItem,
    InlineInterface,
    Interface,
    ResourceFunc,
    ResourceItem,
    TypeItem,
    UseItem,
    UsePath,
    World,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wpkg.component.types import FuncType
    from wpkg.wit.syntax import Ident, InterfaceItem, PackageItem, WorldItem, WrittenType

SECTION_NAME = "package-docs"
_VERSIONS = (0, 1)
_Texts = dict[str, str]


class InvalidDocs(InvalidInput):
    """A section of docs that cannot be read."""


class _Stable(Struct):
    since: str
    deprecated: str | None = None


class _Unstable(Struct):
    feature: str
    deprecated: str | None = None


class _Stability(Struct):
    stable: _Stable | None = None
    unstable: _Unstable | None = None


class _Item(Struct):
    """Of a function or type; `items` are docs of fields, cases and labels."""

    docs: str | None = None
    stability: _Stability | str | None = None
    items: _Texts = {}


_Items = dict[str, _Item]
_Funcs = dict[str, _Item | str | None]


class _Interface(Struct):
    docs: str | None = None
    stability: _Stability | str | None = None
    funcs: _Funcs = {}
    types: _Items = {}


_Interfaces = dict[str, _Interface]
_Stabilities = dict[str, _Stability | str]


class _World(Struct):
    """`interfaces` and `funcs` are of imports, and of exports whose names no import has."""

    docs: str | None = None
    stability: _Stability | str | None = None
    interfaces: _Interfaces = {}
    types: _Items = {}
    funcs: _Funcs = {}
    interface_exports: _Interfaces = {}
    func_exports: _Funcs = {}
    interface_import_stability: _Stabilities = {}
    interface_export_stability: _Stabilities = {}
    interface_import_docs: _Texts = {}
    interface_export_docs: _Texts = {}


class PackageDocs(Struct):
    """What the section says of the one package."""

    docs: str | None = None
    worlds: dict[str, _World] = {}
    interfaces: _Interfaces = {}


def read_package_docs(section: bytes) -> PackageDocs:
    """What the body of the section says. Raises: InvalidDocs."""
    if not section or section[0] not in _VERSIONS:
        raise InvalidDocs(f"the docs in section '{SECTION_NAME}' are of an unknown version")
    try:
        return msgspec.json.decode(section[1:], type=PackageDocs)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InvalidDocs(f"the docs in section '{SECTION_NAME}' cannot be read: {error}") from error


def with_docs(document: Document, docs: PackageDocs) -> Document:
    """The document with what `docs` says of its main package. Raises: InvalidVersion."""
    items = tuple(_package_item(document, item, docs) for item in document.items)
    said = (*document.docs, *_text(docs.docs))
    return Document(document.source, document.id, items, document.nested, said)


def _package_item(document: Document, item: PackageItem, docs: PackageDocs) -> PackageItem:
    if isinstance(item, Interface):
        interface = docs.interfaces.get(item.name.name)
        if interface is not None:
            gate = _gated(item.gate, interface.stability)
            return Interface(item.name, _interface_items(item.items, interface), gate, _text(interface.docs))
    elif isinstance(item, World):
        world = docs.worlds.get(item.name.name)
        if world is not None:
            items = tuple(_world_items(document, item, world))
            return World(item.name, items, _gated(item.gate, world.stability), _text(world.docs))
    return item


def _world_items(document: Document, world: World, said: _World) -> Iterator[WorldItem]:
    imported = {i.label.name for i in world.items if isinstance(i, ExternItem) and i.is_import and i.label}
    for item in world.items:
        if isinstance(item, ExternItem):
            yield _extern(document, item, said, imported)
        elif isinstance(item, IncludeItem):
            yield item
        else:
            yield from _type_items(item, said.types, said.funcs)


def _extern(document: Document, item: ExternItem, said: _World, imported: set[str]) -> ExternItem:
    what = item.what
    name = item.label.name if item.label is not None else ""
    shared = item.is_import or name not in imported  # whether the maps for both are about this one
    if isinstance(what, UsePath):
        package = what.package or document.id
        key = name or (package.extern_name(what.name.name) if package is not None else "")
        docs = said.interface_import_docs if item.is_import else said.interface_export_docs
        gates = said.interface_import_stability if item.is_import else said.interface_export_stability
        return _documented(item, what, docs.get(key), gates.get(key))
    if isinstance(what, InlineInterface):
        interface = None if item.is_import else said.interface_exports.get(name)
        interface = interface or (said.interfaces.get(name) if shared else None) or _Interface()
        inside = InlineInterface(_interface_items(what.items, interface))
        return _documented(item, inside, interface.docs, interface.stability)
    func = None if item.is_import else said.func_exports.get(name)
    func = _item(func or (said.funcs.get(name) if shared else None))
    return _documented(item, what, func.docs, func.stability)


def _documented(
    item: ExternItem,
    what: FuncType[WrittenType] | InlineInterface | UsePath,
    docs: str | None,
    stability: _Stability | str | None,
) -> ExternItem:
    return ExternItem(item.is_import, item.label, what, _gated(item.gate, stability), _text(docs), item.span)


def _interface_items(items: Iterable[InterfaceItem], said: _Interface) -> tuple[InterfaceItem, ...]:
    made: list[InterfaceItem] = []
    for item in items:
        if isinstance(item, FuncItem):
            func = _item(said.funcs.get(item.name.name))
            made.append(FuncItem(item.name, item.type, _gated(item.gate, func.stability), _text(func.docs)))
        else:
            made += _type_items(item, said.types, said.funcs)
    return tuple(made)


def _type_items(
    item: UseItem | TypeItem | ResourceItem, types: _Items, funcs: _Funcs
) -> Iterator[UseItem | TypeItem | ResourceItem]:
    if isinstance(item, UseItem):
        yield from _split_use(item, types)
        return
    said = types.get(item.name.name) or _Item()
    gate, docs = _gated(item.gate, said.stability), _text(said.docs)
    if isinstance(item, TypeItem):
        members = {name: _text(text) for name, text in said.items.items()}
        yield TypeItem(item.name, item.definition, gate, docs, members)
    else:
        functions = tuple(_resource_func(item.name.name, func, funcs) for func in item.functions)
        yield ResourceItem(item.name, functions, gate, docs)


def _split_use(item: UseItem, types: _Items) -> Iterator[UseItem]:
    """One statement for each run of names with the same gate."""

    def gate(names: tuple[Ident, Ident]) -> Gate:
        said = types.get(names[1].name)
        return _gated(item.gate, said.stability if said is not None else None)

    for common, names in groupby(item.names, gate):
        yield UseItem(item.path, tuple(names), common)


def _resource_func(resource: str, func: ResourceFunc, funcs: _Funcs) -> ResourceFunc:
    member = "" if func.kind is FuncKind.CONSTRUCTOR else f".{func.name.name}"
    said = _item(funcs.get(f"[{func.kind.value}]{resource}{member}"))
    return ResourceFunc(func.kind, func.name, func.type, _gated(func.gate, said.stability), _text(said.docs))


def _item(said: _Item | str | None) -> _Item:
    """What is said of a function: only its docs, in the first version of the format."""
    return said if isinstance(said, _Item) else _Item(said)


def _text(docs: str | None) -> tuple[str, ...]:
    return () if docs is None else (docs,)


def _gated(gate: Gate, stability: _Stability | str | None) -> Gate:
    """`gate` with what is said of stability; the text is 'unknown'."""
    if not isinstance(stability, _Stability):
        return gate
    stable, unstable = stability.stable, stability.unstable
    deprecated = (stable or unstable or _Unstable("")).deprecated
    return Gate(
        None if stable is None else Version.parse(stable.since),
        None if unstable is None else unstable.feature,
        None if deprecated is None else Version.parse(deprecated),
        gate.external_id,
    )
