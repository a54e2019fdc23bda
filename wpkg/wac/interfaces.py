"""The types that a document states: evaluated as a world whose imports are those of the document.

What it defines is a type each: of a function or value as it stands, an interface or world as in a WIT package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.component.types import Alias, FuncType, InstanceType, TypeBound
from wpkg.compose.graph import Defined, StatedImport
from wpkg.compose.mentions import mentioned
from wpkg.names.extern_name import parse_extern_name
from wpkg.wac.syntax import Export, FuncAlias, Import, Let
from wpkg.wac.versions import name_versions
from wpkg.wit.errors import DuplicateName
from wpkg.wit.resolve import resolve_packages
from wpkg.wit.syntax import (
    UNGATED,
    Document,
    ExternItem,
    Ident,
    IncludeItem,
    Interface,
    TypeItem,
    UsePath,
    World,
)
from wpkg.wit.wrapper import wrap_interface, wrap_world

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from wpkg.component.types import ExternType, Identity
    from wpkg.wac.syntax import Document as WacDocument
    from wpkg.wit.binary import BinaryPackage
    from wpkg.wit.packages import WitPackages, WitWorld
    from wpkg.wit.resolve import PackageFiles
    from wpkg.wit.syntax import WorldItem

_WORLD = "this document"


class Stated(Struct, frozen=True):
    """The imports of a document: `local` what its names stand for, `imports` all, with those that types need.

    `interfaces` are, by local names, the whole names of those that are imported. `defined` are in the order
    of the text.
    """

    local: Mapping[str, StatedImport]
    interfaces: Mapping[str, str]
    imports: tuple[StatedImport, ...]
    defined: tuple[Defined, ...]
    target: WitWorld | None


def state_imports(document: WacDocument, packages: Sequence[PackageFiles | BinaryPackage]) -> Stated:
    """What `document` imports and defines, by the WIT packages that it names. Raises: InvalidWit."""
    imports = [statement for statement in document.statements if isinstance(statement, Import)]
    has_types = any(isinstance(s, (Interface, World, TypeItem, FuncAlias)) for s in document.statements)
    if not imports and not has_types and document.targets is None:
        return Stated({}, {}, (), (), None)
    as_written = {statement.name: _import_name(statement) for statement in imports}
    document, packages = name_versions(document, packages)
    imports = [statement for statement in document.statements if isinstance(statement, Import)]
    resolved = resolve_packages((_as_wit(document),), packages)
    world = resolved.worlds[document.package.extern_name(_WORLD)]
    target = None
    if document.targets is not None:
        path = document.targets
        assert path.package is not None  # noqa: S101 - the parser sees to it
        target = resolved.world(path.package.extern_name(path.name.name))
    names: dict[str, str] = {}  # import of the world -> import of the composition
    local: dict[str, StatedImport] = {}
    interfaces: dict[str, str] = {}
    taken: dict[str, Import] = {}
    types = _type_names(document)
    for statement in imports:
        name = as_written[statement.name]
        other = taken.setdefault(name, statement)
        if other is not statement:
            line, _ = document.source.position(other.span.start)
            span = statement.other.span if statement.other is not None else statement.name.span
            raise DuplicateName(f"import '{name}' is there already, in line {line}", span)
        key = _key(statement, types)
        names.setdefault(key, name)
        attributes = world.attributes.get(key, ()) if parse_extern_name(name) is None else ()
        local[statement.name.name] = StatedImport(name, world.type.imports[key], attributes=attributes)
        if isinstance(statement.type, UsePath) and key not in types:
            package = statement.type.package or document.package
            interfaces[statement.name.name] = package.extern_name(statement.type.name.name)
    by_name = {found.name: found for found in local.values()}
    again = [found for name, found in by_name.items() if name not in names.values()]
    stated = [
        by_name[names[key]] if key in names else StatedImport(key, extern, shared=True)
        for key, extern in _needed(world.type.imports, names).items()
    ]
    return Stated(local, interfaces, (*stated, *again), _defined(document, resolved), target)


def _as_wit(document: WacDocument) -> Document:
    """The document's own interfaces and worlds, and a world with its imports and types."""
    items: list[WorldItem] = []
    own: list[Interface | World] = []
    types = _type_names(document)
    for statement in document.statements:
        if isinstance(statement, FuncAlias):
            items.append(ExternItem(True, statement.name, statement.type, UNGATED, (), statement.name.span))
        elif isinstance(statement, Import):
            if _type_of(statement, types) is not None:
                continue
            label = None if _is_path(statement) else statement.name
            what = statement.type
            if isinstance(what, UsePath):
                what = _in_document(document, what)
            items.append(ExternItem(True, label, what, UNGATED, (), statement.span))
        elif isinstance(statement, TypeItem):
            items.append(statement)
        elif isinstance(statement, (Interface, World)):
            own.append(statement)
    if document.targets is not None and document.targets.package is not None:
        # an unused world makes the resolver look for the package, and say where it is named when it is not there
        own.append(_mention(_in_document(document, document.targets)))
    world = World(Ident(_WORLD, document.package.span), tuple(items), UNGATED, ())
    return Document(document.source, document.package, (*own, world), (), ())


def _type_names(document: WacDocument) -> frozenset[str]:
    return frozenset(s.name.name for s in document.statements if isinstance(s, TypeItem))


def _type_of(statement: Import, types: Container[str]) -> str | None:
    """Which of the `types` that the document defines an import is of; None where it is of something else."""
    what = statement.type
    if not isinstance(what, UsePath) or what.package is not None or what.name.name not in types:
        return None
    return what.name.name


def _defined(document: WacDocument, resolved: WitPackages) -> tuple[Defined, ...]:
    """What the document defines; what gates leave out is not among it."""
    world = resolved.worlds[document.package.extern_name(_WORLD)]
    found: dict[str, Defined] = {}
    for statement in document.statements:
        if isinstance(statement, (Import, Let, Export)):
            continue
        name = statement.name.name
        whole = document.package.extern_name(name)
        if isinstance(statement, Interface) and whole in resolved.interfaces:
            found[name] = Defined(name, TypeBound(Alias(wrap_interface(whole, resolved.interfaces), name)))
        elif isinstance(statement, World) and whole in resolved.worlds:
            found[name] = Defined(name, TypeBound(Alias(wrap_world(resolved.worlds[whole]), name)))
        extern = world.type.imports.get(name)
        if isinstance(statement, FuncAlias) and isinstance(extern, FuncType):
            found[name] = Defined(name, TypeBound(Alias(extern, name)))
        elif isinstance(statement, TypeItem) and isinstance(extern, TypeBound):
            found[name] = Defined(name, extern)
    return tuple(found.values())


def _in_document(document: WacDocument, path: UsePath) -> UsePath:
    """The path, as short as it has to be for what the document itself defines."""
    is_own = path.package is not None and str(path.package) == str(document.package)
    return UsePath(None, path.name, path.span) if is_own else path


def _mention(path: UsePath) -> World:
    return World(Ident(f"{_WORLD}'s target", path.span), (IncludeItem(path, (), UNGATED),), UNGATED, ())


def _is_path(statement: Import) -> bool:
    """Whether an import is of an interface of a package, and has its name."""
    return isinstance(statement.type, UsePath) and statement.type.package is not None and statement.other is None


def _key(statement: Import, types: Container[str]) -> str:
    """What the import is called in the world."""
    if _is_path(statement):
        return _import_name(statement)
    return _type_of(statement, types) or statement.name.name


def _import_name(statement: Import) -> str:
    """What the composition calls the import."""
    if statement.other is not None:
        return statement.other.text
    what = statement.type
    if isinstance(what, UsePath) and what.package is not None:
        return what.package.extern_name(what.name.name)
    return statement.name.name


def _needed(imports: Mapping[str, ExternType], wanted: Mapping[str, str]) -> dict[str, ExternType]:
    """The imports that are wanted, with those whose types they mention, in the order of the world."""
    needed: set[Identity] = set()
    found: dict[str, ExternType] = {}
    for name, extern in reversed(list(imports.items())):
        if name in wanted or not needed.isdisjoint(_provided(extern)):
            found[name] = extern
            needed.update(mentioned(extern))
    return dict(reversed(list(found.items())))


def _provided(extern: ExternType) -> list[Identity]:
    if isinstance(extern, TypeBound):
        return [extern.type]
    if isinstance(extern, InstanceType):
        return [export.type for export in extern.exports.values() if isinstance(export, TypeBound)]
    assert isinstance(extern, FuncType)  # noqa: S101 - a world has no other imports
    return []
