"""Chains: what they come to when they run, and what is no chain."""

from __future__ import annotations

import itertools

import pytest
from wasmtime import Engine, Store
from wasmtime.component import Component, Linker

from tests.components import assemble, from_text, from_wit, node, planned
from wpkg.compose.chain import NoChain, chain_choices
from wpkg.compose.errors import AmbiguousImport
from wpkg.compose.plan import make_plan
from wpkg.names.choice import Choice

STEP = "t:steps/step@1.0.0"


def link(change: str, exported: str = STEP, imported: str = STEP) -> bytes:
    """A component that hands on what `change` makes of its argument."""
    return from_text(f"""(component
      (type $step (instance (export "apply" (func (param "n" u64) (result u64)))))
      (import "{imported}" (instance $next (type $step)))
      (core func $lowered (canon lower (func $next "apply")))
      (core module $m
        (import "next" "apply" (func $next (param i64) (result i64)))
        (func (export "apply") (param i64) (result i64) (call $next ({change}))))
      (core instance $i (instantiate $m (with "next" (instance (export "apply" (func $lowered))))))
      (func $apply (param "n" u64) (result u64) (canon lift (core func $i "apply")))
      (instance $out (export "apply" (func $apply)))
      (export "{exported}" (instance $out)))""")


ADD = link("i64.add (local.get 0) (i64.const 3)")
DOUBLE = link("i64.mul (local.get 0) (i64.const 2)")
SQUARE = link("i64.mul (local.get 0) (local.get 0)")


def end(result: str) -> bytes:
    """A component that answers with `result` of its argument, and imports nothing."""
    return from_text(f"""(component
      (core module $m (func (export "apply") (param i64) (result i64) ({result})))
      (core instance $i (instantiate $m))
      (func $apply (param "n" u64) (result u64) (canon lift (core func $i "apply")))
      (instance $out (export "apply" (func $apply)))
      (export "{STEP}" (instance $out)))""")


END = end("i64.add (local.get 0) (i64.const 100)")
LINKS = {"add": ADD, "double": DOUBLE, "square": SQUARE}
CHANGES = {"add": lambda n: n + 3, "double": lambda n: n * 2, "square": lambda n: n * n}
PACKAGE = "package t:steps@1.0.0; interface step { apply: func(n: u64) -> u64; } interface other { f: func(); }"


def applied(component: bytes, argument: int) -> int:
    engine = Engine()
    store = Store(engine)
    instance = Linker(engine).instantiate(store, Component(engine, component))
    owner = instance.get_export_index(store, STEP)
    assert owner is not None
    index = instance.get_export_index(store, "apply", owner)
    assert index is not None
    function = instance.get_func(store, index)
    assert function is not None
    result = function(store, argument)
    function.post_return(store)
    assert isinstance(result, int)
    return result


def chained(components: dict[str, bytes], chain: list[str], root: str | None = None, *uses: str) -> bytes:
    nodes = [node(name, data) for name, data in components.items()]
    choices, root = chain_choices(nodes, chain, [Choice.parse(*use.split("=", 1)) for use in uses], root)
    return assemble(make_plan(nodes, root, choices), components)


@pytest.mark.parametrize("order", list(itertools.permutations(LINKS)))
def test_each_order_comes_to_something_else(order: tuple[str, ...]) -> None:
    wanted = 5
    for name in order:
        wanted = CHANGES[name](wanted)
    assert applied(chained({"end": END, **LINKS}, list(order)), 5) == wanted + 100


def test_one_link_and_none_at_all() -> None:
    assert applied(chained({"end": END, "add": ADD}, ["add"]), 5) == 108
    alone = chained({"add": ADD, "double": DOUBLE}, ["add", "double"])
    imports = planned({"all": alone}).residuals
    assert [residual.name for residual in imports] == [STEP]


def test_whoever_else_imports_it_gets_the_first_link_and_is_the_root() -> None:
    user = from_wit(f"import {STEP}; export run: func();", PACKAGE)
    nodes = [node(n, d) for n, d in {"end": END, "user": user, "add": ADD, "double": DOUBLE}.items()]
    choices, root = chain_choices(nodes, ["double", "add"], [], None)
    plan = make_plan(nodes, root, choices)
    assert plan.root == "user"
    assert [(c.importer, c.exporter) for c in plan.connections] == [
        ("add", "end"),
        ("double", "add"),
        ("user", "double"),
    ]


def test_links_of_several_versions_on_one_track() -> None:
    newer = link("i64.add (local.get 0) (i64.const 3)", "t:steps/step@1.2.0", "t:steps/step@1.2.0")
    assert applied(chained({"end": END, "double": DOUBLE, "add": newer}, ["double", "add"]), 5) == 113


def test_a_choice_says_what_stands_at_the_end() -> None:
    components = {"end": END, "seven": end("i64.const 7"), "add": ADD}
    with pytest.raises(
        AmbiguousImport, match=f"import '{STEP}' of 'add' is exported by several components: 'end', 'seven'"
    ):
        chained(components, ["add"])
    assert applied(chained(components, ["add"], None, f"add / {STEP}=seven"), 5) == 7


@pytest.mark.parametrize(
    ("chain", "said"),
    [
        (["add", "log"], "'log' is in the chain, and is not among the components"),
        (["add", "double", "add"], "'add' is in the chain twice"),
        (["end", "add"], "'end' is in the chain, and exports nothing that it imports"),
        (["add", "end"], f"'end' is in the chain, and does not import '{STEP}', which 'add' passes on"),
        (["add", "user"], f"'user' is in the chain, and does not export '{STEP}', which 'add' passes on"),
        (["add", "other"], f"'other' is in the chain, and does not import '{STEP}', which 'add' passes on"),
    ],
)
def test_what_is_no_chain(chain: list[str], said: str) -> None:
    user = from_wit(f"import {STEP}; export run: func();", PACKAGE)
    other = from_wit("import t:steps/other@1.0.0; export t:steps/other@1.0.0;", PACKAGE)
    with pytest.raises(NoChain) as caught:
        chained({"end": END, "add": ADD, "double": DOUBLE, "user": user, "other": other}, chain)
    assert str(caught.value) == said
    assert caught.value.exit_code == 4
    assert caught.value.hint is not None
