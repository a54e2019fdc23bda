from __future__ import annotations

import pytest

from tests.components import assemble, from_text, planned, wasm_tools, wit
from wpkg.component.read import read_component
from wpkg.compose.share import share_modules

BIG = '(core module $big (memory (export "m") 1) (data (i32.const 0) "' + "x" * 500 + '") (func (export "{0}")))'
OTHER = BIG.replace("xxx", "yyy")


def component(body: str, imports: str = "") -> bytes:
    """A component that exports an instance of `a:b/NAME` made by a nested component with modules of its own."""
    return from_text(f"(component {imports} {body})")


def lifted(module: str, name: str) -> str:
    return (
        f'{module.format("f")} (core instance $ci (instantiate $big)) (func $f (canon lift (core func $ci "f")))'
        f' (instance $i (export "f" (func $f))) (export "a:b/{name}" (instance $i))'
    )


def parts() -> dict[str, bytes]:
    """`one` has the module itself, `two` two components deep and another one beside it, the root has neither."""
    nested = f"(component $outer {lifted(BIG, 'two')}) (instance $o (instantiate $outer))"
    two = f'{OTHER.format("g")} (component $deep {nested} (alias export $o "a:b/two" (instance $x)) (export "a:b/two" (instance $x)))'
    two += ' (instance $d (instantiate $deep)) (alias export $d "a:b/two" (instance $y)) (export "a:b/two" (instance $y))'
    root = (
        '(import "a:b/one" (instance $one (export "f" (func)))) (import "a:b/two" (instance $two (export "f" (func))))'
        ' (alias export $one "f" (func $f)) (alias export $two "f" (func $g)) (export "f" (func $f)) (export "g" (func $g))'
    )
    return {"root": component(root), "one": component(lifted(BIG, "one")), "two": component(two)}


def test_identical_modules_are_embedded_once_at_whatever_depth() -> None:
    found = parts()
    plan = planned(found)
    whole, shared = assemble(plan, found), assemble(plan, found, share=True)
    assert (whole.count(b"x" * 500), shared.count(b"x" * 500)) == (2, 1)
    assert shared.count(b"y" * 400) == 1, "what occurs once stays where it is"
    assert len(shared) < len(whole) - 500
    assert wit(shared) == wit(whole)
    assert shared.index(b"x" * 500) < shared.index(b"a:b/one"), "shared modules come first"


def test_what_is_shared_runs() -> None:
    from wasmtime import Engine, Store
    from wasmtime.component import Component, Linker

    found = parts()
    engine = Engine()
    store = Store(engine)
    instance = Linker(engine).instantiate(store, Component(engine, assemble(planned(found), found, share=True)))
    for name in ("f", "g"):
        function = instance.get_func(store, name)
        assert function is not None
        assert function(store) is None


def test_sharing_says_what_it_saves() -> None:
    found = parts()
    sharing = share_modules(planned(found), {name: memoryview(data) for name, data in found.items()})
    module = wasm_tools("parse", data=f"(module {BIG.format('f').removeprefix('(core module $big ')}".encode())
    assert sharing.count == 1
    assert sharing.saved == pytest.approx(len(module), abs=40)  # names of the module are not the same
    assert len(sharing.rewritten) == 2


def test_a_component_that_occurs_twice_is_no_reason_to_share() -> None:
    one = component(lifted(BIG, "one"))
    root = component('(import "x" (instance (export "f" (func)))) (import "y" (instance (export "f" (func))))')
    found = {"root": root, "x": one, "y": one}
    plan = planned(found, "root", ["x=x", "y=y"])
    sharing = share_modules(plan, {name: memoryview(data) for name, data in found.items()})
    assert (sharing.count, sharing.rewritten) == (0, {})
    assert assemble(plan, found, share=True) == assemble(plan, found)


def test_small_modules_are_left_where_they_are() -> None:
    small = '(core module $big (func (export "f")))'
    found = {
        "root": parts()["root"],
        "one": component(lifted(small, "one")),
        "two": component(lifted(small, "two")),
    }
    assert assemble(planned(found), found, share=True) == assemble(planned(found), found)


def test_a_shared_composition_can_be_composed_and_shared_again() -> None:
    found = parts()
    first = assemble(planned(found), found, share=True)
    outer = {
        "top": component('(import "f" (func $f)) (import "a:b/one" (instance)) (export "h" (func $f))'),
        "first": first,
        "one": found["one"],
    }
    plan = planned(outer, "top")
    again = assemble(plan, outer, share=True)
    assert again.count(b"x" * 500) == 1
    assert list(read_component(memoryview(again)).exports) == ["h"]
