"""From definitions to types: index spaces, instantiation, identity (Explainer, "Type Checking").

A component's exports are mostly instances that nobody has written a type for: they are instantiations of small
nested components. So everything is evaluated: aliases are followed, nested components are instantiated by
substitution, and each resource and each exported type is an identity that can be traced to where it came from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

from wpkg.component.definitions import (
    ComponentDef,
    ComponentTypeDef,
    CoreModuleDef,
    CoreTypeDef,
    Declaration,
    Definition,
    ExportDecl,
    ExportDef,
    ExternDesc,
    ExternName,
    ImportDef,
    InlineInstanceDef,
    InstanceAlias,
    InstanceTypeDef,
    InstantiateDef,
    LiftDef,
    OuterAlias,
    Ref,
    ResourceDef,
    Sort,
    TypeDef,
    UnreadCanonsDef,
)
from wpkg.component.errors import MalformedComponent, UnsupportedComponent
from wpkg.component.instantiate import Unsatisfied, instantiate
from wpkg.component.substitute import Substitution, Work, freshen
from wpkg.component.subtype import Mismatch, check_extern
from wpkg.component.types import (
    Alias,
    AnyType,
    Borrow,
    ComponentType,
    CoreModule,
    EvaluatedFunc,
    ExternType,
    FuncType,
    Identity,
    InstanceType,
    Own,
    Primitive,
    Resource,
    TypeBound,
    ValueType,
    strip,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wpkg.component.definitions import Located

Item = TypeVar("Item")

MAX_TYPE_DEPTH = 100  # value types in value types; that of types in types is decode's


def evaluate_component(component: ComponentDef) -> ComponentType:
    """The type of a component. Raises: MalformedComponent, UnsupportedComponent."""
    return _evaluate(component, None)


def _evaluate(component: ComponentDef, parent: _Scope | None) -> ComponentType:
    scope = _Scope(parent)
    for located in component.definitions:
        scope.define_located(located)
    return ComponentType(scope.imports, scope.exports, tuple(scope.created))


class _Scope:
    """The index spaces of one component, component type or instance type."""

    def __init__(self, parent: _Scope | None) -> None:
        self.parent = parent
        self._work: Work = parent._work if parent is not None else Work()  # noqa: SLF001
        self.imports: dict[str, ExternType] = {}
        self.exports: dict[str, ExternType] = {}
        self.created: list[Identity] = []  # identities that this scope brings into being
        self._types: list[AnyType] = []
        self._core_types: list[bytes] = []
        self._funcs: list[EvaluatedFunc] = []
        self._instances: list[InstanceType] = []
        self._components: list[ComponentType] = []
        self._modules: list[CoreModule] = []
        self._unread: tuple[int, int] | None = None  # functions known, opcode met, when a canon was not read

    def define_located(self, located: Located) -> None:
        """Add a definition; errors say where it stands."""
        try:
            self.define(located.definition)
        except MalformedComponent as error:
            if error.offset >= 0:
                raise
            raise MalformedComponent(
                error.message.removeprefix("malformed component: "), located.offset
            ) from error

    def define(self, definition: Definition) -> None:
        """Add a definition to its index space."""
        match definition:
            case TypeDef(type=written):
                entry = self._entry(written)
                self._check_depth(entry)
                self._types.append(entry)
            case InstanceAlias():
                self._alias(definition)
            case OuterAlias():
                self._outer_alias(definition)
            case ImportDef(name=name, desc=desc):
                self._bind(self.imports, name, self._introduce(name, desc), "import")
            case ExportDecl(name=name, desc=desc):
                self._bind(self.exports, name, self._introduce(name, desc), "export")
            case ExportDef():
                self._export(definition)
            case InstantiateDef():
                self._instantiate(definition)
            case InlineInstanceDef():
                self._inline_instance(definition)
            case LiftDef(type=index):
                self._funcs.append(self._func_type(index))
            case ComponentDef():
                self._components.append(_evaluate(definition, self))
            case CoreModuleDef():
                self._modules.append(CoreModule())
            case CoreTypeDef(declared=declared):
                self._core_types.append(declared)
            case UnreadCanonsDef(opcode=opcode):
                self._unread = self._unread or (len(self._funcs), opcode)

    # --- looking up --------------------------------------------------------------------------------

    def _at(self, space: list[Item], index: int, what: str) -> Item:
        if index >= len(space):
            raise MalformedComponent(f"there is no {what} {index}")
        return space[index]

    def _func(self, index: int) -> EvaluatedFunc:
        if self._unread is not None and index >= self._unread[0]:
            opcode = self._unread[1]
            raise UnsupportedComponent(
                f"the component needs canonical definition {opcode:#04x}, which is not known"
            )
        return self._at(self._funcs, index, "function")

    def _value(self, ref: Ref) -> ValueType:
        """The value type that `ref` refers to."""
        if isinstance(ref, Primitive):
            return ref
        entry = self._at(self._types, ref, "type")
        if isinstance(strip(entry), (FuncType, InstanceType, ComponentType, Resource)):
            raise MalformedComponent(f"type {ref} is not a value type")
        return cast("ValueType", entry)

    def _resource(self, ref: Ref) -> ValueType:
        """The resource that the index of a handle refers to."""
        entry = self._at(self._types, ref, "type") if isinstance(ref, int) else ref
        if not isinstance(strip(entry), Resource):
            raise MalformedComponent(f"type {ref} is not a resource")
        return cast("ValueType", entry)

    def _func_type(self, index: int) -> EvaluatedFunc:
        entry = strip(self._at(self._types, index, "type"))
        if not isinstance(entry, FuncType):
            raise MalformedComponent(f"type {index} is not a function type")
        return entry

    def _item(self, sort: Sort, index: int) -> ExternType:
        """What stands at `index` of the space of `sort`."""
        match sort:
            case Sort.FUNC:
                return self._func(index)
            case Sort.INSTANCE:
                return self._at(self._instances, index, "instance")
            case Sort.COMPONENT:
                return self._at(self._components, index, "component")
            case Sort.CORE_MODULE:
                return self._at(self._modules, index, "core module")
            case Sort.TYPE:
                entry = self._at(self._types, index, "type")
                return TypeBound(entry if isinstance(entry, (Resource, Alias)) else Alias(entry))
            case _:
                raise MalformedComponent(f"a {sort.name.lower().replace('_', ' ')} cannot be passed on")

    # --- types -------------------------------------------------------------------------------------

    def _entry(self, written: object) -> AnyType:
        match written:
            case Primitive():
                return written
            case ComponentTypeDef(declarations=declarations):
                scope = self._type_scope(declarations)
                return ComponentType(scope.imports, scope.exports, tuple(scope.created))
            case InstanceTypeDef(declarations=declarations):
                scope = self._type_scope(declarations)
                return InstanceType(scope.exports, tuple(scope.created))
            case ResourceDef():
                resource = Resource()
                self.created.append(resource)
                return resource
            case Own() | Borrow():
                return written.map(self._resource)
            case _:
                return written.map(self._value)  # type: ignore[attr-defined,no-any-return]

    def _check_depth(self, entry: AnyType) -> int:
        """How many types deep `entry` is, names counted. Raises: MalformedComponent for more than MAX_TYPE_DEPTH.

        Whatever goes through types later goes down into them; this is why it can.
        """
        if isinstance(entry, (Primitive, Resource, InstanceType, ComponentType)):
            return 0
        depths = self._work.depths
        known = depths.get(id(entry))
        if known is None:
            members: list[AnyType] = []
            if isinstance(entry, Alias):
                members.append(entry.target)
            else:
                entry.map(members.append)
            depth = 1 + max((self._check_depth(member) for member in members), default=0)
            if depth > MAX_TYPE_DEPTH:
                raise MalformedComponent(f"a type is nested more than {MAX_TYPE_DEPTH} deep")
            known = depths[id(entry)] = (entry, depth)
        return known[1]

    def _type_scope(self, declarations: Iterable[Declaration]) -> _Scope:
        scope = _Scope(self)
        for declaration in declarations:
            scope.define(declaration)
        return scope

    def _desc_type(self, desc: ExternDesc) -> ExternType:
        """The type that a description names. `created` identities are still those of the written type."""
        index = -1 if desc.index is None else desc.index
        match desc.sort:
            case Sort.FUNC:
                return self._func_type(index)
            case Sort.INSTANCE:
                entry = strip(self._at(self._types, index, "type"))
                if isinstance(entry, InstanceType):
                    return entry
                raise MalformedComponent(f"type {index} is not an instance type")
            case Sort.COMPONENT:
                entry = strip(self._at(self._types, index, "type"))
                if isinstance(entry, ComponentType):
                    return entry
                raise MalformedComponent(f"type {index} is not a component type")
            case Sort.CORE_MODULE:
                return CoreModule(self._at(self._core_types, index, "core type"))
            case _:
                if desc.index is None:
                    return TypeBound(Resource())
                item = self._item(Sort.TYPE, index)
                return TypeBound(Alias(item.type)) if isinstance(item, TypeBound) else item

    # --- imports and exports -----------------------------------------------------------------------

    def _introduce(self, name: ExternName, desc: ExternDesc) -> ExternType:
        """The item that an import, or an export in a type, brings into being; added to its index space."""
        extern = self._desc_type(desc)
        if isinstance(extern, InstanceType):
            extern, made = freshen(extern, self._work)
            self.created += made
        elif isinstance(extern, TypeBound):
            extern.type.name = name.name
            self.created.append(extern.type)
        self._append(extern)
        return extern

    def _append(self, extern: ExternType) -> None:
        if isinstance(extern, TypeBound):
            self._check_depth(extern.type)
            self._types.append(extern.type)
        elif isinstance(extern, FuncType):
            self._funcs.append(extern)
        elif isinstance(extern, InstanceType):
            self._instances.append(extern)
        elif isinstance(extern, ComponentType):
            self._components.append(extern)
        else:
            self._modules.append(extern)

    def _bind(self, names: dict[str, ExternType], name: ExternName, extern: ExternType, what: str) -> None:
        if name.name in names:
            raise MalformedComponent(f"{what} name '{name.name}' occurs twice")
        names[name.name] = extern

    def _export(self, export: ExportDef) -> None:
        item = self._item(export.sort, export.index)
        if export.ascribed is None:
            extern = self._exported(item, export.name.name)
        else:
            ascribed = self._desc_type(export.ascribed)
            mismatch = _check_ascription(item, ascribed)
            if mismatch is not None:
                raise MalformedComponent(f"export '{export.name.name}' is not what it is said to be: {mismatch}")
            extern = self._ascribed(ascribed, export.name.name)
        self._append(extern)
        self._bind(self.exports, export.name, extern, "export")

    def _exported(self, item: ExternType, name: str) -> ExternType:
        """What an export without ascription makes of `item`: a type gets an identity of its own."""
        if not isinstance(item, TypeBound):
            return item
        alias = Alias(item.type, name)
        self.created.append(alias)
        return TypeBound(alias)

    def _ascribed(self, extern: ExternType, name: str) -> ExternType:
        if isinstance(extern, InstanceType):
            extern, made = freshen(extern, self._work)
            self.created += made
        elif isinstance(extern, TypeBound):
            extern.type.name = name
            self.created.append(extern.type)
        return extern

    # --- aliases and instances ---------------------------------------------------------------------

    def _alias(self, alias: InstanceAlias) -> None:
        instance = self._at(self._instances, alias.instance, "instance")
        extern = instance.exports.get(alias.name)
        if extern is None:
            raise MalformedComponent(f"instance {alias.instance} has no export '{alias.name}'")
        if _sort_of(extern) is not alias.sort:
            raise MalformedComponent(f"export '{alias.name}' of instance {alias.instance} is of another sort")
        self._append(extern)

    def _outer_alias(self, alias: OuterAlias) -> None:
        scope: _Scope | None = self
        for _ in range(alias.count):
            scope = scope.parent if scope is not None else None
        if scope is None:
            raise MalformedComponent(f"an outer alias leaves {alias.count} scopes, which are not there")
        if alias.sort is Sort.CORE_TYPE:
            self._core_types.append(self._at(scope._core_types, alias.index, "core type"))  # noqa: SLF001
        elif alias.sort is Sort.CORE_MODULE:
            self._modules.append(self._at(scope._modules, alias.index, "core module"))  # noqa: SLF001
        elif alias.sort is Sort.COMPONENT:
            self._components.append(self._at(scope._components, alias.index, "component"))  # noqa: SLF001
        else:
            self._types.append(self._at(scope._types, alias.index, "type"))  # noqa: SLF001

    def _instantiate(self, definition: InstantiateDef) -> None:
        component = self._at(self._components, definition.component, "component")
        arguments: dict[str, ExternType] = {}
        for name, sort, index in definition.arguments:
            if name in arguments:
                raise MalformedComponent(f"argument '{name}' occurs twice")
            arguments[name] = self._item(sort, index)
        made = instantiate(component, arguments, self._work)
        if isinstance(made, Unsatisfied):
            raise MalformedComponent(f"argument '{made.name}' of an instantiation does not fit: {made.mismatch}")
        self.created += made.created
        self._instances.append(made.instance)

    def _inline_instance(self, definition: InlineInstanceDef) -> None:
        exports: dict[str, ExternType] = {}
        for name, sort, index in definition.exports:
            self._bind(exports, name, self._exported(self._item(sort, index), name.name), "export")
        self._instances.append(InstanceType(exports))


def _sort_of(extern: ExternType) -> Sort:
    match extern:
        case FuncType():
            return Sort.FUNC
        case InstanceType():
            return Sort.INSTANCE
        case ComponentType():
            return Sort.COMPONENT
        case TypeBound():
            return Sort.TYPE
        case CoreModule():
            return Sort.CORE_MODULE


def _check_ascription(item: ExternType, ascribed: ExternType) -> Mismatch | None:
    """The first reason why `item` cannot be exported as `ascribed`."""
    substitution = Substitution()
    substitution.bind_extern(ascribed, item)
    return check_extern(item, ascribed, substitution)
