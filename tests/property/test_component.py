"""The reader on anything at all, and types that are written and read again."""

from __future__ import annotations

from functools import cache
from operator import itemgetter

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.components import from_wit
from wpkg.component.decode import decode_component
from wpkg.component.definitions import TypeDef
from wpkg.component.read import read_component
from wpkg.component.sections import COMPONENT_PREAMBLE, leb, section
from wpkg.component.types import (
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
    ResultType,
    StreamType,
    TupleType,
    Variant,
)
from wpkg.component.write import defined_type, func_type
from wpkg.errors import InvalidInput

names = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
refs = st.one_of(st.sampled_from(Primitive), st.integers(0, 2**32 - 1))
indices = st.integers(0, 2**32 - 1)
labels = st.lists(names, min_size=1, max_size=5, unique=True).map(tuple)
members = st.lists(st.tuples(names, refs), min_size=1, max_size=5, unique_by=itemgetter(0)).map(tuple)
cases = st.lists(st.tuples(names, st.none() | refs), min_size=1, max_size=5, unique_by=itemgetter(0)).map(tuple)

structures = st.one_of(
    st.sampled_from(Primitive),
    st.builds(Record, members),
    st.builds(Variant, cases),
    st.builds(ListType, refs),
    st.builds(FixedList, refs, st.integers(1, 2**32 - 1)),
    st.builds(TupleType, st.lists(refs, min_size=1, max_size=5).map(tuple)),
    st.builds(Flags, labels),
    st.builds(EnumType, labels),
    st.builds(OptionType, refs),
    st.builds(ResultType, st.none() | refs, st.none() | refs),
    st.builds(Own, indices),
    st.builds(Borrow, indices),
    st.builds(StreamType, st.none() | refs),
    st.builds(FutureType, st.none() | refs),
    st.builds(MapType, refs, refs),
)
functions = st.builds(FuncType, members | st.just(()), st.none() | refs, st.booleans())


@given(st.lists(structures | functions, max_size=8))
def test_types_read_back_as_written(types: list[object]) -> None:
    written = [func_type(t) if isinstance(t, FuncType) else defined_type(t) for t in types]  # type: ignore[arg-type]
    data = COMPONENT_PREAMBLE + section(0x07, leb(len(written)) + b"".join(written))
    found = [located.definition for located in decode_component(memoryview(data)).definitions]
    assert found == [TypeDef(t) for t in types]  # type: ignore[arg-type]


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused_or_read_and_nothing_else(data: bytes) -> None:
    for candidate in (data, COMPONENT_PREAMBLE + data):
        try:
            read_component(memoryview(candidate))
        except InvalidInput:
            continue


@cache
def real() -> bytes:
    library = """package a:b; interface t { resource r { constructor(x: u8); m: func() -> list<r>; } variant v { a(r), b }
      record c { f: option<tuple<u8, string>> } } interface u { use t.{r, v}; f: async func(x: borrow<r>, y: stream<v>); }"""
    return from_wit("import a:b/t; import a:b/u; export a:b/u; export g: func();", library)


@settings(max_examples=400)
@given(st.data())
def test_mutated_components_are_refused_or_read_and_nothing_else(data: st.DataObject) -> None:
    mutated = bytearray(real())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(mutated) - 1))
        match data.draw(st.sampled_from(["set", "delete", "insert", "cut"])):
            case "set":
                mutated[at] = data.draw(st.integers(0, 255))
            case "delete":
                del mutated[at]
            case "insert":
                mutated.insert(at, data.draw(st.integers(0, 255)))
            case _:
                del mutated[max(at, 8) :]
    try:
        read_component(memoryview(bytes(mutated)))
    except InvalidInput:
        return
