"""What a type comes to: how deep it is, what it takes in memory, which core values it is flattened to.

Canonical ABI, "Alignment", "Element Size" and "Flattening", with addresses of 64 bits where size is limited and of
32 bits where core functions are typed. Everything is worked out once for each type.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from wpkg.component.core_types import F32, F64, I32, I64
from wpkg.component.errors import MalformedComponent
from wpkg.component.types import (
    Alias,
    Borrow,
    ComponentType,
    EnumType,
    FixedList,
    Flags,
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
    Variant,
    members,
    strip,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from wpkg.component.core_types import CoreValue
    from wpkg.component.types import (
        AnyType,
        ValueType,
    )

MAX_TYPE_DEPTH = 100  # value types in value types; that of types in types is decode's
MAX_VALUE_SIZE = (1 << 28) - 1  # bytes of one value
MAX_FLAT = 17  # core values that anything is flattened to; 16 is the most that is passed as such

_POINTER = 8  # bytes of an address
_SIZES = {
    **dict.fromkeys((Primitive.BOOL, Primitive.S8, Primitive.U8), 1),
    **dict.fromkeys((Primitive.S16, Primitive.U16), 2),
    **dict.fromkeys((Primitive.S32, Primitive.U32, Primitive.F32, Primitive.CHAR, Primitive.ERROR_CONTEXT), 4),
    **dict.fromkeys((Primitive.S64, Primitive.U64, Primitive.F64), 8),
    Primitive.STRING: 2 * _POINTER,
}
_FLAT = {
    **dict.fromkeys(Primitive, (I32,)),
    **dict.fromkeys((Primitive.S64, Primitive.U64), (I64,)),
    Primitive.F32: (F32,),
    Primitive.F64: (F64,),
    Primitive.STRING: (I32, I32),
}


class Measure(NamedTuple):
    """What is known of one type. Sizes in bytes."""

    depth: int
    size: int
    alignment: int
    has_borrow: bool
    has_pointer: bool  # into a linear memory


def _of_primitive(primitive: Primitive) -> Measure:
    size = _SIZES[primitive]
    return Measure(0, size, min(size, _POINTER), has_borrow=False, has_pointer=primitive is Primitive.STRING)


_PRIMITIVES = {primitive: _of_primitive(primitive) for primitive in Primitive}
_NO_VALUE = Measure(0, 0, 1, has_borrow=False, has_pointer=False)
_FIXED: dict[type, Measure] = {
    Own: Measure(1, 4, 4, has_borrow=False, has_pointer=False),
    Borrow: Measure(1, 4, 4, has_borrow=True, has_pointer=False),
    Resource: _NO_VALUE,
    InstanceType: _NO_VALUE,
    ComponentType: _NO_VALUE,
}
# Whatever the members have.
_HAS_POINTER: dict[type, bool] = {ListType: True, MapType: True, StreamType: False, FutureType: False}


class Measures:
    """Measures and flat forms of types, each worked out once."""

    def __init__(self) -> None:
        self._measures: dict[int, tuple[AnyType, Measure]] = {}  # id -> (kept alive, measure)
        self._flat: dict[int, tuple[AnyType, tuple[CoreValue, ...]]] = {}

    def measure(self, entry: AnyType) -> Measure:
        """What `entry` comes to. Raises: MalformedComponent where it is too deep or too large."""
        if isinstance(entry, Primitive):
            return _PRIMITIVES[entry]
        fixed = _FIXED.get(type(entry))
        if fixed is not None:
            return fixed
        known = self._measures.get(id(entry))
        if known is None:
            known = self._measures[id(entry)] = (entry, self._work_out(entry))
        return known[1]

    def _work_out(self, entry: AnyType) -> Measure:
        if isinstance(entry, Alias):
            depth, size, alignment, borrows, pointer = self.measure(entry.target)
        else:
            kind = type(entry)
            parts = [self.measure(member) for member in members(entry) if member is not None]
            depth, borrows, pointer = 0, False, False
            for part in parts:
                depth = max(depth, part.depth)
                borrows = borrows or part.has_borrow
                pointer = pointer or part.has_pointer
            rule = _LAID_OUT.get(kind)
            size, alignment = (0, 1) if rule is None else rule(entry, parts)
            pointer = _HAS_POINTER.get(kind, pointer)
        if depth >= MAX_TYPE_DEPTH:
            raise MalformedComponent(f"a type is nested more than {MAX_TYPE_DEPTH} deep")
        if size > MAX_VALUE_SIZE:
            raise MalformedComponent(f"a value of a type takes more than {MAX_VALUE_SIZE} bytes")
        return Measure(depth + 1, size, alignment, borrows, pointer)

    def flat(self, value: ValueType) -> tuple[CoreValue, ...]:
        """The core values that `value` is flattened to, the first MAX_FLAT of them."""
        found = strip(value)
        if isinstance(found, Primitive):
            return _FLAT[found]
        known = self._flat.get(id(found))
        if known is None:
            known = self._flat[id(found)] = (found, self._flatten(found))
        return known[1]

    def flat_all(self, values: Iterable[ValueType]) -> tuple[CoreValue, ...]:
        """The same for `values` one after the other."""
        flat: list[CoreValue] = []
        for value in values:
            flat += self.flat(value)
            if len(flat) >= MAX_FLAT:
                break
        return tuple(flat[:MAX_FLAT])

    def _flatten(self, found: AnyType) -> tuple[CoreValue, ...]:
        match found:
            case Record(fields):
                return self.flat_all([field for _, field in fields])
            case TupleType(elements):
                return self.flat_all(elements)
            case FixedList(element, length):
                return self.flat_all([element] * min(length, MAX_FLAT))
            case Variant(cases):
                return self._joined([payload for _, payload in cases])
            case OptionType(inner):
                return self._joined([None, inner])
            case ResultType(ok, error):
                return self._joined([ok, error])
            case ListType() | MapType():
                return (I32, I32)
            case _:
                return (I32,)

    def _joined(self, payloads: Iterable[ValueType | None]) -> tuple[CoreValue, ...]:
        joined: tuple[CoreValue, ...] = ()
        for payload in payloads:
            if payload is not None:
                pairs = zip_longest(joined, self.flat(payload))
                joined = tuple([_join(left, right) for left, right in pairs])
        return (I32, *joined)[:MAX_FLAT]


def _join(left: CoreValue | None, right: CoreValue | None) -> CoreValue:
    if left is None or right is None:
        return cast("CoreValue", right if left is None else left)
    if left == right:
        return left
    return I32 if {left, right} == {I32, F32} else I64


def _aligned(offset: int, alignment: int) -> int:
    return -(-offset // alignment) * alignment


def _in_a_row(members: Iterable[Measure]) -> tuple[int, int]:
    size, alignment = 0, 1
    for _, own_size, own_alignment, _, _ in members:
        size += -size % own_alignment + own_size
        alignment = max(alignment, own_alignment)
    return size + -size % alignment, alignment


def _one_of(cases: int, payloads: Sequence[Measure]) -> tuple[int, int]:
    discriminant = 1 if cases <= 1 << 8 else 2 if cases <= 1 << 16 else 4
    size = max((payload.size for payload in payloads), default=0)
    payload_alignment = max((payload.alignment for payload in payloads), default=1)
    alignment = max(discriminant, payload_alignment)
    return _aligned(_aligned(discriminant, payload_alignment) + size, alignment), alignment


def _flag_bytes(count: int) -> int:
    return 1 if count <= 8 else 2 if count <= 16 else 4


_ADDRESS_AND_LENGTH = (2 * _POINTER, _POINTER)

# Size and alignment of a type of the class beside, from it and its members; other types are no values.
_LAID_OUT: dict[type, Callable[[Any, Sequence[Measure]], tuple[int, int]]] = {
    Record: lambda _, parts: _in_a_row(parts),
    TupleType: lambda _, parts: _in_a_row(parts),
    Variant: lambda t, parts: _one_of(len(t.cases), parts),
    OptionType: lambda _, parts: _one_of(2, parts),
    ResultType: lambda _, parts: _one_of(2, parts),
    EnumType: lambda t, parts: _one_of(len(t.labels), parts),
    Flags: lambda t, _: (_flag_bytes(len(t.labels)),) * 2,
    ListType: lambda *_: _ADDRESS_AND_LENGTH,
    MapType: lambda *_: _ADDRESS_AND_LENGTH,
    FixedList: lambda t, parts: (t.length * parts[0].size, parts[0].alignment),
    StreamType: lambda *_: (4, 4),  # an index
    FutureType: lambda *_: (4, 4),
}
