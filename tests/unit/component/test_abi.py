"""Core signatures, by hand and by wasm-tools: a function is lifted from a core function of exactly one signature."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.vectors.test_ascription import complaint
from wpkg.component.abi import F32, F64, I32, I64, CoreSignature, MemoryImage, alignment, core_signature, size
from wpkg.component.json_values import Case
from wpkg.component.types import (
    Alias,
    ComponentType,
    EnumType,
    FixedList,
    Flags,
    FuncType,
    InstanceType,
    ListType,
    OptionType,
    Primitive,
    Record,
    ResultType,
    TupleType,
    TypeBound,
    Variant,
)
from wpkg.compose.denial import denying_component

if TYPE_CHECKING:
    from wpkg.component.types import (
        AnyType,
        ValueType,
    )

U8, U16, U32, U64, S64 = Primitive.U8, Primitive.U16, Primitive.U32, Primitive.U64, Primitive.S64
FLOAT, DOUBLE, STRING, CHAR, BOOL = Primitive.F32, Primitive.F64, Primitive.STRING, Primitive.CHAR, Primitive.BOOL


def cases(*payloads: ValueType | None) -> Variant[ValueType]:
    return Variant(tuple((f"c{i}", payload) for i, payload in enumerate(payloads)))


# Parameters and result, and the core function's.
SIGNATURES: dict[str, tuple[list[ValueType], ValueType | None, list[int], list[int]]] = {
    "nothing": ([], None, [], []),
    "numbers": ([U8, S64, FLOAT, DOUBLE, CHAR, BOOL], U64, [I32, I64, F32, F64, I32, I32], [I64]),
    "text": ([STRING, ListType(U64)], STRING, [I32, I32, I32, I32], [I32]),
    "16 parameters": ([U64] * 16, None, [I64] * 16, []),
    "17 parameters": ([U64] * 17, None, [I32], []),
    "16 in one": ([TupleType((U64,) * 16)], None, [I64] * 16, []),
    "17 in two": ([TupleType((U64,) * 16), U8], None, [I32], []),
    "a result of one": ([], TupleType((DOUBLE,)), [], [F64]),
    "a result of two": ([], TupleType((U8, U8)), [], [I32]),
    "a variant without payloads": ([cases(None, None)], cases(None), [I32], [I32]),
    "i32 and f32": ([cases(U32, FLOAT)], None, [I32, I32], []),
    "f32 and f32": ([cases(FLOAT, None, FLOAT)], None, [I32, F32], []),
    "i32 and f64": ([cases(U32, DOUBLE)], None, [I32, I64], []),
    "f32 and f64": ([cases(FLOAT, DOUBLE)], None, [I32, I64], []),
    "i64 and f64": ([cases(U64, DOUBLE)], None, [I32, I64], []),
    "i32, f32 and i64": ([cases(U32, FLOAT, S64)], None, [I32, I64], []),
    "payloads of many": ([cases(TupleType((U8, DOUBLE)), STRING, TupleType((FLOAT, U8, FLOAT)))], None, [I32, I32, I64, F32], []),
    "an option, a result": ([OptionType(U64), ResultType(STRING, FLOAT)], None, [I32, I64, I32, I32, I32], []),
    "a variant of 16": ([cases(TupleType((U8,) * 15))], None, [I32] * 16, []),
    "a variant of 17": ([cases(TupleType((U8,) * 16))], None, [I32], []),
    "a fixed list": ([FixedList(U16, 3)], FixedList(U16, 1), [I32] * 3, [I32]),
    "a fixed list that is long": ([FixedList(U16, 1000)], FixedList(U16, 1000), [I32], [I32]),
    "flags and enums": ([Flags(("a", "b")), EnumType(("a", "b"))], Flags(("a",)), [I32, I32], [I32]),
}  # fmt: skip


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_function_has_one_core_signature(name: str) -> None:
    params, result, core_params, core_results = SIGNATURES[name]
    exports: dict[str, TypeBound | FuncType[ValueType]] = {}

    def named(kind: ValueType) -> ValueType:
        if not isinstance(kind, (Variant, Flags, EnumType)):
            return kind
        alias = Alias(kind, f"t{len(exports)}")
        exports[alias.name] = TypeBound(alias)
        return alias

    function: FuncType[ValueType] = FuncType(
        tuple((f"p{i}", named(kind)) for i, kind in enumerate(params)), None if result is None else named(result)
    )
    assert core_signature(function) == CoreSignature(tuple(core_params), tuple(core_results))
    interface = InstanceType({**exports, "f": function})
    assert complaint(denying_component(ComponentType({"a:b/c": interface}, {}), {"a:b/c": "trap"})) == ""


@pytest.mark.parametrize(
    ("kind", "length", "to"),
    [
        (BOOL, 1, 1),
        (CHAR, 4, 4),
        (U64, 8, 8),
        (STRING, 8, 4),
        (TupleType((U8, U32, U8)), 12, 4),
        (TupleType((U8, U8, U16)), 4, 2),
        (Record((("a", U8), ("b", DOUBLE))), 16, 8),
        (OptionType(U8), 2, 1),
        (OptionType(U64), 16, 8),
        (ResultType(None, None), 1, 1),
        (cases(*[None] * 256), 1, 1),
        (cases(*[None] * 257), 2, 2),
        (cases(*[None] * 256, U8), 4, 2),
        (EnumType(tuple(f"l{i}" for i in range(257))), 2, 2),
        (Flags(tuple(f"l{i}" for i in range(8))), 1, 1),
        (Flags(tuple(f"l{i}" for i in range(9))), 2, 2),
        (Flags(tuple(f"l{i}" for i in range(17))), 4, 4),
        (FixedList(U16, 3), 6, 2),
    ],
)
def test_size_and_alignment(kind: AnyType, length: int, to: int) -> None:
    assert (size(kind), alignment(kind)) == (length, to)


def test_values_are_stored_where_their_pointers_point() -> None:
    image = MemoryImage(16)
    image.bytes(b"x")
    kind: ValueType = ResultType(ListType(STRING), None)
    address = image.place(Case("ok", ["ab", "", "c"]), kind)
    assert address == 20

    def word(at: int) -> int:
        return int.from_bytes(image.data[at - 16 : at - 12], "little")

    assert (image.data[address - 16], word(address + 8)) == (0, 3)
    items = word(address + 4)
    texts = [(word(items + 8 * i), word(items + 8 * i + 4)) for i in range(3)]
    assert [bytes(image.data[at - 16 : at - 16 + length]) for at, length in texts] == [b"ab", b"", b"c"]
