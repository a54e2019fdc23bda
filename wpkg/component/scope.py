"""The index spaces of one component, component type or instance type (Explainer, "Index Spaces").

Definitions only ever refer to earlier ones, so a space grows while its scope is gone through, and every index is
compared with what is there.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, TypeVar, cast

from wpkg.component.core_types import CoreFunc, CoreGlobal, CoreMemory, CoreTable, CoreTag
from wpkg.component.definitions import CORE_ITEM_SORTS, Sort
from wpkg.component.errors import MalformedComponent, UnsupportedComponent
from wpkg.component.extern_names import NameScope
from wpkg.component.substitute import Work
from wpkg.component.types import (
    Alias,
    ComponentType,
    CoreModule,
    FuncType,
    InstanceType,
    Primitive,
    Resource,
    TypeBound,
    strip,
)
from wpkg.component.visibility import Visibility

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wpkg.component.check_canon import Given
    from wpkg.component.core_types import CoreExtern, CoreFuncType, CoreModuleType, CoreValue
    from wpkg.component.definitions import Attribute, Options, Ref
    from wpkg.component.types import (
        AnyType,
        EvaluatedFunc,
        ExternType,
        Identity,
        ValueType,
    )

Item = TypeVar("Item")

_SORTS: dict[type, Sort] = {
    FuncType: Sort.FUNC,
    InstanceType: Sort.INSTANCE,
    ComponentType: Sort.COMPONENT,
    TypeBound: Sort.TYPE,
    CoreModule: Sort.CORE_MODULE,
    CoreFunc: Sort.CORE_FUNC,
    CoreTable: Sort.CORE_TABLE,
    CoreMemory: Sort.CORE_MEMORY,
    CoreGlobal: Sort.CORE_GLOBAL,
    CoreTag: Sort.CORE_TAG,
}


class ScopeKind(Enum):
    """What has index spaces of its own."""

    COMPONENT = "component"
    COMPONENT_TYPE = "component type"
    INSTANCE_TYPE = "instance type"


def sort_of(extern: ExternType | CoreExtern) -> Sort:
    """The sort of an item."""
    return _SORTS[type(extern)]


class Scope:
    """Index spaces, names and identities of one scope."""

    def __init__(self, kind: ScopeKind, parent: Scope | None) -> None:
        self.kind = kind
        self.parent = parent
        self.work: Work = parent.work if parent is not None else Work()
        self.imports: dict[str, ExternType] = {}
        self.exports: dict[str, ExternType] = {}
        self.import_attributes: dict[str, tuple[tuple[Attribute, str], ...]] = {}
        self.export_attributes: dict[str, tuple[tuple[Attribute, str], ...]] = {}
        self.import_names = NameScope("import")
        self.export_names = NameScope("export")
        # Types of instances are not checked: what uses them is.
        self.visibility = None if kind is ScopeKind.INSTANCE_TYPE else Visibility(self.work)
        self.created: list[Identity] = []  # identities that this scope brings into being
        self.imported: set[Identity] = set()  # those of them that its imports bring
        self.local_resources: dict[AnyType, CoreValue] = {}  # defined here -> representation
        self.has_component_types = False
        self.types: list[AnyType] = []
        self.funcs: list[EvaluatedFunc] = []
        self.instances: list[InstanceType] = []
        self.components: list[ComponentType] = []
        self.modules: list[CoreModule] = []
        self.core_types: list[CoreFuncType | CoreModuleType | None] = []
        # What each exports; None for an instance of a module, whose exports are not read.
        self.core_instances: list[Mapping[str, tuple[Sort, CoreExtern | None]] | None] = []
        self.core_items: dict[Sort, list[CoreExtern | None]] = {sort: [] for sort in CORE_ITEM_SORTS}
        self.options: dict[Options, Given] = {}  # sets of canonical options that were found right
        self.unread: tuple[int, int] | None = None  # functions known, opcode met, when a canon was not read

    def component_type(self) -> ComponentType:
        """What was gone through, as a type."""
        created = tuple(self.created)
        return ComponentType(self.imports, self.exports, created, self.import_attributes, self.export_attributes)

    def at(self, space: list[Item], index: int, what: str) -> Item:
        """What stands at `index` of `space`. Raises: MalformedComponent."""
        if index >= len(space):
            raise MalformedComponent(f"there is no {what} {index}")
        return space[index]

    def func(self, index: int) -> EvaluatedFunc:
        """A function. Raises: MalformedComponent, UnsupportedComponent."""
        if self.unread is not None and index >= self.unread[0]:
            opcode = self.unread[1]
            raise UnsupportedComponent(
                f"the component needs canonical definition {opcode:#04x}, which is not known"
            )
        return self.at(self.funcs, index, "function")

    def core_item(self, sort: Sort, index: int) -> CoreExtern | None:
        """A core item, None where its type is not known. Raises: MalformedComponent."""
        if sort is Sort.CORE_FUNC and self.unread is not None and index >= len(self.core_items[sort]):
            return None
        space = self.core_items[sort]
        if index >= len(space):
            raise MalformedComponent(f"there is no {sort.words} {index}")
        return space[index]

    def value(self, ref: Ref) -> ValueType:
        """The value type that `ref` refers to."""
        if isinstance(ref, Primitive):
            return ref
        entry = self.at(self.types, ref, "type")
        if isinstance(strip(entry), (FuncType, InstanceType, ComponentType, Resource)):
            raise MalformedComponent(f"type {ref} is not a value type")
        return cast("ValueType", entry)

    def resource(self, ref: Ref) -> ValueType:
        """The resource that the index of a handle refers to."""
        entry = self.at(self.types, ref, "type") if isinstance(ref, int) else ref
        if not isinstance(strip(entry), Resource):
            raise MalformedComponent(f"type {ref} is not a resource")
        return cast("ValueType", entry)

    def func_type(self, index: int) -> EvaluatedFunc:
        """A type of the type index space that is one of functions."""
        entry = strip(self.at(self.types, index, "type"))
        if not isinstance(entry, FuncType):
            raise MalformedComponent(f"type {index} is not a function type")
        return entry

    def item(self, sort: Sort, index: int) -> ExternType:
        """What stands at `index` of the space of `sort`."""
        match sort:
            case Sort.FUNC:
                return self.func(index)
            case Sort.INSTANCE:
                return self.at(self.instances, index, "instance")
            case Sort.COMPONENT:
                return self.at(self.components, index, "component")
            case Sort.CORE_MODULE:
                return self.at(self.modules, index, "core module")
            case Sort.TYPE:
                entry = self.at(self.types, index, "type")
                return TypeBound(entry if isinstance(entry, (Resource, Alias)) else Alias(entry))
            case _:
                raise MalformedComponent(f"a {sort.words} cannot be passed on")

    def append(self, extern: ExternType) -> None:
        """Add an item to the index space of its sort."""
        if isinstance(extern, TypeBound):
            self.add_type(extern.type)
        elif isinstance(extern, FuncType):
            self.funcs.append(extern)
        elif isinstance(extern, InstanceType):
            self.instances.append(extern)
        elif isinstance(extern, ComponentType):
            self.components.append(extern)
        else:
            self.modules.append(extern)

    def add_type(self, entry: AnyType) -> None:
        """Add a type. Raises: MalformedComponent when it is too deep or its values too large."""
        if type(entry) is not FuncType:  # no type has a function in it, so its parts tell enough
            self.work.measures.measure(entry)
        self.types.append(entry)

    def enclosing(self, count: int) -> Scope:
        """The scope `count` scopes further out. Raises: MalformedComponent."""
        scope: Scope | None = self
        for _ in range(count):
            scope = scope.parent if scope is not None else None
            if scope is None:
                raise MalformedComponent(f"an outer alias leaves {count} scopes, which are not there")
        return cast("Scope", scope)
