"""Types of the component model, as values.

One family of classes serves three readings, told apart by what stands where a type refers to another:

- *as written*: an index (`int`) or a primitive. `wpkg.component.decode` makes these.
- *evaluated*: another type. `wpkg.component.evaluate` makes these.
- *to be written*: an index again. `wpkg.component.write` makes these from evaluated ones.

`map` goes from one reading to another. Composite types are compared by `wpkg.component.subtype`, never with
`==`, because what makes two types the same depends on which resources stand for each other.

Identity. `Resource` and `Alias` are identities: each object is one, equal only to itself. An import or export
of a type makes a new identity (*created*), whose `target` is what it stands for (*referenced*; Explainer,
"Type Checking"). The chain from one to the other is how a `use` is recognised.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wpkg.component.core_types import CoreModuleType
    from wpkg.component.definitions import Attribute

    Attributes = Mapping[str, tuple[tuple[Attribute, str], ...]]

R = TypeVar("R")  # what a reference to a type is, in this reading
S = TypeVar("S")


class Primitive(Enum):
    """`primvaltype`; the value is the opcode."""

    BOOL = 0x7F
    S8 = 0x7E
    U8 = 0x7D
    S16 = 0x7C
    U16 = 0x7B
    S32 = 0x7A
    U32 = 0x79
    S64 = 0x78
    U64 = 0x77
    F32 = 0x76
    F64 = 0x75
    CHAR = 0x74
    STRING = 0x73
    ERROR_CONTEXT = 0x64

    __hash__ = object.__hash__  # the same, and not written in Python

    @property
    def keyword(self) -> str:
        """The word for it in WIT."""
        return self.name.lower().replace("_", "-")


class Record(Struct, Generic[R], frozen=True):
    """`record`: named fields in order."""

    fields: tuple[tuple[str, R], ...]

    def map(self, change: Callable[[R], S]) -> Record[S]:
        """The same with every reference changed."""
        return Record(tuple([(name, change(field)) for name, field in self.fields]))


class Variant(Struct, Generic[R], frozen=True):
    """`variant`: named cases in order, each with or without a payload."""

    cases: tuple[tuple[str, R | None], ...]

    def map(self, change: Callable[[R], S]) -> Variant[S]:
        """The same with every reference changed."""
        return Variant(tuple([(n, None if c is None else change(c)) for n, c in self.cases]))


class ListType(Struct, Generic[R], frozen=True):
    """`list<element>`."""

    element: R

    def map(self, change: Callable[[R], S]) -> ListType[S]:
        """The same with every reference changed."""
        return ListType(change(self.element))


class FixedList(Struct, Generic[R], frozen=True):
    """`list<element, length>`."""

    element: R
    length: int

    def map(self, change: Callable[[R], S]) -> FixedList[S]:
        """The same with every reference changed."""
        return FixedList(change(self.element), self.length)


class TupleType(Struct, Generic[R], frozen=True):
    """`tuple<…>`."""

    elements: tuple[R, ...]

    def map(self, change: Callable[[R], S]) -> TupleType[S]:
        """The same with every reference changed."""
        return TupleType(tuple([change(element) for element in self.elements]))


class Flags(Struct, Generic[R], frozen=True):
    """`flags`: labels in order."""

    labels: tuple[str, ...]

    def map(self, change: Callable[[R], S]) -> Flags[S]:  # noqa: ARG002
        """The same: there are no references."""
        return Flags(self.labels)


class EnumType(Struct, Generic[R], frozen=True):
    """`enum`: labels in order."""

    labels: tuple[str, ...]

    def map(self, change: Callable[[R], S]) -> EnumType[S]:  # noqa: ARG002
        """The same: there are no references."""
        return EnumType(self.labels)


class OptionType(Struct, Generic[R], frozen=True):
    """`option<value>`."""

    value: R

    def map(self, change: Callable[[R], S]) -> OptionType[S]:
        """The same with every reference changed."""
        return OptionType(change(self.value))


class ResultType(Struct, Generic[R], frozen=True):
    """`result<ok, error>`, either side may be absent."""

    ok: R | None
    error: R | None

    def map(self, change: Callable[[R], S]) -> ResultType[S]:
        """The same with every reference changed."""
        return ResultType(
            None if self.ok is None else change(self.ok), None if self.error is None else change(self.error)
        )


class Own(Struct, Generic[R], frozen=True):
    """`own<resource>`."""

    resource: R

    def map(self, change: Callable[[R], S]) -> Own[S]:
        """The same with every reference changed."""
        return Own(change(self.resource))


class Borrow(Struct, Generic[R], frozen=True):
    """`borrow<resource>`."""

    resource: R

    def map(self, change: Callable[[R], S]) -> Borrow[S]:
        """The same with every reference changed."""
        return Borrow(change(self.resource))


class StreamType(Struct, Generic[R], frozen=True):
    """`stream<payload>`, or `stream` without one."""

    payload: R | None

    def map(self, change: Callable[[R], S]) -> StreamType[S]:
        """The same with every reference changed."""
        return StreamType(None if self.payload is None else change(self.payload))


class FutureType(Struct, Generic[R], frozen=True):
    """`future<payload>`, or `future` without one."""

    payload: R | None

    def map(self, change: Callable[[R], S]) -> FutureType[S]:
        """The same with every reference changed."""
        return FutureType(None if self.payload is None else change(self.payload))


class MapType(Struct, Generic[R], frozen=True):
    """`map<key, value>`."""

    key: R
    value: R

    def map(self, change: Callable[[R], S]) -> MapType[S]:
        """The same with every reference changed."""
        return MapType(change(self.key), change(self.value))


class FuncType(Struct, Generic[R], frozen=True):
    """`func` and `async func`: named parameters in order, at most one result."""

    params: tuple[tuple[str, R], ...]
    result: R | None
    is_async: bool = False

    def map(self, change: Callable[[R], S]) -> FuncType[S]:
        """The same with every reference changed."""
        return FuncType(
            tuple([(name, change(param)) for name, param in self.params]),
            None if self.result is None else change(self.result),
            self.is_async,
        )


class Resource:
    """One resource type. `name` is for people; identity is the object's."""

    __slots__ = ("name",)

    def __init__(self, name: str = "") -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<Resource {self.name or '?'} {id(self):#x}>"


class Alias:
    """One created identity: a type under the name that an import or export gave it.

    An alias without a name is no identity of its own: it lets a type that is none be passed on, as an argument or
    in an instance made of items that exist.
    """

    __slots__ = ("name", "target")

    def __init__(self, target: AnyType, name: str = "") -> None:
        self.target = target
        self.name = name

    def __repr__(self) -> str:
        return f"<Alias {self.name or '?'} = {self.target!r}>"


class TypeBound(Struct, frozen=True):
    """An import or export of a type. `type` is what it creates: a resource of its own, or an alias."""

    type: Identity


class CoreModule(Struct, frozen=True):
    """A core module; `type` is None for a module that exists, whose code is not read."""

    type: CoreModuleType | None = None


class InstanceType(Struct, frozen=True):
    """What an instance exports.

    `created` are the identities that a *type* brings with it, to be made anew at each import or export of it
    (Explainer, "Type Checking"); it is empty for the type of an instance that exists. `attributes` are those of
    the export names that have any.
    """

    exports: Mapping[str, ExternType]
    created: tuple[Identity, ...] = ()
    attributes: Attributes = {}


class ComponentType(Struct, frozen=True):
    """What a component imports and exports. `created` as in InstanceType, made anew at each instantiation."""

    imports: Mapping[str, ExternType]
    exports: Mapping[str, ExternType]
    created: tuple[Identity, ...] = ()
    import_attributes: Attributes = {}
    export_attributes: Attributes = {}


# Unions are for those who check types: making them takes longer than making the classes.
if TYPE_CHECKING:
    Structure = (
        Record[R]
        | Variant[R]
        | ListType[R]
        | FixedList[R]
        | TupleType[R]
        | Flags[R]
        | EnumType[R]
        | OptionType[R]
        | ResultType[R]
        | Own[R]
        | Borrow[R]
        | StreamType[R]
        | FutureType[R]
        | MapType[R]
    )
    Identity = Resource | Alias
    # "ValueType" in quotes: the definition is recursive.
    ValueType = Primitive | Structure["ValueType"] | Alias | Resource
    """An evaluated type that is no function, instance or component. `Resource` stands only in own and borrow."""

    EvaluatedFunc = FuncType[ValueType]

    AnyType = ValueType | EvaluatedFunc | InstanceType | ComponentType
    """An entry of the type index space; what an alias can stand for."""

    ExternType = EvaluatedFunc | InstanceType | ComponentType | TypeBound | CoreModule


def strip(value: AnyType) -> AnyType:
    """What stands at the end of a chain of aliases."""
    while isinstance(value, Alias):
        value = value.target
    return value


# Each function takes a type of the class that it stands beside.
_MEMBERS: dict[type, Callable[[Any], Sequence[AnyType | None]]] = {
    Record: lambda t: [field for _, field in t.fields],
    Variant: lambda t: [payload for _, payload in t.cases],
    ListType: lambda t: (t.element,),
    FixedList: lambda t: (t.element,),
    TupleType: lambda t: t.elements,
    OptionType: lambda t: (t.value,),
    ResultType: lambda t: (t.ok, t.error),
    Own: lambda t: (t.resource,),
    Borrow: lambda t: (t.resource,),
    StreamType: lambda t: (t.payload,),
    FutureType: lambda t: (t.payload,),
    MapType: lambda t: (t.key, t.value),
    FuncType: lambda t: [*[param for _, param in t.params], t.result],
}


def members(value: AnyType) -> Sequence[AnyType | None]:
    """The types that `value` refers to directly, None where there could be one and is not.

    Instances and components have externs instead, and what an alias stands for is no member of it.
    """
    find = _MEMBERS.get(type(value))
    return () if find is None else find(value)


def created(value: AnyType) -> AnyType:
    """The identity of `value`: itself, or what an alias without a name stands for."""
    while isinstance(value, Alias) and not value.name:
        value = value.target
    return value
