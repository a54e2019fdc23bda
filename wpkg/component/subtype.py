"""Whether what is given will do for what is wanted (Explainer, "Type Checking").

One `Substitution` serves a whole instantiation: it says which resources of the provider stand for which of the
consumer, so two interfaces that share a resource are checked together. Bind it first, then compare.

Functions and value types must be equal, as in every validator today; instances may have more exports than are
wanted. Aliases are looked through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.component.core_types import core_module_mismatch
from wpkg.component.describe import describe, describe_extern
from wpkg.component.substitute import Substitution
from wpkg.component.types import (
    Borrow,
    ComponentType,
    CoreModule,
    EnumType,
    FixedList,
    Flags,
    FuncType,
    FutureType,
    InstanceType,
    ListType,
    MapType,
    OptionType,
    Own,
    Primitive,
    Record,
    Resource,
    ResultType,
    StreamType,
    TupleType,
    TypeBound,
    Variant,
    strip,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from wpkg.component.types import (
        AnyType,
        ExternType,
        ValueType,
    )


class Mismatch(Struct, frozen=True):
    """The first difference: the path to it, and what stands there on either side."""

    path: tuple[str, ...]  # outermost first: ('validate', "parameter 't'", "field 'amount'")
    wanted: str
    given: str
    is_identity: bool = False  # whether both are alike, and only not the same resource

    def __str__(self) -> str:
        where = " → ".join(self.path)
        return (
            f"{where}: wanted {self.wanted}, given {self.given}"
            if where
            else f"wanted {self.wanted}, given {self.given}"
        )

    def under(self, *path: str) -> Mismatch:
        """The same difference, seen from further out."""
        return Mismatch((*path, *self.path), self.wanted, self.given, self.is_identity)


def check_extern(given: ExternType, wanted: ExternType, substitution: Substitution) -> Mismatch | None:
    """The first reason why `given` will not do for `wanted`, None when it will.

    `substitution` replaces identities of `wanted` by those of `given`'s side.

    Raises: MalformedComponent, see Work.
    """
    substitution.work.spend(1)
    if isinstance(wanted, FuncType) and isinstance(given, FuncType):
        return _check_func(given, wanted, substitution)
    if isinstance(wanted, InstanceType) and isinstance(given, InstanceType):
        return _check_instance(given, wanted, substitution)
    if isinstance(wanted, TypeBound) and isinstance(given, TypeBound):
        return _check_type(given, wanted, substitution)
    if isinstance(wanted, ComponentType) and isinstance(given, ComponentType):
        return _check_component(given, wanted, substitution)
    if isinstance(wanted, CoreModule) and isinstance(given, CoreModule):
        return _check_module(given, wanted)
    return Mismatch((), describe_extern(wanted), describe_extern(given))


def _check_instance(given: InstanceType, wanted: InstanceType, substitution: Substitution) -> Mismatch | None:
    if substitution.are_known_equal(given, wanted):
        return None
    for name, extern in wanted.exports.items():
        if name not in given.exports:
            return Mismatch((name,), describe_extern(extern), "nothing")
        mismatch = check_extern(given.exports[name], extern, substitution)
        if mismatch is not None:
            return mismatch.under(name)
    substitution.note_equal(given, wanted)
    return None


def _check_module(given: CoreModule, wanted: CoreModule) -> Mismatch | None:
    """None where a type is not known: that of a module that exists is in its code, which is not read.

    Inputs come from validated toolchains; where two components would be *connected* by a module, the planner
    refuses.
    """
    if given.type is None or wanted.type is None:
        return None
    difference = core_module_mismatch(given.type, wanted.type)
    return difference and Mismatch((difference[0],), difference[1], difference[2])


def _check_type(given: TypeBound, wanted: TypeBound, substitution: Substitution) -> Mismatch | None:
    if isinstance(wanted.type, Resource):  # (sub resource)
        found = strip(given.type)
        return None if isinstance(found, Resource) else Mismatch((), "a resource", describe(found))
    return check_type(given.type, wanted.type.target, substitution)


def _check_component(given: ComponentType, wanted: ComponentType, substitution: Substitution) -> Mismatch | None:
    """Imports the other way round, then exports under what the imports have bound."""
    inward = Substitution(work=substitution.work)
    for name, extern in given.imports.items():
        if name not in wanted.imports:
            return Mismatch((f"import {name}",), "nothing", describe_extern(extern))
        inward.bind_extern(extern, wanted.imports[name])
    for name, extern in given.imports.items():
        mismatch = check_extern(wanted.imports[name], extern, inward)
        if mismatch is not None:
            return mismatch.under(f"import {name}")
    exports = InstanceType(inward.externs(given.exports))
    promised = InstanceType(wanted.exports)
    substitution.bind_extern(promised, exports)
    return _check_instance(exports, promised, substitution)


def _check_func(
    given: FuncType[ValueType], wanted: FuncType[ValueType], substitution: Substitution
) -> Mismatch | None:
    if given.is_async != wanted.is_async:
        kinds = ("a function", "an async function")
        return Mismatch((), kinds[wanted.is_async], kinds[given.is_async])
    mismatch = _check_names("parameter", given.params, wanted.params)
    if mismatch is None:
        mismatch = _first(_check_members("parameter", given.params, wanted.params, substitution))
    return mismatch or _check_optional("result", given.result, wanted.result, substitution)


def check_type(given: AnyType, wanted: AnyType, substitution: Substitution) -> Mismatch | None:
    """The first difference between two types, None when they are equal."""
    left, right = strip(given), substitution.root(wanted)
    if left is right:
        return None
    if isinstance(left, (InstanceType, ComponentType)) and isinstance(right, (InstanceType, ComponentType)):
        return _check_both_ways(left, right, substitution)
    rule = _RULES.get(type(right))
    if rule is None or type(left) is not type(right):
        return Mismatch((), describe(right), describe(left))
    if substitution.are_known_equal(left, right):
        return None
    mismatch = rule(left, right, substitution)
    if mismatch is None:
        substitution.note_equal(left, right)
    return mismatch


def _check_both_ways(
    given: InstanceType | ComponentType, wanted: InstanceType | ComponentType, substitution: Substitution
) -> Mismatch | None:
    """Types of instances and components are equal when each will do for the other."""
    if substitution.are_known_equal(given, wanted):
        return None
    back = Substitution(work=substitution.work)
    mismatch = check_extern(given, wanted, substitution) or check_extern(wanted, given, back)
    if mismatch is None:
        substitution.note_equal(given, wanted)
    return mismatch


def _check_names(
    what: str, given: Sequence[tuple[str, object]], wanted: Sequence[tuple[str, object]]
) -> Mismatch | None:
    """Names and order of members; the first that is not where it is wanted."""
    for i, (name, _) in enumerate(wanted):
        if i >= len(given):
            return Mismatch((), f"{what} '{name}'", "nothing")
        if given[i][0] != name:
            return Mismatch((), f"{what} '{name}'", f"{what} '{given[i][0]}'")
    if len(given) > len(wanted):
        return Mismatch((), f"no {what} '{given[len(wanted)][0]}'", "one")
    return None


def _check_members(
    what: str,
    given: Sequence[tuple[str, ValueType]],
    wanted: Sequence[tuple[str, ValueType]],
    substitution: Substitution,
) -> Iterator[Mismatch | None]:
    for (name, left), (_, right) in zip(given, wanted, strict=True):
        mismatch = check_type(left, right, substitution)
        yield mismatch and mismatch.under(f"{what} '{name}'")


def _check_optional(
    what: str, given: ValueType | None, wanted: ValueType | None, substitution: Substitution
) -> Mismatch | None:
    if given is None or wanted is None:
        if given is wanted:
            return None
        return Mismatch((what,), _in_words(wanted), _in_words(given))
    mismatch = check_type(given, wanted, substitution)
    return mismatch and mismatch.under(what)


def _in_words(value: ValueType | None) -> str:
    return "nothing" if value is None else describe(value)


def _first(mismatches: Iterable[Mismatch | None]) -> Mismatch | None:
    return next((mismatch for mismatch in mismatches if mismatch is not None), None)


def _record(given: Record[ValueType], wanted: Record[ValueType], by: Substitution) -> Mismatch | None:
    return _check_names("field", given.fields, wanted.fields) or _first(
        _check_members("field", given.fields, wanted.fields, by)
    )


def _variant(given: Variant[ValueType], wanted: Variant[ValueType], by: Substitution) -> Mismatch | None:
    return _check_names("case", given.cases, wanted.cases) or _first(
        _check_optional(f"case '{name}'", left, right, by)
        for (name, left), (_, right) in zip(given.cases, wanted.cases, strict=True)
    )


def _labels(
    given: Flags[ValueType] | EnumType[ValueType],
    wanted: Flags[ValueType] | EnumType[ValueType],
    _: Substitution,
) -> Mismatch | None:
    return _check_names("label", [(g, None) for g in given.labels], [(w, None) for w in wanted.labels])


def _tuple(given: TupleType[ValueType], wanted: TupleType[ValueType], by: Substitution) -> Mismatch | None:
    if len(given.elements) != len(wanted.elements):
        return Mismatch((), describe(wanted), describe(given))
    pairs = zip(given.elements, wanted.elements, strict=True)
    return _first(_check_optional(f"element {i}", left, right, by) for i, (left, right) in enumerate(pairs))


def _list(given: ListType[ValueType], wanted: ListType[ValueType], by: Substitution) -> Mismatch | None:
    return _check_optional("element", given.element, wanted.element, by)


def _fixed_list(given: FixedList[ValueType], wanted: FixedList[ValueType], by: Substitution) -> Mismatch | None:
    if given.length != wanted.length:
        return Mismatch((), describe(wanted), describe(given))
    return _check_optional("element", given.element, wanted.element, by)


def _option(given: OptionType[ValueType], wanted: OptionType[ValueType], by: Substitution) -> Mismatch | None:
    return _check_optional("value", given.value, wanted.value, by)


def _result(given: ResultType[ValueType], wanted: ResultType[ValueType], by: Substitution) -> Mismatch | None:
    return _check_optional("ok", given.ok, wanted.ok, by) or _check_optional(
        "error", given.error, wanted.error, by
    )


def _handle(
    given: Own[ValueType] | Borrow[ValueType], wanted: Own[ValueType] | Borrow[ValueType], by: Substitution
) -> Mismatch | None:
    return check_type(given.resource, wanted.resource, by)


def _payload(
    given: StreamType[ValueType] | FutureType[ValueType],
    wanted: StreamType[ValueType] | FutureType[ValueType],
    by: Substitution,
) -> Mismatch | None:
    return _check_optional("payload", given.payload, wanted.payload, by)


def _map(given: MapType[ValueType], wanted: MapType[ValueType], by: Substitution) -> Mismatch | None:
    return _check_optional("key", given.key, wanted.key, by) or _check_optional(
        "value", given.value, wanted.value, by
    )


def _primitive(given: Primitive, wanted: Primitive, _: Substitution) -> Mismatch | None:
    return None if given is wanted else Mismatch((), describe(wanted), describe(given))


def _resource(given: Resource, wanted: Resource, _: Substitution) -> Mismatch | None:
    # A resource that a component defines has no name of its own.
    sides = (f"the resource {wanted.name}".rstrip(), f"another resource {given.name}".rstrip())
    return Mismatch((), *sides, is_identity=True)


# Each rule takes two types of the class it stands under.
_RULES: dict[type, Callable[..., Mismatch | None]] = {
    FuncType: _check_func,
    Primitive: _primitive,
    Resource: _resource,
    Record: _record,
    Variant: _variant,
    Flags: _labels,
    EnumType: _labels,
    TupleType: _tuple,
    ListType: _list,
    FixedList: _fixed_list,
    OptionType: _option,
    ResultType: _result,
    Own: _handle,
    Borrow: _handle,
    StreamType: _payload,
    FutureType: _payload,
    MapType: _map,
}
