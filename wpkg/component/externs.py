"""What imports and exports bring into being (Explainer, "Import and Export Definitions", "Type Checking")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.component.core_types import CoreModuleType
from wpkg.component.definitions import Sort
from wpkg.component.errors import MalformedComponent, quoted
from wpkg.component.substitute import Substitution, freshen
from wpkg.component.subtype import check_extern
from wpkg.component.types import (
    Alias,
    ComponentType,
    CoreModule,
    InstanceType,
    Resource,
    TypeBound,
    created,
    strip,
)

if TYPE_CHECKING:
    from wpkg.component.definitions import ExternDesc, ExternName
    from wpkg.component.scope import Scope
    from wpkg.component.types import (
        ExternType,
    )


def described(scope: Scope, desc: ExternDesc) -> ExternType:
    """The type that a description names. `created` identities are still those of the written type."""
    index = desc.index
    if index is None:
        return TypeBound(Resource())
    match desc.sort:
        case Sort.FUNC:
            return scope.func_type(index)
        case Sort.INSTANCE:
            entry = strip(scope.at(scope.types, index, "type"))
            if isinstance(entry, InstanceType):
                return entry
            raise MalformedComponent(f"type {index} is not an instance type")
        case Sort.COMPONENT:
            entry = strip(scope.at(scope.types, index, "type"))
            if isinstance(entry, ComponentType):
                return entry
            raise MalformedComponent(f"type {index} is not a component type")
        case Sort.CORE_MODULE:
            module = scope.at(scope.core_types, index, "core type")
            if isinstance(module, CoreModuleType):
                return CoreModule(module)
            raise MalformedComponent(f"core type {index} is not a module type")
        case _:
            return TypeBound(Alias(scope.at(scope.types, index, "type")))


def introduced(scope: Scope, name: ExternName, desc: ExternDesc) -> ExternType:
    """The item that an import, or an export in a type, brings into being; added to its index space."""
    extern = _made(scope, described(scope, desc), name.name)
    scope.append(extern)
    return extern


def exported(scope: Scope, item: ExternType, text: str) -> ExternType:
    """What an export without ascription makes of `item`: a type gets an identity of its own."""
    if not isinstance(item, TypeBound):
        return item
    alias = Alias(created(item.type), text)
    scope.created.append(alias)
    return TypeBound(alias)


def ascribed(scope: Scope, item: ExternType, wanted: ExternType, text: str) -> ExternType:
    """What an export of `item` as `wanted` makes. Raises: MalformedComponent where `item` will not do."""
    substitution = Substitution(work=scope.work)
    substitution.bind_extern(wanted, item)
    mismatch = check_extern(item, wanted, substitution)
    if mismatch is not None:
        raise MalformedComponent(f"export {quoted(text)} is not what it is said to be: {mismatch}")
    return _made(scope, wanted, text)


def _made(scope: Scope, extern: ExternType, text: str) -> ExternType:
    if isinstance(extern, InstanceType):
        extern, made = freshen(extern, scope.work)
        scope.created += made
    elif isinstance(extern, TypeBound):
        extern.type.name = text
        scope.created.append(extern.type)
    return extern
