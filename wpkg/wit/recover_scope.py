"""The types and functions of one interface or world, back from evaluated types to what a text would say.

A type whose chain of identities leads to a named type that is there already is a `use` of it, or another name for
it in the same interface. Everything else is a definition. What WIT has no words for becomes a note: a sentence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard, cast

from msgspec import Struct

from wpkg.component.definitions import Attribute
from wpkg.component.describe import describe_extern
from wpkg.component.errors import quoted
from wpkg.component.substitute import Work
from wpkg.component.types import (
    Alias,
    Borrow,
    ComponentType,
    EnumType,
    Flags,
    FuncType,
    InstanceType,
    Own,
    Primitive,
    Record,
    Resource,
    TypeBound,
    Variant,
    strip,
)
from wpkg.errors import InvalidInput
from wpkg.wit.errors import Source, Span
from wpkg.wit.syntax import (
    UNGATED,
    FuncItem,
    FuncKind,
    Gate,
    Ident,
    ResourceFunc,
    ResourceItem,
    TypeItem,
    UseItem,
    UsePath,
    WrittenType,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wpkg.component.types import (
        AnyType,
        EvaluatedFunc,
        Identity,
        ValueType,
    )
    from wpkg.wit.syntax import (
        Definition,
        InterfaceItem,
        PackageId,
    )

WrittenFunc = FuncType[WrittenType]
NOWHERE = Span(Source("", ""), 0, 0)  # of what stands in no text
_NAMED = (Record, Variant, Flags, EnumType)


class NamelessType(InvalidInput):
    """A type that would need a name and has none; valid components have none such."""


class Used(Struct, frozen=True):
    """A type of another interface, where it is called `there`."""

    owner: TypeScope
    there: str
    gate: Gate


class TypeScope:
    """What one interface or world has so far.

    `label` is the interface's name in `package`; None for a world and for an interface without a name, whose types
    nobody else can use.
    """

    def __init__(self, what: str, package: PackageId, label: str | None) -> None:
        self.what = what
        self.package = package
        self.label = label
        self.types: dict[str, Used | TypeItem | ResourceItem] = {}
        self.funcs: dict[str, tuple[WrittenFunc, Gate]] = {}
        self.names: dict[Identity, str] = {}  # what each type is called here

    def path(self, package: PackageId) -> UsePath:
        """How this interface is referred to in `package`."""
        other = None if str(self.package) == str(package) else self.package
        return UsePath(other, ident(self.label or ""), NOWHERE)

    def type_items(self) -> Iterator[UseItem | TypeItem | ResourceItem]:
        """`use` statements, then types in order, resources with their functions."""
        yield from self._uses()
        functions: dict[str, list[ResourceFunc]] = {}
        for name, (func, gate) in self.funcs.items():
            kind, resource, member = annotation(name)
            if kind is not None:
                functions.setdefault(resource, []).append(ResourceFunc(kind, ident(member), func, gate, ()))
        for name, item in self.types.items():
            if isinstance(item, ResourceItem):
                yield ResourceItem(item.name, tuple(functions.get(name, ())), item.gate, item.docs)
            elif isinstance(item, TypeItem):
                yield item

    def _uses(self) -> Iterator[UseItem]:
        owner: TypeScope | None = None
        gate = UNGATED
        names: list[tuple[Ident, Ident]] = []
        for name, item in self.types.items():
            if not isinstance(item, Used):
                continue
            if owner is not None and (item.owner is not owner or item.gate != gate):
                yield UseItem(owner.path(self.package), tuple(names), gate)
                names = []
            owner, gate = item.owner, item.gate
            names.append((ident(item.there), ident(name)))
        if owner is not None:
            yield UseItem(owner.path(self.package), tuple(names), gate)

    def func_items(self) -> Iterator[FuncItem]:
        """The functions that are of no resource."""
        for name, (func, gate) in self.funcs.items():
            if annotation(name)[0] is None:
                yield FuncItem(ident(name), func, gate, ())

    def items(self) -> tuple[InterfaceItem, ...]:
        """Everything, as an interface has it."""
        return (*self.type_items(), *self.func_items())


class TypeRecovery:
    """Finds out which type is a use of which; `notes` are in the order in which they come up."""

    def __init__(self) -> None:
        self.notes: dict[str, None] = {}
        self._work = Work()
        self._owners: dict[Identity, tuple[TypeScope, str]] = {}

    def note(self, sentence: str) -> None:
        """Say what the text cannot."""
        self.notes[sentence] = None

    def fill(self, scope: TypeScope, instance: InstanceType) -> None:
        """Take the exports of an instance into `scope`, which may have some of them from another instance."""
        for name, extern in instance.exports.items():
            gate = gate_of(instance.attributes.get(name, ()))
            if isinstance(extern, TypeBound):
                self.add_type(scope, name, extern.type, gate)
            elif isinstance(extern, FuncType):
                self.add_func(scope, name, extern, gate)
            else:
                self.note(
                    f"{quoted(name)} of {scope.what} is {describe_extern(extern)}, which an interface cannot have"
                )
                if isinstance(extern, InstanceType):
                    self.fill(TypeScope(f"{quoted(name)} of {scope.what}", scope.package, None), extern)

    # --- types -------------------------------------------------------------------------------------

    def add_type(self, scope: TypeScope, name: str, identity: Identity, gate: Gate) -> None:
        """Take a type into `scope` under `name`."""
        target = strip(identity)
        if isinstance(target, (FuncType, InstanceType, ComponentType)):
            self.note(
                f"{quoted(name)} of {scope.what} is a type of {_PLURALS[type(target)]}, which WIT does not name"
            )
            return
        item = self._type_item(scope, name, identity, gate)
        if scope.types.setdefault(name, item) != item:
            self._note_difference(scope, name)
        self.register(scope, name, identity)

    def register(self, scope: TypeScope, name: str, identity: Identity) -> None:
        """From now on `identity` is called `name` in `scope`, and is `scope`'s unless it was another's before."""
        self._owners.setdefault(identity, (scope, name))
        for known in chain(identity):
            scope.names.setdefault(known, name)
            if isinstance(known, Resource):
                self._owners.setdefault(known, (scope, name))

    def _type_item(
        self, scope: TypeScope, name: str, identity: Identity, gate: Gate
    ) -> Used | TypeItem | ResourceItem:
        owner, there = self._owner(identity) or (None, "")
        if owner is scope and there == name:
            if isinstance(strip(identity), Resource):
                self.note(
                    f"resource {quoted(name)} is one and the same wherever {scope.what} is imported or exported"
                )
            return scope.types[name]
        if owner is scope:
            return TypeItem(ident(name), reference(there), gate, ())
        if owner is not None and owner.label is not None:
            return Used(owner, there, gate)
        target = strip(identity)
        if not isinstance(target, Resource):
            return TypeItem(ident(name), self._definition(scope, cast("ValueType", target)), gate, ())
        if owner is not None:
            self.note(f"resource {quoted(name)} of {scope.what} is {quoted(there)} of {owner.what}")
        return ResourceItem(ident(name), (), gate, ())

    def _owner(self, identity: Identity) -> tuple[TypeScope, str] | None:
        return next((self._owners[known] for known in chain(identity) if known in self._owners), None)

    def _note_difference(self, scope: TypeScope, name: str) -> None:
        self.note(f"{quoted(name)} of {scope.what} is not the same everywhere; shown is the first")

    def _definition(self, scope: TypeScope, target: ValueType) -> Definition:
        if is_named_structure(target):
            return target.map(lambda member: self._written(scope, member))
        if isinstance(target, Own):
            # In a definition, 'own<r>' and 'r' are not the same: 'type a = r' is the resource itself.
            return WrittenType(Own(self._resource(scope, target.resource)), NOWHERE)
        return self._written(scope, target)

    def _written(self, scope: TypeScope, value: ValueType) -> WrittenType:
        """A type where a value is meant. Raises: NamelessType, MalformedComponent when it is too large."""
        self._work.spend(1)
        if isinstance(value, Primitive):
            return WrittenType(value, NOWHERE)
        if isinstance(value, (Alias, Resource)):
            name = self._name(scope, value)
            return reference(name) if name else self._written(scope, cast("ValueType", strip(value)))
        if isinstance(value, Own):
            return self._resource(scope, value.resource)
        if isinstance(value, Borrow):
            return WrittenType(Borrow(self._resource(scope, value.resource)), NOWHERE)
        if is_named_structure(value):
            raise NamelessType(f"a type in {scope.what} needs a name and has none")
        return WrittenType(value.map(lambda member: self._written(scope, member)), NOWHERE)

    def _resource(self, scope: TypeScope, resource: ValueType) -> WrittenType:
        name = self._name(scope, cast("Identity", resource))
        if not name:
            raise NamelessType(f"a resource in {scope.what} has no name")
        return reference(name)

    def _name(self, scope: TypeScope, identity: Identity) -> str:
        """What a type is called in `scope`, '' where it needs no name. A name from elsewhere makes a note."""
        for known in chain(identity):
            if known in scope.names:
                return scope.names[known]
        owner = self._owner(identity)
        if owner is not None:
            where, name = owner
            self.note(f"{scope.what} mentions the type {quoted(name)} of {where.what}, for which it has no name")
            return name
        target = strip(identity)
        if not isinstance(target, Resource) and not isinstance(target, _NAMED):
            return ""
        name = next((known.name for known in chain(identity) if known.name), "")
        if name:
            self.note(f"{scope.what} mentions the type {quoted(name)}, which nothing that WIT can show has")
        return name

    # --- functions ---------------------------------------------------------------------------------

    def add_func(self, scope: TypeScope, name: str, func: EvaluatedFunc, gate: Gate) -> None:
        """Take a function into `scope`."""
        kind, resource, _ = annotation(name)
        if kind is not None and not isinstance(scope.types.get(resource), ResourceItem):
            self.note(f"function {quoted(name)} of {scope.what} is of a resource that is not its own")
            return
        written = self.func(scope, func, kind), gate
        if scope.funcs.setdefault(name, written) != written:
            self._note_difference(scope, name)

    def func(self, scope: TypeScope, func: EvaluatedFunc, kind: FuncKind | None) -> WrittenFunc:
        """A function's type as it is written: what its kind says goes without saying."""
        written = func.map(lambda value: self._written(scope, value))
        if kind is FuncKind.METHOD:
            return FuncType(written.params[1:], written.result, written.is_async)
        if kind is FuncKind.CONSTRUCTOR and isinstance(strip(func.result) if func.result else None, Own):
            return FuncType(written.params, None, written.is_async)
        return written


_PLURALS = {FuncType: "functions", InstanceType: "instances", ComponentType: "components"}


def is_named_structure(
    value: ValueType,
) -> TypeGuard[Record[ValueType] | Variant[ValueType] | Flags[ValueType] | EnumType[ValueType]]:
    """Whether it is a type that WIT can only define, not write where it is used."""
    return isinstance(value, _NAMED)


def chain(identity: Identity) -> Iterator[Identity]:
    """`identity` and what it stands for."""
    value: AnyType = identity
    while isinstance(value, (Alias, Resource)):
        yield value
        if isinstance(value, Resource):
            return
        value = value.target


def ident(name: str) -> Ident:
    """A name that stands in no text."""
    return Ident(name, NOWHERE)


def reference(name: str) -> WrittenType:
    """A type by its name."""
    return WrittenType(ident(name), NOWHERE)


def annotation(name: str) -> tuple[FuncKind | None, str, str]:
    """What `[method]r.f` says: the kind, the resource, the function's own name. None: it is of no resource."""
    kind, bracket, rest = name.rpartition("]")
    if not bracket:
        return None, "", name
    resource, _, member = rest.partition(".")
    return FuncKind(kind[1:]), resource, member or FuncKind.CONSTRUCTOR.value


def gate_of(attributes: tuple[tuple[Attribute, str], ...]) -> Gate:
    """The gate that holds what attributes say."""
    external_id = dict(attributes).get(Attribute.EXTERNAL_ID)
    return UNGATED if external_id is None else Gate(external_id=external_id)
