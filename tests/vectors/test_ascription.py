"""Self-ascription: each component is, to wasm-tools, of the type that the reader finds for it.

The component is exported under the type, written out again. That validates exactly when the component is a subtype
of it, so a type that says too much or something else is found out.
"""

from __future__ import annotations

import json
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import pytest

from tests.components import WASM_TOOLS, from_text, from_wit
from tests.shared import vectors
from wpkg.component.decode import decode_component
from wpkg.component.definitions import Sort
from wpkg.component.evaluate import evaluate_component
from wpkg.component.sections import COMPONENT_PREAMBLE, leb, section
from wpkg.component.types import ComponentType, TypeBound, strip
from wpkg.component.write import UnwritableType, export
from wpkg.component.write_types import ComponentScope

FEATURES = "all,-cm-nested-names"
NOT_WRITTEN = Path(__file__).with_name("reader_not_written.toml")

WORLD = """package w:io@0.2.0;
interface poll { resource pollable { ready: func() -> bool; } poll: func(l: list<borrow<pollable>>) -> list<u32>; }
interface streams { use poll.{pollable}; resource input { constructor(a: u8); subscribe: func() -> pollable;
    open: static func(name: string) -> result<input, failure>; }
  variant failure { closed, last(tuple<u8, option<string>>) } flags f { a, b } enum e { c, d }
  read: async func(i: borrow<input>, m: stream<u8>) -> result<future<list<u8>>, failure>; }
interface http { use streams.{input as body, failure}; use poll.{pollable}; type alias-of = body;
  record req { b: option<tuple<f32, f64, char>>, fail: failure } serve: func(r: req) -> body;
  index: func(m: map<string, list<u8, 4>>, e: error-context) -> map<u32, list<u16, 3>>; }
"""


def type_of(data: bytes) -> ComponentType:
    return evaluate_component(decode_component(memoryview(data)))


def ascribed(components: dict[str, tuple[bytes, ComponentType]]) -> bytes:
    """One component that holds all of these, each exported as the type beside it. Raises: UnwritableType."""
    scope = ComponentScope()
    for i, (data, found) in enumerate(components.values()):
        scope.sections.append(section(0x04, data))
        index = scope.type_index(found)
        # Each export makes a new component index, so components stand at 0, 2, 4 …
        entry = export(f"c{i}", Sort.COMPONENT, 2 * i)[:-1] + b"\x01" + Sort.COMPONENT.value + leb(index)
        scope.sections.append(section(0x0B, b"\x01" + entry))
    return COMPONENT_PREAMBLE + b"".join(scope.sections)


def complaint(data: bytes) -> str:
    """What wasm-tools has against `data`, '' for nothing."""
    done = subprocess.run(
        [WASM_TOOLS, "validate", "--features", FEATURES, "-"], input=data, capture_output=True, check=False
    )
    return done.stderr.decode() if done.returncode else ""


@cache
def components() -> dict[str, bytes]:
    """Every valid component there is here, by name."""
    reader, compose = vectors("reader"), vectors("compose")
    files = json.loads((reader / "manifest.json").read_text())["files"]
    found = {e["file"]: (reader / e["file"]).read_bytes() for e in files if e["expectation"] == "valid"}
    for path in sorted(compose.glob("*/wasm/*.wasm")):
        data = path.read_bytes()
        if complaint(data) == "":
            found[str(path.relative_to(compose))] = data
    every = "w:io/poll@0.2.0", "w:io/streams@0.2.0", "w:io/http@0.2.0"
    found["imports of a rich world"] = from_wit("".join(f"import {name};" for name in every), WORLD)
    found["exports of a rich world"] = from_wit("".join(f"export {name};" for name in every), WORLD)
    return found


def is_component(data: bytes) -> bool:
    return data[:8] == COMPONENT_PREAMBLE


def test_every_component_is_of_the_type_that_the_reader_finds() -> None:
    listed = tomllib.loads(NOT_WRITTEN.read_text())["files"]
    written: dict[str, tuple[bytes, ComponentType]] = {}
    not_written: list[str] = []
    for name, data in components().items():
        if not is_component(data):
            continue
        found = type_of(data)
        try:
            ascribed({name: (data, found)})
        except UnwritableType:
            not_written.append(name)
        else:
            written[name] = (data, found)
    assert sorted(not_written) == sorted(listed)
    assert len(written) > 300
    if complaint(ascribed(written)):
        alone = {name: complaint(ascribed({name: pair})) for name, pair in written.items()}
        assert {name: said for name, said in alone.items() if said} == {}


def read_back(found: ComponentType) -> ComponentType:
    """The type that reading finds where `found` was written."""
    scope = ComponentScope()
    index = scope.type_index(found)
    imported = section(0x0A, b"\x01\x00\x01c" + Sort.COMPONENT.value + leb(index))
    again = type_of(COMPONENT_PREAMBLE + b"".join(scope.sections) + imported).imports["c"]
    assert isinstance(again, ComponentType)
    return again


def test_a_resource_exported_twice_is_written_as_one() -> None:
    """Which ascription cannot show: two new resources would say less, and do."""
    data = from_text('(component (type $r (resource (rep i32))) (export "a" (type $r)) (export "b" (type $r)))')
    a, b = read_back(type_of(data)).exports.values()
    assert isinstance(a, TypeBound)
    assert isinstance(b, TypeBound)
    assert strip(a.type) is strip(b.type)


def test_the_list_of_types_that_are_not_written_only_shrinks() -> None:
    assert len(tomllib.loads(NOT_WRITTEN.read_text())["files"]) <= 1


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ('(component (import "f" (func $f (param "a" u32))) (export "g" (func $f)))',
         '(component (import "f" (func $f (param "b" u32))) (export "g" (func $f)))'),
        ('(component (import "i" (instance $i (export "r" (type (sub resource))))) (export "j" (instance $i)))',
         ('(component (import "i" (instance (export "r" (type (sub resource)))))'
         ' (import "k" (instance $i (export "r" (type (sub resource))))) (export "j" (instance $i)))')),
        ('(component (import "f" (func $f)) (export "g" (func $f)))',
         '(component (import "f" (func $f)) (export "g" (func $f)) (export "h" (func $f)))'),
        ('(component (type $t (record (field "a" u8))) (export "t" (type $t)))',
         '(component (type $t (record (field "a" s8))) (export "t" (type $t)))'),
    ],
    ids=["another parameter name", "another resource", "one export more", "another field type"],
)  # fmt: skip
def test_a_type_that_is_not_its_own_is_refused(text: str, instead: str) -> None:
    """The oracle can fail."""
    data = from_text(text)
    assert complaint(ascribed({"it": (data, type_of(data))})) == ""
    assert "ascribed type of export is not compatible" in complaint(
        ascribed({"it": (data, type_of(from_text(instead)))})
    )
