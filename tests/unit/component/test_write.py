from __future__ import annotations

import pytest

from tests.components import from_wit, wasm_tools, wit
from wpkg.component import write
from wpkg.component.cursor import Cursor
from wpkg.component.read import read_component
from wpkg.component.sections import COMPONENT_PREAMBLE, leb
from wpkg.component.types import InstanceType
from wpkg.component.write_types import ComponentScope

WASI = """package w:io@0.2.0;
interface poll { resource pollable { ready: func() -> bool; } poll: func(l: list<borrow<pollable>>) -> list<u32>; }
interface streams { use poll.{pollable}; resource input { subscribe: func() -> pollable; }
  variant failure { closed, last(tuple<u8, option<string>>) } flags f { a, b } enum e { c, d }
  read: async func(i: borrow<input>, m: stream<u8>) -> result<future<list<u8>>, failure>; }
interface http { use streams.{input as body, failure}; use poll.{pollable}; type alias-of = body;
  record req { b: option<tuple<f32, f64, char>>, fail: failure } serve: func(r: req) -> body; }
"""


def test_imports_written_back_have_the_same_wit() -> None:
    """Types read from one component and written into another one describe the same world."""
    world = (
        "import w:io/poll@0.2.0; import w:io/streams@0.2.0; import w:io/http@0.2.0; import f: func(a: u32) -> s16;"
    )
    data = from_wit(world, WASI)
    component = read_component(memoryview(data))
    scope = ComponentScope()
    for name, extern in component.imports.items():
        scope.import_extern(name, extern)
    again = COMPONENT_PREAMBLE + b"".join(scope.sections)
    wasm_tools("validate", "--features", "all", data=again)
    assert wit(again) == wit(data)


@pytest.mark.parametrize("value", [0, 1, 63, 64, 127, 128, 300, 16383, 16384, 2**32 - 1])
def test_unsigned_integers(value: int) -> None:
    cursor = Cursor(leb(value))
    assert cursor.u32() == value
    assert cursor.at_end


@pytest.mark.parametrize("value", [0, 1, 63, 64, 65, 8191, 8192, 2**32 - 1, -1, -64, -65, -(2**32)])
def test_signed_integers(value: int) -> None:
    cursor = Cursor(write.signed_leb(value))
    assert cursor.s33() == value
    assert cursor.at_end


def test_attributes_of_names_survive() -> None:
    text = """(component (import "primary" (implements "a:b/c") (instance (export "f" (func)))))"""
    try:
        data = wasm_tools("parse", data=text.encode())
    except AssertionError:
        text = """(component (import (implements "a:b/c") "primary" (instance (export "f" (func)))))"""
        data = wasm_tools("parse", data=text.encode())
    component = read_component(memoryview(data))
    assert [value for _, value in component.import_attributes["primary"]] == ["a:b/c"]
    scope = ComponentScope()
    extern = component.imports["primary"]
    assert isinstance(extern, InstanceType)
    scope.import_extern("primary", extern, component.import_attributes["primary"])
    again = COMPONENT_PREAMBLE + b"".join(scope.sections)
    assert read_component(memoryview(again)).import_attributes == component.import_attributes
