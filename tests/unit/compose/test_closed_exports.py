"""Core modules and components that the root exports: they go through, whatever else has an index of their kind."""

from __future__ import annotations

import pytest

from tests.components import assemble, compose, from_text, from_wit, planned
from tests.vectors.test_ascription import complaint
from wpkg.component import write
from wpkg.component.definitions import Sort
from wpkg.component.read import read_component
from wpkg.component.sections import COMPONENT_PREAMBLE, section
from wpkg.component.types import ComponentType, CoreModule
from wpkg.compose.errors import Unsupported

ROOT = from_text("""(component
  (core module $m (func (export "one")))
  (core module $n (func (export "two")))
  (component $c (import "f" (func)))
  (component $d (import "g" (func (param "x" u8))))
  (import "f" (func $f))
  (export "m" (core module $m)) (export "c" (component $c)) (export "run" (func $f))
  (export "n" (core module $n)) (export "d" (component $d)) (export "m2" (core module $m)))""")
DEP = from_wit("export f: func();")


def test_what_is_closed_is_exported_as_it_is() -> None:
    data = compose({"root": ROOT, "dep": DEP})
    exports = read_component(memoryview(data)).exports
    kinds = {"m": CoreModule, "c": ComponentType, "n": CoreModule, "d": ComponentType, "m2": CoreModule}
    assert {name: type(exports[name]) for name in kinds} == kinds
    component = exports["d"]
    assert isinstance(component, ComponentType)
    assert list(component.imports) == ["g"]


@pytest.mark.parametrize(("module", "function"), [("m", "one"), ("n", "two"), ("m2", "one")])
def test_each_module_is_the_one_that_the_root_exports(module: str, function: str) -> None:
    """It is taken out of an instance of the composition, made an instance, and its function is there."""
    data = compose({"root": ROOT, "dep": DEP})
    around = (
        COMPONENT_PREAMBLE
        + section(0x04, data)
        + section(0x05, b"\x01" + write.instantiate(0, []))
        + section(0x06, b"\x01" + write.instance_alias(Sort.CORE_MODULE, 0, module))
        + section(0x02, b"\x01\x00\x00\x00")
    )
    taken = section(0x06, b"\x01" + Sort.CORE_FUNC.value + b"\x01\x00" + write.name(function))
    other = section(0x06, b"\x01" + Sort.CORE_FUNC.value + b"\x01\x00" + write.name("three"))
    assert complaint(around + taken) == ""
    assert "three" in complaint(around + other)


def test_shared_modules_come_before_them() -> None:
    module = b"\0asm\x01\0\0\0" + section(0, b"\x01b" + bytes(200))
    parts = {"root": ROOT + section(1, module), "dep": DEP + section(1, module)}
    data = assemble(planned(parts), parts, share=True)
    assert data.count(module) == 1
    assert isinstance(read_component(memoryview(data)).exports["n"], CoreModule)


def test_they_are_not_passed_on_yet() -> None:
    wants = from_text('(component (import "m" (core module)) (import "f" (func $f)) (export "go" (func $f)))')
    with pytest.raises(Unsupported, match="'root' imports 'm', a core module"):
        planned({"root": wants, "dep": DEP})
