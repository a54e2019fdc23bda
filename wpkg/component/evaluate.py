"""From definitions to types: instantiation and identity (Explainer, "Type Checking").

A component's exports are mostly instances that nobody has written a type for: they are instantiations of small
nested components. So everything is evaluated: aliases are followed, nested components are instantiated by
substitution, and each resource and each exported type is an identity that can be traced to where it came from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wpkg.component.check_canon import check_canon, check_lift
from wpkg.component.closed import free_resources, free_resources_of, named_resources
from wpkg.component.core_types import CoreFunc
from wpkg.component.definitions import (
    CanonDef,
    ComponentDef,
    CoreInlineInstanceDef,
    CoreInstanceAlias,
    CoreInstantiateDef,
    CoreModuleDef,
    ExportDecl,
    ExportDef,
    ImportDef,
    InlineInstanceDef,
    InstanceAlias,
    InstantiateDef,
    LiftDef,
    OuterAlias,
    Sort,
    TypeDef,
    UnreadCanonsDef,
)
from wpkg.component.errors import MalformedComponent, quoted
from wpkg.component.evaluate_core import (
    alias_core_export,
    define_core_instance,
    define_module_type,
    instantiate_module,
)
from wpkg.component.evaluate_types import evaluate_type
from wpkg.component.extern_names import NameScope
from wpkg.component.externs import ascribed, described, exported, introduced
from wpkg.component.instantiate import Unsatisfied, instantiate
from wpkg.component.read_core_types import CoreGroupDef, ModuleTypeDef
from wpkg.component.scope import Scope, ScopeKind, sort_of
from wpkg.component.types import CoreModule, InstanceType, Resource

if TYPE_CHECKING:
    from collections.abc import Callable

    from wpkg.component.definitions import (
        ComponentTypeDef,
        Definition,
        ExternName,
        InstanceTypeDef,
    )
    from wpkg.component.types import ComponentType, ExternType


def evaluate_component(component: ComponentDef) -> ComponentType:
    """The type of a component. Raises: MalformedComponent, UnsupportedComponent."""
    return _component(component, None)


def _component(component: ComponentDef, parent: Scope | None) -> ComponentType:
    scope = Scope(ScopeKind.COMPONENT, parent)
    for definition, offset in component.definitions:
        try:
            _DEFINE[type(definition)](scope, definition)
        except MalformedComponent as error:
            if error.offset >= 0:
                raise
            raise error.at(offset) from error
    try:
        return _finished(scope)
    except MalformedComponent as error:
        raise error.at(component.start) from error


def _finished(scope: Scope) -> ComponentType:
    """The type of a scope that was gone through."""
    result = scope.component_type()
    if scope.has_component_types:
        # Only types of components can hide a resource from the check of what has a name.
        made = {i for i in scope.created if isinstance(i, Resource) and i not in scope.imported}
        made |= {resource for resource in scope.local_resources if isinstance(resource, Resource)}
        if made & free_resources(scope.imports.values(), scope.work):
            raise MalformedComponent("an import refers to a resource of the component itself")
        hidden = made & free_resources(scope.exports.values(), scope.work)
        if not hidden <= named_resources(scope.exports.values(), scope.work):
            raise MalformedComponent("an export refers to a resource that is not exported")
    return result


# --- types ---------------------------------------------------------------------------------------------


def _type(scope: Scope, definition: TypeDef) -> None:
    scope.add_type(evaluate_type(scope, definition.type, _type_scope))


def _type_scope(parent: Scope, written: ComponentTypeDef | InstanceTypeDef, kind: ScopeKind) -> ComponentType:
    """What the declarations of a type import, export and bring along."""
    scope = Scope(kind, parent)
    for declaration in written.declarations:
        _DEFINE[type(declaration)](scope, declaration)
    if kind is ScopeKind.COMPONENT_TYPE:
        parent.has_component_types = True
        return _finished(scope)
    parent.has_component_types = parent.has_component_types or scope.has_component_types
    return scope.component_type()


def _core_group(scope: Scope, definition: CoreGroupDef) -> None:
    scope.core_types += definition.types


# --- imports and exports -------------------------------------------------------------------------------


def _import(scope: Scope, definition: ImportDef) -> None:
    name = definition.name
    before = len(scope.created)
    extern = introduced(scope, name, definition.desc)
    scope.imported.update(scope.created[before:])
    scope.import_names.add(name, extern)
    if scope.visibility is not None:
        scope.visibility.add_import(name.name, extern)
    scope.imports[name.name] = extern
    if name.attributes:
        scope.import_attributes[name.name] = name.attributes


def _export_declaration(scope: Scope, definition: ExportDecl) -> None:
    _add_export(scope, definition.name, introduced(scope, definition.name, definition.desc))


def _export(scope: Scope, definition: ExportDef) -> None:
    name = definition.name
    item = scope.item(definition.sort, definition.index)
    if definition.ascribed is None:
        extern = exported(scope, item, name.name)
    else:
        extern = ascribed(scope, item, described(scope, definition.ascribed), name.name)
    scope.append(extern)
    _add_export(scope, name, extern)


def _add_export(scope: Scope, name: ExternName, extern: ExternType) -> None:
    scope.export_names.add(name, extern)
    if scope.visibility is not None:
        scope.visibility.add_export(name.name, extern)
    scope.exports[name.name] = extern
    if name.attributes:
        scope.export_attributes[name.name] = name.attributes


# --- aliases and instances -----------------------------------------------------------------------------


def _alias(scope: Scope, alias: InstanceAlias) -> None:
    instance = scope.at(scope.instances, alias.instance, "instance")
    extern = instance.exports.get(alias.name)
    if extern is None:
        raise MalformedComponent(f"instance {alias.instance} has no export {quoted(alias.name)}")
    if sort_of(extern) is not alias.sort:
        raise MalformedComponent(
            f"export {quoted(alias.name)} of instance {alias.instance} is a {sort_of(extern).words}, "
            f"not a {alias.sort.words}"
        )
    scope.append(extern)


def _outer_alias(scope: Scope, alias: OuterAlias) -> None:
    source = scope.enclosing(alias.count)
    if alias.sort is Sort.CORE_TYPE:
        scope.core_types.append(scope.at(source.core_types, alias.index, "core type"))
    elif alias.sort is Sort.CORE_MODULE:
        scope.modules.append(scope.at(source.modules, alias.index, "core module"))
    elif alias.sort is Sort.COMPONENT:
        scope.components.append(scope.at(source.components, alias.index, "component"))
    else:
        entry = scope.at(source.types, alias.index, "type")
        if alias.count and scope.enclosing(alias.count - 1).kind is ScopeKind.COMPONENT:
            free = free_resources_of(entry, scope.work)
            if free:
                raise MalformedComponent(
                    f"an outer alias carries type {alias.index}, which refers to resources, into another component"
                )
        scope.types.append(entry)


def _instantiate(scope: Scope, definition: InstantiateDef) -> None:
    component = scope.at(scope.components, definition.component, "component")
    arguments: dict[str, ExternType] = {}
    for name, sort, index in definition.arguments:
        if name in arguments:
            raise MalformedComponent(f"argument {quoted(name)} occurs twice")
        arguments[name] = scope.item(sort, index)
    made = instantiate(component, arguments, scope.work)
    if isinstance(made, Unsatisfied):
        raise MalformedComponent(f"argument {quoted(made.name)} of an instantiation does not fit: {made.mismatch}")
    scope.created += made.created
    scope.instances.append(made.instance)


def _inline_instance(scope: Scope, definition: InlineInstanceDef) -> None:
    exports: dict[str, ExternType] = {}
    names = NameScope("export", introduces=False)
    for name, sort, index in definition.exports:
        extern = scope.item(sort, index)
        names.add(name, extern)
        exports[name.name] = extern
    attributes = {name.name: name.attributes for name, _, _ in definition.exports if name.attributes}
    scope.instances.append(InstanceType(exports, (), attributes))


# --- everything else -----------------------------------------------------------------------------------


def _lift(scope: Scope, definition: LiftDef) -> None:
    scope.funcs.append(check_lift(scope, definition))


def _canon(scope: Scope, definition: CanonDef) -> None:
    scope.core_items[Sort.CORE_FUNC].append(CoreFunc(check_canon(scope, definition)))


def _unread_canons(scope: Scope, definition: UnreadCanonsDef) -> None:
    scope.unread = scope.unread or (len(scope.funcs), definition.opcode)


def _nested_component(scope: Scope, definition: ComponentDef) -> None:
    scope.components.append(_component(definition, scope))


def _module(scope: Scope, _: CoreModuleDef) -> None:
    scope.modules.append(CoreModule())


# Each function takes a definition of the class that it stands beside.
_DEFINE: dict[type[Definition], Callable[[Scope, Any], None]] = {
    TypeDef: _type,
    CoreGroupDef: _core_group,
    ModuleTypeDef: define_module_type,
    InstanceAlias: _alias,
    OuterAlias: _outer_alias,
    ImportDef: _import,
    ExportDecl: _export_declaration,
    ExportDef: _export,
    InstantiateDef: _instantiate,
    InlineInstanceDef: _inline_instance,
    CoreInstantiateDef: instantiate_module,
    CoreInlineInstanceDef: define_core_instance,
    CoreInstanceAlias: alias_core_export,
    LiftDef: _lift,
    CanonDef: _canon,
    UnreadCanonsDef: _unread_canons,
    ComponentDef: _nested_component,
    CoreModuleDef: _module,
}
