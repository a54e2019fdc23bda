"""External visibility beyond the vectors, with wasm-tools as the judge of each case."""

from __future__ import annotations

import subprocess

import pytest

from tests.components import WASM_TOOLS, from_text
from wpkg.component.errors import MalformedComponent
from wpkg.component.read import read_component

REC = '(type $rec (record (field "x" u32)))'
MODULE = """(core module $m (func (export "f") (param i32)) (func (export "g") (result i32) i32.const 0))
    (core instance $i (instantiate $m))"""

CASES = {
    "a type that was imported": (f'{REC} (import "r" (type $t (eq $rec))) (import "f" (func (param "x" $t)))', True),
    "the local definition and not what was imported": (
        f'{REC} (import "r" (type $t (eq $rec))) (import "f" (func (param "x" $rec)))', False),
    "through anonymous types": (
        f'{REC} (import "r" (type $t (eq $rec))) (import "f" (func (result (list (option (tuple $t))))))', True),
    "hidden in anonymous types": (f'{REC} (import "f" (func (result (list (option (tuple $rec))))))', False),
    "an item of an instance made of items, exported with it": (
        (f'{MODULE} {REC} (func $f (param "x" $rec) (canon lift (core func $i "f")))'
        ' (instance $b (export "t" (type $rec)) (export "f" (func $f))) (export "b" (instance $b))'), True),
    "an item before its type in an instance made of items": (
        (f'{MODULE} {REC} (func $f (param "x" $rec) (canon lift (core func $i "f")))'
        ' (instance $b (export "f" (func $f)) (export "t" (type $rec))) (export "b" (instance $b))'), False),
    "a type passed as an argument and named by the parent": (
        (f'{REC} (import "r" (type $t (eq $rec)))'
        ' (component $c (type $rec (record (field "x" u32))) (import "a" (type $a (eq $rec)))'
        '   (import "f" (func $f (param "x" $a))) (export "g" (func $f)))'
        ' (import "f" (func $f (param "x" $t)))'
        ' (instance $d (instantiate $c (with "a" (type $t)) (with "f" (func $f)))) (export "d" (instance $d))'), True),
    "an exported type in a later import": (
        f'{REC} (export $t "r" (type $rec)) (import "f" (func (param "x" $t)))', False),
    "a resource of an imported instance": (
        ('(import "i" (instance $i (export "r" (type (sub resource))))) (alias export $i "r" (type $r))'
        ' (import "f" (func (result (own $r))))'), True),
    "a resource defined here and not exported": (
        (f'{MODULE} (type $r (resource (rep i32))) (func $f (result (own $r)) (canon lift (core func $i "g")))'
        ' (export "f" (func $f))'), False),
    "an instance type exported as a type with a record of its own": (
        f'(type $i (instance {REC} (export "r" (type (eq $rec))))) (export "i" (type $i))', True),
    "a component type that refers to a resource defined here, as an import": (
        ('(type $r (resource (rep i32))) (type $c (component (export "f" (func (param "x" (own $r))))))'
        ' (import "c" (component (type $c)))'), False),
    "a resource in a type of a component, named there": (
        ('(type $c (component (export "r" (type $r (sub resource))) (export "f" (func (param "x" (own $r))))))'
        ' (import "c" (component (type $c)))'), True),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_has_a_name(case: str) -> None:
    inside, valid = CASES[case]
    data = from_text(f"(component {inside})")
    judged = subprocess.run(
        [WASM_TOOLS, "validate", "--features", "all", "-"], input=data, capture_output=True, check=False
    )
    assert (judged.returncode == 0) == valid, judged.stderr.decode()
    if valid:
        read_component(memoryview(data))
    else:
        with pytest.raises(MalformedComponent):
            read_component(memoryview(data))


def test_the_sentence_names_the_export_and_the_type() -> None:
    inside = f'{REC} (import "r" (type (eq $rec))) (import "f" (func (param "x" $rec)))'
    with pytest.raises(MalformedComponent) as caught:
        read_component(memoryview(from_text(f"(component {inside})")))
    assert "import 'f' uses record { x: u32 }, a type that no import or export before it gives a name" in str(
        caught.value
    )
