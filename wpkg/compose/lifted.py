"""A component that is generated: what it exports is lifted from core modules, the types for it are imported.

Each export is the work of a component of its own inside, because only what a component exports can be a function
in the scope of a resource: it imports the types that belong to others, defines the resources that are its own, and
exports types and functions under their names; its instance is what is exported outside, or its function. Made of
values only, so that equal ones give equal bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.component import write
from wpkg.component.definitions import Sort
from wpkg.component.sections import COMPONENT_PREAMBLE, COMPONENT_SECTION, leb, section
from wpkg.component.types import FuncType, InstanceType, Resource, TypeBound
from wpkg.component.write_core import MEMORY, REALLOC
from wpkg.component.write_types import ComponentScope
from wpkg.compose.errors import Unsupported
from wpkg.compose.mentions import mentioned
from wpkg.compose.order import in_order
from wpkg.names.extern_name import resource_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wpkg.component.types import Attributes, EvaluatedFunc, ExternType, Identity

_MODULE_SECTION, _CORE_INSTANCE_SECTION, _INSTANCE_SECTION, _ALIAS_SECTION = 0x01, 0x02, 0x05, 0x06
_TYPE_SECTION, _CANON_SECTION, _EXPORT_SECTION = 0x07, 0x08, 0x0B
_RESOURCE = b"\x3f\x7f\x00"  # represented by an i32, without a destructor


class Module(Struct, frozen=True):
    """A core module, and which of its exports each function is lifted from."""

    data: bytes
    sources: Mapping[str, str]


class Interfaces(Struct, frozen=True):
    """What a generated component imports and exports, in an order in which types precede their users."""

    imports: Mapping[str, ExternType]
    exports: Mapping[str, ExternType]
    attributes: Attributes = {}


def functions_of(export: str, extern: ExternType) -> dict[str, EvaluatedFunc]:
    """The functions of an interface; of a function that is exported directly, itself. Raises: Unsupported."""
    return {name: item for name, item in _items(export, extern).items() if isinstance(item, FuncType)}


def _items(export: str, extern: ExternType) -> dict[str, EvaluatedFunc | TypeBound]:
    given = {export: extern}
    if isinstance(extern, InstanceType):
        given = dict(extern.exports)
    items = {name: item for name, item in given.items() if isinstance(item, (FuncType, TypeBound))}
    # A type of the world, and what is in the scope of one, would have to be exported together.
    is_item = not isinstance(extern, InstanceType)
    of_the_world = is_item and (isinstance(extern, TypeBound) or resource_of(export) is not None)
    if of_the_world or len(items) < len(given):
        raise Unsupported(
            f"'{export}' is neither a function nor an interface of functions and types, and none can be generated"
        )
    return items


def lifted_component(interfaces: Interfaces, modules: Mapping[str, Module]) -> bytes:
    """The component; `modules` by export. Raises: Unsupported for what cannot be generated."""
    scope = ComponentScope()
    for name, extern in interfaces.imports.items():
        scope.import_extern(name, extern, interfaces.attributes.get(name, ()))
    for i, (export, extern) in enumerate(interfaces.exports.items()):
        needed = _foreign(extern)
        inner = _inner_component(needed, _items(export, extern), modules[export])
        scope.sections.append(section(COMPONENT_SECTION, inner))
        arguments = [(_type_name(k), Sort.TYPE, scope.type_index(identity)) for k, identity in enumerate(needed)]
        scope.sections.append(section(_INSTANCE_SECTION, b"\x01" + write.instantiate(i, arguments)))
        sort = Sort.INSTANCE if isinstance(extern, InstanceType) else Sort.FUNC
        index = scope.add_instance(extern if isinstance(extern, InstanceType) else InstanceType({}))
        if sort is Sort.FUNC:
            scope.sections.append(section(_ALIAS_SECTION, b"\x01" + write.instance_alias(sort, index, export)))
            index = scope.funcs
            scope.introduce(extern)
        written = write.export(export, sort, index, None, interfaces.attributes.get(export, ()))
        scope.sections.append(section(_EXPORT_SECTION, b"\x01" + written))
        scope.introduce_export(extern)
    return COMPONENT_PREAMBLE + b"".join(scope.sections)


def _foreign(extern: ExternType) -> list[Identity]:
    """The types that `extern` mentions and does not make, each after those that it consists of."""
    return in_order(mentioned(extern), lambda identity: list(mentioned(TypeBound(identity))))


def _type_name(index: int) -> str:
    return f"type{index}"


def _inner_component(
    needed: list[Identity], items: Mapping[str, EvaluatedFunc | TypeBound], module: Module
) -> bytes:
    """The component that imports `needed` and exports `items`."""
    scope = ComponentScope()
    for i, identity in enumerate(needed):
        scope.import_extern(_type_name(i), TypeBound(identity))
    names = [REALLOC, *module.sources.values()]
    core = {name: i for i, name in enumerate(dict.fromkeys(names))}
    aliases = [b"\x00\x02\x01\x00" + write.name(MEMORY)]
    aliases += [b"\x00\x00\x01\x00" + write.name(name) for name in core]
    scope.sections += [
        section(_MODULE_SECTION, module.data),
        section(_CORE_INSTANCE_SECTION, b"\x01\x00\x00\x00"),
        section(_ALIAS_SECTION, write.vector(aliases)),
    ]
    for name, item in items.items():
        if isinstance(item, TypeBound):
            sort, index = Sort.TYPE, _type(scope, item.type)
        else:
            options = [b"\x00", b"\x03\x00", b"\x04" + leb(core[REALLOC])]
            lift = leb(core[module.sources[name]]) + write.vector(options) + leb(scope.type_index(item))
            scope.sections.append(section(_CANON_SECTION, b"\x01\x00\x00" + lift))
            sort, index = Sort.FUNC, scope.funcs
            scope.introduce(item)
        scope.sections.append(section(_EXPORT_SECTION, b"\x01" + write.export(name, sort, index)))
        scope.introduce_export(item)
    return COMPONENT_PREAMBLE + b"".join(scope.sections)


def _type(scope: ComponentScope, identity: Identity) -> int:
    """The index of a type that is to be exported; a resource of its own is made."""
    if isinstance(identity, Resource):
        scope.sections.append(section(_TYPE_SECTION, b"\x01" + _RESOURCE))
        return scope.add_type(identity)
    return scope.type_index(identity)
