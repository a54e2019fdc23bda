"""Core instances, their exports, and the types of core modules, as far as components say them.

Explainer, "Core Instance Definitions" and "Core Type Definitions". Modules that stand in the component are not
opened: what their instances export is taken at its word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.component.core_types import CoreFunc, CoreModuleType, CoreTag, core_extern_fits, describe_core
from wpkg.component.errors import MalformedComponent, quoted
from wpkg.component.read_core_types import (
    CoreExportDecl,
    CoreFuncDesc,
    CoreGroupDef,
    CoreImportDecl,
    CoreTypeAlias,
    ModuleTypeDef,
)
from wpkg.component.scope import sort_of

if TYPE_CHECKING:
    from wpkg.component.core_types import CoreExtern, CoreFuncType
    from wpkg.component.definitions import CoreInlineInstanceDef, CoreInstanceAlias, CoreInstantiateDef, Sort
    from wpkg.component.read_core_types import CoreDesc
    from wpkg.component.scope import Scope


def define_module_type(scope: Scope, definition: ModuleTypeDef) -> None:
    """Add a module type. Raises: MalformedComponent."""
    types: list[CoreFuncType | None] = []
    imports: dict[tuple[str, str], CoreExtern] = {}
    exports: dict[str, CoreExtern] = {}
    for declaration in definition.declarations:
        match declaration:
            case CoreGroupDef(types=group):
                types += group
            case CoreTypeAlias():
                types.append(_aliased(scope, declaration, types))
            case CoreImportDecl(module=module, name=name, desc=desc):
                if (module, name) in imports:
                    raise MalformedComponent(f"a module type imports {quoted(module)} {quoted(name)} twice")
                imports[module, name] = _core_extern(scope, desc, types)
            case CoreExportDecl(name=name, desc=desc):
                if name in exports:
                    raise MalformedComponent(f"a module type exports {quoted(name)} twice")
                exports[name] = _core_extern(scope, desc, types)
    scope.core_types.append(CoreModuleType(imports, exports))


def _aliased(scope: Scope, alias: CoreTypeAlias, types: list[CoreFuncType | None]) -> CoreFuncType | None:
    if alias.count == 0:
        return scope.at(types, alias.index, "core type")
    found = scope.at(scope.enclosing(alias.count - 1).core_types, alias.index, "core type")
    if isinstance(found, CoreModuleType):
        raise MalformedComponent(
            f"core type {alias.index} is the type of a module, which a module type cannot use"
        )
    return found


def _core_extern(scope: Scope, desc: CoreDesc, types: list[CoreFuncType | None]) -> CoreExtern:
    if not isinstance(desc, CoreFuncDesc):
        return desc
    func = scope.at(types, desc.index, "core type in the module type")
    return CoreTag(func) if desc.is_tag else CoreFunc(func)


def instantiate_module(scope: Scope, definition: CoreInstantiateDef) -> None:
    """Add a core instance of a module. Raises: MalformedComponent."""
    module = scope.at(scope.modules, definition.module, "core module").type
    arguments = {}
    for name, index in definition.arguments:
        if name in arguments:
            raise MalformedComponent(f"argument {quoted(name)} of a core module occurs twice")
        arguments[name] = scope.at(scope.core_instances, index, "core instance")
    if module is None:
        scope.core_instances.append(None)
        return
    for (of, name), wanted in module.imports.items():
        if of not in arguments:
            raise MalformedComponent(f"argument {quoted(of)} of a core module is missing")
        exports = arguments[of]
        if exports is None:
            continue
        if name not in exports:
            raise MalformedComponent(f"argument {quoted(of)} of a core module does not export {quoted(name)}")
        sort, given = exports[name]
        if sort is not sort_of(wanted) or (given is not None and not core_extern_fits(given, wanted)):
            found = f"a {sort.words}" if given is None else describe_core(given)
            raise MalformedComponent(
                f"argument {quoted(of)} of a core module does not fit: {quoted(name)}: "
                f"wanted {describe_core(wanted)}, given {found}"
            )
    scope.core_instances.append({name: (sort_of(extern), extern) for name, extern in module.exports.items()})


def define_core_instance(scope: Scope, definition: CoreInlineInstanceDef) -> None:
    """Add a core instance made of items that exist. Raises: MalformedComponent."""
    exports: dict[str, tuple[Sort, CoreExtern | None]] = {}
    for name, sort, index in definition.exports:
        if name in exports:
            raise MalformedComponent(f"a core instance exports {quoted(name)} twice")
        exports[name] = (sort, scope.core_item(sort, index))
    scope.core_instances.append(exports)


def alias_core_export(scope: Scope, alias: CoreInstanceAlias) -> None:
    """Add the export of a core instance. Raises: MalformedComponent."""
    exports = scope.at(scope.core_instances, alias.instance, "core instance")
    if exports is None:
        scope.core_items[alias.sort].append(None)
        return
    if alias.name not in exports:
        raise MalformedComponent(f"core instance {alias.instance} has no export {quoted(alias.name)}")
    sort, extern = exports[alias.name]
    if sort is not alias.sort:
        raise MalformedComponent(
            f"export {quoted(alias.name)} of core instance {alias.instance} is a {sort.words}, "
            f"not a {alias.sort.words}"
        )
    scope.core_items[sort].append(extern)
