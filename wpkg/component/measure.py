"""What a type comes to: how deep it is, what it takes in memory, which core values it is flattened to.

Canonical ABI, "Alignment", "Element Size" and "Flattening", with addresses of 64 bits where size is limited and of
32 bits where core functions are typed. Everything is worked out once for each type.
"""

from __future__ import annotations

from itertools import islice, zip_longest
from typing import TYPE_CHECKING, NamedTuple, cast

from wpkg.component.core_types import F32, F64, I32, I64
from wpkg.component.errors import MalformedComponent
from wpkg.component.types import (
    Alias,
    AnyType,
    Borrow,
    ComponentType,
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
    ValueType,
    Variant,
    members,
    strip,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wpkg.component.core_types import CoreValue

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
_INDICES = frozenset({Own, Borrow})
_CHANNELS = frozenset({StreamType, FutureType})
_IN_MEMORY = frozenset({ListType, MapType})

_HANDLE = Measure(1, 4, 4, has_borrow=False, has_pointer=False)
_BORROW = Measure(1, 4, 4, has_borrow=True, has_pointer=False)
_NO_VALUE = Measure(0, 0, 1, has_borrow=False, has_pointer=False)


class Measures:
    """Measures and flat forms of types, each worked out once."""

    def __init__(self) -> None:
        self._measures: dict[int, tuple[AnyType, Measure]] = {}  # id -> (kept alive, measure)
        self._flat: dict[int, tuple[AnyType, tuple[CoreValue, ...]]] = {}

    def measure(self, entry: AnyType) -> Measure:
        """What `entry` comes to. Raises: MalformedComponent where it is too deep or too large."""
        if isinstance(entry, Primitive):
            return _PRIMITIVES[entry]
        known = self._measures.get(id(entry))
        if known is None:
            known = self._measures[id(entry)] = (entry, self._work_out(entry))
        return known[1]

    def _work_out(self, entry: AnyType) -> Measure:
        kind = type(entry)
        if kind in _INDICES:
            return _BORROW if kind is Borrow else _HANDLE
        if isinstance(entry, (Primitive, Resource, InstanceType, ComponentType)):
            return _NO_VALUE
        if isinstance(entry, Alias):
            depth, size, alignment, borrows, pointer = self.measure(entry.target)
        else:
            parts = [self.measure(member) for member in members(entry) if member is not None]
            depth, borrows, pointer = 0, False, kind in _IN_MEMORY
            for part in parts:
                depth = max(depth, part.depth)
                borrows = borrows or part.has_borrow
                pointer = pointer or part.has_pointer
            if kind in _CHANNELS:
                pointer = False
            size, alignment = self._laid_out(entry, parts)
        if depth >= MAX_TYPE_DEPTH:
            raise MalformedComponent(f"a type is nested more than {MAX_TYPE_DEPTH} deep")
        if size > MAX_VALUE_SIZE:
            raise MalformedComponent(f"a value of a type takes more than {MAX_VALUE_SIZE} bytes")
        return Measure(depth + 1, size, alignment, borrows, pointer)

    def _laid_out(self, entry: AnyType, parts: Sequence[Measure]) -> tuple[int, int]:
        """Size and alignment."""
        match entry:
            case FuncType():
                return 0, 1
            case ListType() | MapType():
                return 2 * _POINTER, _POINTER
            case Record() | TupleType():
                return _in_a_row(parts)
            case Variant(cases):
                return _one_of(len(cases), parts)
            case OptionType() | ResultType():
                return _one_of(2, parts)
            case EnumType(labels):
                return _one_of(len(labels), ())
            case Flags(labels):
                size = 1 if len(labels) <= 8 else 2 if len(labels) <= 16 else 4
                return size, size
            case FixedList(length=length):
                return length * parts[0].size, parts[0].alignment
            case _:  # streams and futures are indices
                return 4, 4

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
        return tuple(islice((flat for value in values for flat in self.flat(value)), MAX_FLAT))

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
    for member in members:
        size = _aligned(size, member.alignment) + member.size
        alignment = max(alignment, member.alignment)
    return _aligned(size, alignment), alignment


def _one_of(cases: int, payloads: Sequence[Measure]) -> tuple[int, int]:
    discriminant = 1 if cases <= 1 << 8 else 2 if cases <= 1 << 16 else 4
    size = max((payload.size for payload in payloads), default=0)
    payload_alignment = max((payload.alignment for payload in payloads), default=1)
    alignment = max(discriminant, payload_alignment)
    return _aligned(_aligned(discriminant, payload_alignment) + size, alignment), alignment
