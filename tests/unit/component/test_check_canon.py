"""Canonical definitions: what is known without opening a module."""

from __future__ import annotations

import subprocess

import pytest

from tests.components import WASM_TOOLS, from_text
from wpkg.component.errors import MalformedComponent
from wpkg.component.read import read_component

# A module by its declared type: what it exports is known.
KNOWN = """(import "m" (core module $m
      (export "mem" (memory 1)) (export "mem64" (memory i64 1)) (export "shared" (memory 1 2 shared))
      (export "realloc" (func (param i32 i32 i32 i32) (result i32)))
      (export "bad" (func (param i32) (result f32)))
      (export "none" (func)) (export "one" (func (param i32))) (export "gives" (func (result i32)))
      (export "string" (func (param i32 i32)))))
    (core instance $i (instantiate $m))
    (alias core export $i "mem" (core memory $mem)) (alias core export $i "realloc" (core func $realloc))
    (import "f" (func $f (param "s" string) (result string)))
    (import "g" (func $g)) (import "a" (func $a async (param "x" u8)))
    (type $r (resource (rep i32)))"""
BOTH = '(memory (core memory $i "mem")) (realloc (core func $i "realloc"))'

VALID = [
    f"(core func (canon lower (func $f) {BOTH}))",
    "(core func (canon lower (func $g)))",
    "(core func (canon lower (func $a) async))",
    f'(func (param "s" string) (canon lift (core func $i "string") {BOTH}))',
    '(func (result u32) (canon lift (core func $i "gives")))',
    f'(func (result string) (canon lift (core func $i "gives") {BOTH} (post-return (core func $i "one"))))',
    "(core func $n (canon resource.new $r)) (core func $d (canon resource.drop $r)) (core func (canon resource.rep $r))",
    '(core func $d (canon resource.drop $r)) (func (param "x" u32) (canon lift (core func $d)))',
    "(core func $l (canon lower (func $g))) (func (canon lift (core func $l)))",
    '(type $t (resource (rep i32) (dtor (core func $i "one"))))',
    f"(core func (canon task.return (result string) {BOTH.split(' (realloc', maxsplit=1)[0]}))",
    ("(type $s (stream u8)) (core func (canon stream.new $s))"
    f" (core func (canon stream.read $s async {BOTH.split(' (realloc', maxsplit=1)[0]}))"),
]  # fmt: skip

INVALID = [
    ("(core func (canon lower (func $f)))", "'memory' is required"),
    ('(core func (canon lower (func $f) (memory (core memory $i "mem"))))', "'realloc' is required"),
    ('(core func (canon lower (func $g) (realloc (core func $i "realloc"))))', "'realloc' needs 'memory'"),
    ('(core func (canon lower (func $f) (memory (core memory $i "mem")) (realloc (core func $i "bad"))))',
     r"option 'realloc' is of type \(i32\) -> \(f32\)"),
    ('(core func (canon lower (func $f) (memory (core memory $i "shared")) (realloc (core func $i "realloc"))))',
     "is shared"),
    ('(func (canon lift (core func $i "gives")))', r"of type \(\) -> \(i32\) is lifted where \(\) -> \(\) is wanted"),
    ('(func (param "x" f32) (canon lift (core func $i "one")))', r"where \(f32\) -> \(\) is wanted"),
    ("(core func $d (canon resource.drop $r)) (func (canon lift (core func $d)))", r"\(i32\) -> \(\) is lifted"),
    (f'(func (result string) (canon lift (core func $i "gives") {BOTH} (post-return (core func $i "none"))))',
     "option 'post-return' is of type"),
    ("(core func (canon lower (func $g) async))", "'async' needs an async function"),
    ("(core func (canon lower (func $g) string-encoding=utf8 string-encoding=utf16))", "'utf8' and 'utf16' conflict"),
    ('(core func (canon lower (func $g) (post-return (core func $i "none"))))', "'post-return' cannot be given"),
    ('(type $t (resource (rep i32) (dtor (core func $i "none"))))', "a destructor has the wrong type"),
    ("(type $t (resource (rep f32)))", "represented by i32 or i64"),
    ("(core func (canon lower (func 99)))", "there is no function 99"),
    ("(func (canon lift (core func 99)))", "there is no core func 99"),
    ("(core func (canon lower (func $g) (memory 99)))", "there is no core memory 99"),
    ("(type $t u8) (core func (canon stream.new $t))", "is not a stream"),
    ("(type $t (stream u8)) (core func (canon future.new $t))", "is not a future"),
    ("(core func (canon context.get f32 0))", "of i32 or i64"),
    ('(alias core export $i "nothing" (core func))', "has no export 'nothing'"),
    ('(alias core export $i "mem" (core func))', "is a core memory, not a core func"),
    ("(core instance (instantiate 5))", "there is no core module 5"),
    ('(core instance (export "a" (func $realloc)) (export "a" (func $realloc)))', "exports 'a' twice"),
    ('(import "n" (core module $n (import "x" "y" (func)))) (core instance (instantiate $n))', "'x' of a core module is missing"),
    ('(import "n" (core module $n (import "x" "y" (func)))) (core instance (instantiate $n (with "x" (instance $i))))',
     "does not export 'y'"),
    ('(import "n" (core module $n (import "x" "mem" (func)))) (core instance (instantiate $n (with "x" (instance $i))))',
     "'mem': wanted a core function .*, given a core memory"),
]  # fmt: skip


def judge(data: bytes) -> tuple[bool, str]:
    done = subprocess.run(
        [WASM_TOOLS, "validate", "--features", "all", "-"], input=data, capture_output=True, check=False
    )
    return done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("inside", VALID)
def test_what_is_right_is_read(inside: str) -> None:
    data = from_text(f"(component {KNOWN} {inside})")
    assert judge(data) == (True, "")
    read_component(memoryview(data))


@pytest.mark.parametrize(("inside", "said"), INVALID)
def test_what_is_wrong_is_refused(inside: str, said: str) -> None:
    data = from_text(f"(component {KNOWN} {inside})")
    assert judge(data)[0] is False
    with pytest.raises(MalformedComponent, match=said):
        read_component(memoryview(data))


def test_what_comes_out_of_a_module_that_is_there_is_taken_at_its_word() -> None:
    data = from_text(
        '(component (core module $m) (core instance $i (instantiate $m)) (func (canon lift (core func $i "f"))))'
    )
    assert judge(data)[0] is False
    read_component(memoryview(data))


def test_a_core_function_that_an_unknown_canon_may_define_is_not_missed() -> None:
    data = from_text("(component (type $r (resource (rep i32))) (core func (canon resource.drop $r)))")
    unknown = data.replace(b"\x08\x03\x01\x03\x00", b"\x08\x03\x02\x2e\x00")
    assert unknown != data
    read_component(memoryview(unknown))
