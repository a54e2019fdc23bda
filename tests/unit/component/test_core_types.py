from __future__ import annotations

import subprocess

import pytest

from tests.components import WASM_TOOLS, from_text, wasm_tools
from wpkg.component.core_types import I32, CoreFunc, CoreFuncType, CoreModuleType, Limits, core_module_mismatch
from wpkg.component.cursor import Cursor
from wpkg.component.errors import MalformedComponent
from wpkg.component.read import read_component
from wpkg.component.read_core_types import read_core_type
from wpkg.component.sections import section
from wpkg.component.types import CoreModule
from wpkg.component.write import core_module_type


def module_type(inside: str) -> CoreModuleType:
    data = from_text(f'(component (import "m" (core module {inside})))')
    module = read_component(memoryview(data)).imports["m"]
    assert isinstance(module, CoreModule)
    assert module.type is not None
    return module.type


def limits(minimum: int, maximum: int | None = None, *, shared: bool = False, is_64: bool = False) -> Limits:
    return Limits(minimum, maximum, shared, is_64, None)


@pytest.mark.parametrize(
    ("given", "wanted", "fits"),
    [
        (limits(2), limits(1), True), (limits(1), limits(2), False),
        (limits(1), limits(1, 2), False), (limits(1, 2), limits(1, 2), True), (limits(1, 3), limits(1, 2), False),
        (limits(1, 2), limits(1), True),
        (limits(1, 2, shared=True), limits(1, 2), False), (limits(1, is_64=True), limits(1), False),
        (Limits(1, None, shared=False, is_64=False, page_size=16), limits(1), True),
        (Limits(1, None, shared=False, is_64=False, page_size=0), limits(1), False),
    ],
)  # fmt: skip
def test_limits(given: Limits, wanted: Limits, fits: bool) -> None:  # noqa: FBT001
    assert given.will_do_for(wanted) is fits


# Given, wanted, and what the mismatch says; None where it fits.
PAIRS = [
    ('(export "f" (func)) (export "g" (func))', '(export "f" (func))', None),
    ('(export "g" (func))', '(export "f" (func))', "export 'f'"),
    ('(export "f" (func (param i32)))', '(export "f" (func))', "export 'f'"),
    ('(export "f" (global i32))', '(export "f" (func))', "export 'f'"),
    ('(export "g" (global (mut i32)))', '(export "g" (global i32))', "export 'g'"),
    ('(export "g" (global i64))', '(export "g" (global i32))', "export 'g'"),
    ('(export "t" (table 1 funcref))', '(export "t" (table 1 externref))', "export 't'"),
    ('(export "t" (table 2 funcref))', '(export "t" (table 1 funcref))', None),
    ("", '(import "a" "b" (func))', None),
    ('(import "a" "b" (func))', "", "import 'a' 'b'"),
    ('(import "a" "b" (func))', '(import "a" "b" (func (param i32)))', "import 'a' 'b'"),
    ('(import "a" "m" (memory 1))', '(import "a" "m" (memory 2))', None),
    ('(import "a" "m" (memory 2))', '(import "a" "m" (memory 1))', "import 'a' 'm'"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "wanted", "said"), PAIRS)
def test_module_types(given: str, wanted: str, said: str | None) -> None:
    text = (
        f'(component (import "m" (core module $m {given})) (export "m" (core module $m) (core module {wanted})))'
    )
    data = from_text(text)
    judged = subprocess.run(
        [WASM_TOOLS, "validate", "--features", "all", "-"], input=data, capture_output=True, check=False
    )
    assert (judged.returncode == 0) is (said is None), judged.stderr.decode()
    mismatch = core_module_mismatch(module_type(given), module_type(wanted))
    assert (mismatch and mismatch[0]) == said
    if said is None:
        read_component(memoryview(data))
    else:
        with pytest.raises(MalformedComponent, match=said):
            read_component(memoryview(data))


RICH = """(import "a" "f" (func (param i32 i64) (result f32))) (import "a" "t" (table 1 5 externref))
    (import "b" "m" (memory i64 1 2)) (import "b" "s" (memory 1 2 shared)) (export "g" (global (mut f64)))
    (export "c" (global v128)) (export "x" (tag (param i32))) (export "f" (func))"""


def test_module_types_read_back_as_written() -> None:
    found = module_type(RICH)
    assert len(found.imports) == 4
    written = core_module_type(found)
    definition = read_core_type(Cursor(written))
    wasm_tools("validate", "--features", "all", data=b"\0asm\x0d\0\x01\0" + section(0x03, b"\x01" + written))
    assert core_module_type(module_type(RICH)) == written
    assert definition is not None


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        ('(core type (module (export "f" (func (type 3)))))', "there is no core type in the module type 3"),
        ('(core type (module (export "a" (func)) (export "a" (func))))', "exports 'a' twice"),
        ('(core type (module (import "a" "b" (func)) (import "a" "b" (func))))', "imports 'a' 'b' twice"),
        ('(core type (module (import "a" "b" (memory 70000))))', "more than 65536 pages"),
        ('(core type $f (func)) (import "m" (core module (type $f)))', "is not a module type"),
        ('(core type (module (export "m" (memory 2 1))))', "maximum is below the minimum"),
    ],
)
def test_core_types_that_are_refused(inside: str, said: str) -> None:
    with pytest.raises(MalformedComponent, match=rf"{said}.*\(at byte 0x"):
        read_component(memoryview(from_text(f"(component {inside})")))


def test_each_type_of_a_group_takes_an_index() -> None:
    data = from_text("""(component
      (core rec (type (func)) (type (struct)))
      (core type $f (func (param i32)))
      (core type $m (module (alias outer 1 2 (type)) (export "f" (func (type 0)))))
      (import "m" (core module (type $m))))""")
    module = read_component(memoryview(data)).imports["m"]
    assert isinstance(module, CoreModule)
    assert module.type is not None
    assert module.type.exports == {"f": CoreFunc(CoreFuncType((I32,), ()))}
