"""Evaluated types written back into index spaces.

A scope hands out type indices. An identity that the scope knows is referred to by its index; one that an
enclosing scope knows, by an outer alias; one that an instance of the scope exports, by an alias of that export.
An alias that nobody knows is written as what it stands for. A resource that nobody knows can be exported or
imported, which makes it known; it cannot be referred to before.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from wpkg.component import write
from wpkg.component.definitions import Sort
from wpkg.component.sections import leb, section
from wpkg.component.types import (
    Alias,
    ComponentType,
    CoreModule,
    FuncType,
    InstanceType,
    Primitive,
    Resource,
    TypeBound,
    created,
    strip,
)
from wpkg.component.write import UnwritableType

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wpkg.component.definitions import Attribute, Ref
    from wpkg.component.types import (
        AnyType,
        Attributes,
        ExternType,
        Identity,
        ValueType,
    )


_NONE: Attributes = {}


class UnknownResource(Exception):
    """A type mentions a resource that no enclosing scope can name."""

    def __init__(self, resource: Resource) -> None:
        super().__init__(resource.name)
        self.resource = resource


def _chain(identity: Identity) -> Iterator[Identity]:
    """`identity` and what it stands for, down to the resource or the last alias."""
    value: AnyType = identity
    while isinstance(value, (Alias, Resource)):
        yield value
        if isinstance(value, Resource):
            return
        value = value.target


class _Scope(ABC):
    """Index spaces being written."""

    def __init__(self, parent: _Scope | None) -> None:
        self._parent = parent
        self._types = 0
        self._core_types = 0
        self._known: dict[Identity, int] = {}
        self._written: dict[int, tuple[AnyType, int]] = {}  # id -> (kept alive, index)
        self._introduced: dict[int, tuple[AnyType, int]] = {}  # those of `_written` that have a name outside
        self._structures: dict[object, int] = {}  # as written, references being indices -> index
        self._owners: dict[Identity, tuple[int, tuple[str, ...]]] = {}  # instance and exports that lead to it
        self.instances = 0
        self.funcs = 0

    @abstractmethod
    def _define(self, definition: bytes) -> None:
        """Write a type definition."""

    @abstractmethod
    def _define_core(self, definition: bytes) -> None:
        """Write a core type definition."""

    @abstractmethod
    def _alias(self, alias: bytes) -> None:
        """Write an alias."""

    def _next_type(self) -> int:
        self._types += 1
        return self._types - 1

    def add_instance(self, instance: InstanceType) -> int:
        """The index of an instance that was just written; its type exports can be referred to from now on."""
        index = self.instances
        self.instances += 1
        self._own(instance, index, ())
        return index

    def _own(self, instance: InstanceType, index: int, path: tuple[str, ...]) -> None:
        for export, extern in instance.exports.items():
            if isinstance(extern, TypeBound):
                for identity in _chain(extern.type):
                    self._owners.setdefault(identity, (index, (*path, export)))
            elif isinstance(extern, InstanceType):
                self._own(extern, index, (*path, export))

    def find(self, identity: Identity) -> int | None:
        """The index of `identity` here, None when no enclosing scope knows it. May write an alias."""
        index = self._known.get(identity)
        if index is None:
            if identity in self._owners:
                instance, path = self._owners[identity]
                for export in path[:-1]:
                    self._alias(write.instance_alias(Sort.INSTANCE, instance, export))
                    instance = self.instances
                    self.instances += 1
                self._alias(write.instance_alias(Sort.TYPE, instance, path[-1]))
            else:
                outer = self._parent.find(identity) if self._parent is not None else None
                if outer is None:
                    return None
                self._alias(write.outer_alias(Sort.TYPE, 1, outer))
            index = self._known[identity] = self._next_type()
        return index

    def ref(self, value: ValueType) -> Ref:
        """The reference to `value`, which is written first if it has to be. Raises: UnknownResource."""
        if isinstance(value, Primitive):
            return value
        return self.type_index(value)

    def type_index(self, value: AnyType) -> int:
        """The index of `value`, which is written first if it has to be. Raises: UnknownResource."""
        if isinstance(value, (Alias, Resource)):
            index = self.find(value)
            if index is not None:
                return index
            if isinstance(value, Resource):
                raise UnknownResource(value)
            return self.type_index(value.target)
        if isinstance(value, InstanceType):  # the second time, its resources are those of the first
            return self._write(value)
        known = self._written.get(id(value))
        if known is None:
            known = self._written[id(value)] = (value, self._write(value))
        return known[1]

    def _write(self, value: AnyType) -> int:
        """The index of a type that is no identity: of an equal one where there is one, else newly written."""
        if isinstance(value, (InstanceType, ComponentType)):
            scope = TypeScope(self)
            opcode = b"\x42"
            if isinstance(value, ComponentType):
                opcode = b"\x41"
                scope.declare_imports(value.imports, value.import_attributes)
                scope.declare_exports(value.exports, value.export_attributes)
            else:
                scope.declare_exports(value.exports)
            self._define(opcode + write.vector(scope.declarations))
            return self._next_type()
        if isinstance(value, (Alias, Resource)):
            raise TypeError("an identity has an index, not a definition")
        written = value if isinstance(value, Primitive) else value.map(self.ref)
        index = self._structures.get(written)
        if index is None:
            self._define(
                write.func_type(written) if isinstance(written, FuncType) else write.defined_type(written)
            )
            index = self._structures[written] = self._next_type()
        return index

    def describe(self, extern: ExternType) -> bytes:
        """The `externdesc` of an import or export of `extern`. Raises: UnknownResource, UnwritableType."""
        if isinstance(extern, FuncType):
            return Sort.FUNC.value + leb(self.type_index(extern))
        if isinstance(extern, InstanceType):
            return Sort.INSTANCE.value + leb(self.type_index(extern))
        if isinstance(extern, ComponentType):
            return Sort.COMPONENT.value + leb(self.type_index(extern))
        if isinstance(extern, CoreModule):
            if extern.type is None:
                raise UnwritableType
            self._define_core(write.core_module_type(extern.type))
            self._core_types += 1
            return Sort.CORE_MODULE.value + leb(self._core_types - 1)
        return Sort.TYPE.value + self._bound(extern.type)

    def _bound(self, identity: Identity) -> bytes:
        """What an import or export says of a type: equal to one that is known, or a new resource."""
        for step in _chain(identity):
            index = self.find(step)
            if index is not None:
                return b"\x00" + leb(index)
        if isinstance(strip(identity), Resource):
            return b"\x01"
        target = identity.target if isinstance(identity, Alias) else identity
        return b"\x00" + leb(self.type_index(target))

    def introduce(self, extern: ExternType) -> None:
        """Count an item that was just imported or exported in the index space of its sort."""
        if isinstance(extern, TypeBound):
            index = self._next_type()
            for identity in _chain(extern.type):
                self._known.setdefault(identity, index)
            unnamed = created(extern.type)
            if not isinstance(unnamed, (Alias, Resource)):
                self._written[id(unnamed)] = self._introduced[id(unnamed)] = (unnamed, index)
        elif isinstance(extern, InstanceType):
            self.add_instance(extern)
        elif isinstance(extern, FuncType):
            self.funcs += 1


class TypeScope(_Scope):
    """The inside of a component type or an instance type."""

    def __init__(self, parent: _Scope | None) -> None:
        super().__init__(parent)
        self.declarations: list[bytes] = []

    def _define(self, definition: bytes) -> None:
        self.declarations.append(b"\x01" + definition)

    def _define_core(self, definition: bytes) -> None:
        self.declarations.append(b"\x00" + definition)

    def _alias(self, alias: bytes) -> None:
        self.declarations.append(b"\x02" + alias)

    def declare_imports(self, externs: Mapping[str, ExternType], attributes: Attributes = _NONE) -> None:
        """Write imports, in order."""
        self._declare(b"\x03", externs, attributes)

    def declare_exports(self, externs: Mapping[str, ExternType], attributes: Attributes = _NONE) -> None:
        """Write exports, in order."""
        self._declare(b"\x04", externs, attributes)

    def _declare(self, kind: bytes, externs: Mapping[str, ExternType], attributes: Attributes) -> None:
        for text, extern in externs.items():
            described = self.describe(extern)
            self.declarations.append(kind + write.extern_name(text, attributes.get(text, ())) + described)
            self.introduce(extern)


class ComponentScope(_Scope):
    """The index spaces of the component that is being written. `sections` are in the order of writing."""

    def __init__(self) -> None:
        super().__init__(None)
        self.sections: list[bytes] = []

    def _define(self, definition: bytes) -> None:
        self.sections.append(section(0x07, b"\x01" + definition))

    def _define_core(self, definition: bytes) -> None:
        self.sections.append(section(0x03, b"\x01" + definition))

    def _alias(self, alias: bytes) -> None:
        self.sections.append(section(0x06, b"\x01" + alias))

    def add_type(self, identity: Identity) -> int:
        """The index of a type alias that was just written for `identity`."""
        index = self._next_type()
        self._known.setdefault(identity, index)
        return index

    def introduce_export(self, extern: ExternType) -> None:
        """Count the index that an export makes; of a type, it is the one to refer to from now on.

        Exports may only mention types by the index under which those are exported (Explainer, "Type Checking").
        """
        if isinstance(extern, TypeBound):
            self._known[extern.type] = self._next_type()
            self._written = dict(self._introduced)
        elif isinstance(extern, InstanceType):
            self.instances += 1
        elif isinstance(extern, FuncType):
            self.funcs += 1

    def describe_anew(self, extern: ExternType) -> bytes:
        """The `externdesc` of an export that mentions exported types; a type is said to be what it consists of.

        Raises: UnknownResource, UnwritableType.
        """
        if isinstance(extern, TypeBound) and isinstance(extern.type, Alias):
            return Sort.TYPE.value + b"\x00" + leb(self.type_index(extern.type.target))
        return self.describe(extern)

    def import_extern(
        self, text: str, extern: ExternType, attributes: Sequence[tuple[Attribute, str]] = ()
    ) -> None:
        """Write an import. Raises: UnknownResource, UnwritableType."""
        described = self.describe(extern)
        self.sections.append(section(0x0A, b"\x01" + write.extern_name(text, attributes) + described))
        self.introduce(extern)
