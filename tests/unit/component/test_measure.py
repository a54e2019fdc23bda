from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.components import from_text
from wpkg.component.core_types import F32, F64, I32, I64
from wpkg.component.errors import MalformedComponent
from wpkg.component.measure import MAX_FLAT, MAX_TYPE_DEPTH, Measures
from wpkg.component.read import read_component
from wpkg.component.types import (
    Alias,
    Borrow,
    EnumType,
    FixedList,
    Flags,
    FuncType,
    FutureType,
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
)

if TYPE_CHECKING:
    from wpkg.component.types import (
        ValueType,
    )

U8, U16, U32, U64, STRING = Primitive.U8, Primitive.U16, Primitive.U32, Primitive.U64, Primitive.STRING
R = Resource("r")


@pytest.mark.parametrize(
    ("value", "size", "alignment"),
    [
        (U8, 1, 1), (U64, 8, 8), (STRING, 16, 8), (Primitive.CHAR, 4, 4),
        (TupleType((U8, U16, U8)), 6, 2),
        (TupleType((U8, U64)), 16, 8),
        (Record((("a", U32), ("b", U8))), 8, 4),
        (FixedList(U16, 3), 6, 2),
        (ListType(U64), 16, 8), (MapType(U8, U8), 16, 8),
        (OptionType(U8), 2, 1), (OptionType(U64), 16, 8), (ResultType(None, None), 1, 1),
        (Variant((("a", None), ("b", U16))), 4, 2),
        (Variant(tuple((f"c{i}", None) for i in range(257))), 2, 2),
        (EnumType(("a",)), 1, 1), (EnumType(tuple(f"c{i}" for i in range(257))), 2, 2),
        (Flags(tuple("abcdefgh")), 1, 1), (Flags(tuple("abcdefghi")), 2, 2), (Flags(tuple("abcdefghijklmnopq")), 4, 4),
        (Own(R), 4, 4), (StreamType(STRING), 4, 4), (FutureType(None), 4, 4),
        (Alias(TupleType((U8, U64)), "t"), 16, 8),
    ],
)  # fmt: skip
def test_sizes(value: ValueType, size: int, alignment: int) -> None:
    measure = Measures().measure(value)
    assert (measure.size, measure.alignment) == (size, alignment)


@pytest.mark.parametrize(
    ("value", "flat"),
    [
        (STRING, (I32, I32)), (ListType(U8), (I32, I32)), (Own(R), (I32,)), (Flags(("a",)), (I32,)),
        (TupleType((U8, Primitive.F64, U64)), (I32, F64, I64)),
        (OptionType(Primitive.F32), (I32, F32)),
        (ResultType(U32, Primitive.F32), (I32, I32)),
        (ResultType(U64, Primitive.F32), (I32, I64)),
        (ResultType(STRING, U64), (I32, I64, I32)),
        (FixedList(U32, 3), (I32, I32, I32)),
        (FixedList(U32, 1 << 31), (I32,) * MAX_FLAT),
        (Alias(U64, "t"), (I64,)),
    ],
)  # fmt: skip
def test_flat_forms(value: ValueType, flat: tuple[bytes, ...]) -> None:
    assert Measures().flat(value) == flat


@pytest.mark.parametrize(
    ("value", "pointer", "borrow"),
    [
        (STRING, True, False), (ListType(U8), True, False), (OptionType(STRING), True, False),
        (TupleType((U8, U8)), False, False), (StreamType(STRING), False, False), (Own(R), False, False),
        (OptionType(Borrow(R)), False, True), (ListType(Borrow(R)), True, True),
        (FuncType((("a", Borrow(R)),), STRING), True, True),
    ],
)  # fmt: skip
def test_pointers_and_borrows(value: ValueType, pointer: bool, borrow: bool) -> None:  # noqa: FBT001
    measure = Measures().measure(value)
    assert (measure.has_pointer, measure.has_borrow) == (pointer, borrow)


def test_values_up_to_a_limit_and_not_beyond() -> None:
    assert Measures().measure(FixedList(U8, (1 << 28) - 1)).size == (1 << 28) - 1
    with pytest.raises(MalformedComponent, match="takes more than 268435455 bytes"):
        Measures().measure(FixedList(U8, 1 << 28))


def test_types_as_deep_as_a_limit_and_not_deeper() -> None:
    value: ValueType = U8
    measures = Measures()
    for _ in range(MAX_TYPE_DEPTH):
        value = OptionType(value)
        measures.measure(value)
    with pytest.raises(MalformedComponent, match="nested more than 100 deep"):
        measures.measure(OptionType(value))


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        ("(type (list u8 268435456))", "takes more than"),
        (
            "(type $r (resource (rep i32))) (type (func (result (list (borrow $r)))))",
            "the result of a function contains a borrow",
        ),
        ("(type (stream char))", "a stream of char is not valid"),
        ("(type $c char) (type (stream $c))", "a stream of char is not valid"),
    ],
)
def test_types_that_are_refused(inside: str, said: str) -> None:
    with pytest.raises(MalformedComponent, match=rf"{said}.* \(at byte 0x"):
        read_component(memoryview(from_text(f"(component {inside})")))
