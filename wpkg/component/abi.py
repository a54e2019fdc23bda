"""How values are passed to core WebAssembly: core signatures, and values in linear memory.

component-model `CanonicalABI.md` (2026-08), "Flattening", "Alignment", "Element Size" and "Storing"; of functions
that are lifted without `async`.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.component.types import (
    EnumType,
    FixedList,
    Flags,
    ListType,
    MapType,
    OptionType,
    Primitive,
    Record,
    ResultType,
    TupleType,
    Variant,
    strip,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wpkg.component.json_values import Value
    from wpkg.component.types import (
        AnyType,
        EvaluatedFunc,
    )

I32, I64, F32, F64 = 0x7F, 0x7E, 0x7D, 0x7C  # core value types
MAX_FLAT_PARAMS = 16
MAX_FLAT_RESULTS = 1

_FLAT = {Primitive.S64: I64, Primitive.U64: I64, Primitive.F32: F32, Primitive.F64: F64}
_SIZES = {
    Primitive.BOOL: 1,
    Primitive.S8: 1,
    Primitive.U8: 1,
    Primitive.S16: 2,
    Primitive.U16: 2,
    Primitive.S64: 8,
    Primitive.U64: 8,
    Primitive.F64: 8,
}
_POINTER = 4  # bytes


class TooFlat(Exception):
    """A type has more core values than anybody passes: they go through memory."""


class CoreSignature(Struct, frozen=True):
    """The core function that a function is lifted from."""

    params: tuple[int, ...]
    results: tuple[int, ...]


def core_signature(function: EvaluatedFunc) -> CoreSignature:
    """The core function that `function` is lifted from."""
    try:
        params = _flat_all([kind for _, kind in function.params], MAX_FLAT_PARAMS)
    except TooFlat:
        params = [I32]
    try:
        results = _flat(function.result, MAX_FLAT_RESULTS) if function.result is not None else []
    except TooFlat:
        results = [I32]
    return CoreSignature(tuple(params), tuple(results))


def _flat_all(kinds: Sequence[AnyType], limit: int) -> list[int]:
    """The core values of some types one after the other. Raises: TooFlat above `limit`."""
    found: list[int] = []
    for kind in kinds:
        found += _flat(kind, limit - len(found))
    return found


def _flat(kind: AnyType, limit: int) -> list[int]:
    found = _flat_of(strip(kind), limit)
    if len(found) > limit:
        raise TooFlat
    return found


def _flat_of(kind: AnyType, limit: int) -> list[int]:
    match kind:
        case Primitive.STRING | ListType() | MapType():
            return [I32, I32]
        case Primitive():
            return [_FLAT.get(kind, I32)]
        case Record(fields):
            return _flat_all([field for _, field in fields], limit)
        case TupleType(elements):
            return _flat_all(elements, limit)
        case FixedList(element, length):
            if length > limit:
                raise TooFlat
            return _flat(element, limit) * length
        case Variant() | OptionType() | ResultType():
            payloads = [_flat(payload, limit - 1) for payload in _payloads(kind) if payload is not None]
            none: list[int] = []
            return [I32, *reduce(_joined, payloads, none)]
    return [I32]  # flags, enums, handles, streams, futures


def _joined(left: list[int], right: list[int]) -> list[int]:
    """Core values that hold either."""
    longer, shorter = (left, right) if len(left) >= len(right) else (right, left)
    return [_join(a, b) for a, b in zip(longer, shorter, strict=False)] + longer[len(shorter) :]


def _join(left: int, right: int) -> int:
    if left == right:
        return left
    return I32 if {left, right} == {I32, F32} else I64


def _payloads(kind: AnyType) -> list[AnyType | None]:
    match kind:
        case Variant(cases):
            return [payload for _, payload in cases]
        case OptionType(value):
            return [None, value]
        case ResultType(ok, error):
            return [ok, error]
    raise TypeError("no variant")  # a wrong call


def _labels(kind: AnyType) -> list[str]:
    match kind:
        case Variant(cases):
            return [label for label, _ in cases]
        case OptionType():
            return ["none", "some"]
        case ResultType():
            return ["ok", "error"]
        case EnumType(labels):
            return list(labels)
    raise TypeError("no cases")  # a wrong call


def alignment(kind: AnyType) -> int:
    """What the address of a value is a multiple of."""
    kind = strip(kind)
    match kind:
        case Record(fields):
            return max(alignment(field) for _, field in fields)
        case TupleType(elements):
            return max(alignment(element) for element in elements)
        case FixedList(element, _):
            return alignment(element)
        case Variant() | OptionType() | ResultType():
            payloads = [alignment(payload) for payload in _payloads(kind) if payload is not None]
            return max([_discriminant_size(kind), *payloads])
        case EnumType():
            return _discriminant_size(kind)
        case Flags(labels):
            return _flags_size(labels)
        case Primitive():
            return _SIZES.get(kind, _POINTER)
    return _POINTER


def size(kind: AnyType) -> int:
    """How long a value is in memory, in bytes."""
    kind = strip(kind)
    match kind:
        case Record(fields):
            return _size_of_all([field for _, field in fields])
        case TupleType(elements):
            return _size_of_all(elements)
        case FixedList(element, length):
            return size(element) * length
        case Variant() | OptionType() | ResultType():
            payloads = [size(payload) for payload in _payloads(kind) if payload is not None]
            return aligned(_payload_offset(kind) + max(payloads, default=0), alignment(kind))
        case Primitive.STRING | ListType() | MapType():
            return 2 * _POINTER
    return alignment(kind)


def _size_of_all(kinds: Sequence[AnyType]) -> int:
    end = 0
    for kind in kinds:
        end = aligned(end, alignment(kind)) + size(kind)
    return aligned(end, max(map(alignment, kinds)))


def aligned(offset: int, to: int) -> int:
    """The next multiple of `to`, from `offset` on."""
    return -(-offset // to) * to


def _discriminant_size(kind: AnyType) -> int:
    count = len(_labels(kind))
    return 1 if count <= 1 << 8 else 2 if count <= 1 << 16 else 4


def _payload_offset(kind: AnyType) -> int:
    payloads = [alignment(payload) for payload in _payloads(kind) if payload is not None]
    return aligned(_discriminant_size(kind), max(payloads, default=1))


def _flags_size(labels: Sequence[str]) -> int:
    return 1 if len(labels) <= 8 else 2 if len(labels) <= 16 else 4


class MemoryImage:
    """Linear memory from `start` on, as it grows: values that are there before anything runs."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.data = bytearray()

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.start + len(self.data)

    def reserve(self, length: int, to: int) -> int:
        """The address of `length` zero bytes, a multiple of `to`."""
        address = aligned(self.end, to)
        self.data += bytes(address + length - self.end)
        return address

    def place(self, value: Value, kind: AnyType) -> int:
        """The address of `value`, of the type `kind`. Raises: TypeError for handles and the like."""
        address = self.reserve(size(kind), alignment(kind))
        self._store(address, value, kind)
        return address

    def write(self, address: int, data: bytes) -> None:
        """Put `data` at `address`."""
        self.data[address - self.start : address - self.start + len(data)] = data

    def number(self, address: int, value: int, length: int = _POINTER) -> None:
        """Put a number of `length` bytes at `address`."""
        self.write(address, value.to_bytes(length, "little"))

    def bytes(self, data: bytes) -> int:
        """The address of `data`."""
        address = self.reserve(len(data), 1)
        self.write(address, data)
        return address

    def _store(self, address: int, value: Value, kind: AnyType) -> None:
        kind = strip(kind)
        match kind:
            case Primitive.STRING:
                data = value.encode()
                self.number(address, self.bytes(data))
                self.number(address + _POINTER, len(data))
            case ListType(element):
                items = self.reserve(size(element) * len(value), alignment(element))
                for i, item in enumerate(value):
                    self._store(items + i * size(element), item, element)
                self.number(address, items)
                self.number(address + _POINTER, len(value))
            case Record(fields):
                self._store_all(address, [(value[name], field) for name, field in fields])
            case TupleType(elements):
                self._store_all(address, list(zip(value, elements, strict=True)))
            case EnumType():
                self.number(address, _labels(kind).index(value), _discriminant_size(kind))
            case Variant() | OptionType() | ResultType():
                index = _labels(kind).index(value.label)
                self.number(address, index, _discriminant_size(kind))
                payload = _payloads(kind)[index]
                if payload is not None:
                    self._store(address + _payload_offset(kind), value.payload, payload)
            case _:
                raise TypeError(f"a value of {kind!r} is not stored")

    def _store_all(self, address: int, members: list[tuple[Value, AnyType]]) -> None:
        at = address
        for value, kind in members:
            at = aligned(at, alignment(kind))
            self._store(at, value, kind)
            at += size(kind)
