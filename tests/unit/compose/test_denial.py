"""What is denied traps, or says so by an error; everything else works as before. Run by wasmtime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.programs import MEMORY, from_module
from tests.components import from_wit, world
from tests.furnished import called, denials, furnished, furnished_plan
from wpkg.compose.errors import DeniedInPart, Unsupported
from wpkg.workflow.host import Trapped

if TYPE_CHECKING:
    from wpkg.compose.graph import Denial

LIB = """package a:lib@1.0.0;
interface types {
  resource conn { constructor(name: string); send: func(data: list<u8>) -> result<u32, code>; }
  enum code { unknown, access-denied, closed }
  record opts { code: code, size: u64, next: option<string> }
}
interface net {
  use types.{conn, code, opts};
  variant problem { closed, denied(string), other(opts) }
  open: func(name: string) -> result<conn, code>;
  tell: func(x: u32) -> result<u64, problem>;
  only: func() -> result;
  text: func(of: string) -> result<list<string>, string>;
  plain: func(a: f32, b: f64, c: s64, d: opts) -> opts;
  wide: func(a: tuple<u64, u64, u64, u64, u64, u64, u64, u64, u64>, b: tuple<u64, u64, u64, u64, u64, u64, u64, u64>);
  lend: func(c: borrow<conn>) -> u32;
}
interface user { use types.{conn}; take: func(c: conn); }
interface allowed { add: func(a: u32, b: u32) -> u32; }
"""
TYPES, NET, USER, ALLOWED = (f"a:lib/{name}@1.0.0" for name in ("types", "net", "user", "allowed"))
# Calls what the first letter says: what `net` has, or what `allowed` has.
CALLER = from_module(
    f"""
    (import "t:t/net" "open" (func $open (param i32 i32 i32)))
    (import "t:t/net" "tell" (func $tell (param i32 i32)))
    (import "t:t/net" "only" (func $only (result i32)))
    (import "t:t/net" "text" (func $text (param i32 i32 i32)))
    (import "t:t/net" "log" (func $log (param i32 i32)))
    (import "t:t/allowed" "add" (func $add (param i32 i32) (result i32)))
    {MEMORY}
    (func (export "t:t/calls#open") (result i32) (call $open (i32.const 0) (i32.const 3) (i32.const 64)) (i32.const 64))
    (func (export "t:t/calls#tell") (result i32) (call $tell (i32.const 5) (i32.const 64)) (i32.const 64))
    (func (export "t:t/calls#only") (result i32) (call $only))
    (func (export "t:t/calls#text") (result i32) (call $text (i32.const 0) (i32.const 2000) (i32.const 64)) (i32.const 64))
    (func (export "t:t/calls#log") (call $log (i32.const 0) (i32.const 3)))
    (func (export "t:t/calls#add") (result i32) (call $add (i32.const 3) (i32.const 4)))
    """,
    "import net; import allowed; export calls;",
    """interface net { enum code { unknown, access-denied, closed }
      record opts { code: code, size: u64 }
      variant problem { closed, denied(string), other(opts) }
      open: func(name: string) -> result<u32, code>; tell: func(x: u32) -> result<u64, problem>;
      only: func() -> result; text: func(of: string) -> result<list<string>, string>; log: func(of: string); }
    interface allowed { add: func(a: u32, b: u32) -> u32; }
    interface calls { use net.{code, problem}; open: func() -> result<u32, code>;
      tell: func() -> result<u64, problem>; only: func() -> result; text: func() -> result<list<string>, string>;
      log: func(); add: func() -> u32; }""",
)
ADDER = from_module(
    f'{MEMORY} (func (export "t:t/allowed#add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))',
    "export allowed;",
    "interface allowed { add: func(a: u32, b: u32) -> u32; }",
)
PARTS = {"caller": CALLER, "adder": ADDER}


def composed(denial: Denial) -> bytes:
    return furnished(PARTS, denials({"caller": {"t:t/net": denial}}), "caller")


@pytest.mark.parametrize("function", ["open", "tell", "only", "text", "log"])
def test_what_is_denied_traps(function: str) -> None:
    with pytest.raises(Trapped, match="unreachable"):
        called(composed("trap"), f"calls#{function}")


@pytest.mark.parametrize("denial", ["trap", "error"])
def test_what_is_allowed_works_beside_it(denial: Denial) -> None:
    assert called(composed(denial), "add") == 7


def test_nothing_is_asked_of_the_host_for_it() -> None:
    made = world(composed("trap"))
    assert [line for line in made if line.startswith("import")] == []
    assert world(furnished(PARTS, denials({}), "caller"))[0] == "import t:t/net"


@pytest.mark.parametrize(
    ("function", "answer"),
    [
        ("open", {"error": "access-denied"}),
        ("tell", {"error": {"denied": "denied by this composition"}}),
        ("only", {"error": None}),
        ("text", {"error": "denied by this composition"}),
    ],
)
def test_an_error_says_it_where_the_interface_has_one(function: str, answer: Any) -> None:
    assert called(composed("error"), f"calls#{function}") == answer


def test_what_has_no_error_traps_where_errors_are_wanted() -> None:
    with pytest.raises(Trapped, match="unreachable"):
        called(composed("error"), "calls#log")


def test_types_of_others_stay_theirs() -> None:
    """The denied `net` uses `types`, which the host has: there is one `conn`."""
    app = from_wit(f"import {TYPES}; import {NET}; import {USER}; export run: func();", LIB)
    made = furnished({"app": app}, denials({"app": {NET: "trap"}}))
    assert world(made) == [f"import {TYPES}", f"import {USER}", "export run: func()"]


def test_types_of_a_component_inside_stay_its() -> None:
    app = from_wit(f"import {TYPES}; import {NET}; export run: func();", LIB)
    types = from_wit(f"export {TYPES};", LIB)
    plan, _ = furnished_plan({"app": app, "types": types}, denials({"app": {NET: "trap"}}), "app")
    assert {(c.importer, c.name, c.exporter) for c in plan.connections} == {
        ("app", TYPES, "types"),
        ("app", NET, "app (denied)"),
        ("app (denied)", TYPES, "types"),
    }
    made = furnished({"app": app, "types": types}, denials({"app": {NET: "error"}}), "app")
    assert world(made) == ["export run: func()"]


def test_a_family_that_is_denied_as_a_whole_has_resources_of_its_own() -> None:
    app = from_wit(f"import {TYPES}; import {NET}; import {USER}; export run: func();", LIB)
    denied: dict[str, Denial] = {TYPES: "trap", NET: "error", USER: "trap"}
    assert world(furnished({"app": app}, denials({"app": denied}))) == ["export run: func()"]


def test_a_family_is_not_denied_in_part() -> None:
    app = from_wit(f"import {TYPES}; import {NET}; import {USER}; export run: func();", LIB)
    with pytest.raises(DeniedInPart, match=f"import '{USER}' of 'app' uses the resource 'conn' of '{TYPES}'"):
        furnished({"app": app}, denials({"app": {TYPES: "trap", NET: "trap"}}))


def test_it_is_denied_to_one_component_only() -> None:
    """Both import `net`; one is denied, the other gets the host's."""
    app = from_wit(f"import {NET}; import {ALLOWED}; export run: func();", LIB)
    helper = from_wit(f"import {NET}; export {ALLOWED};", LIB)
    made = furnished({"app": app, "helper": helper}, denials({"helper": {NET: "trap"}}), "app")
    assert f"import {NET}" in world(made)
    plan, _ = furnished_plan({"app": app, "helper": helper}, denials({"helper": {NET: "trap"}}), "app")
    assert [r.importers for r in plan.residuals if r.name == NET] == [(("app", NET),)]


def test_what_a_component_inside_provides_is_not_denied() -> None:
    app = from_wit(f"import {ALLOWED}; export run: func();", LIB)
    parts = {"app": app, "helper": from_wit(f"export {ALLOWED};", LIB)}
    plan, _ = furnished_plan(parts, denials({"app": {ALLOWED: "trap"}}), "app")
    assert [node.name for node in plan.nodes] == ["helper", "app"]


def test_a_function_of_the_world_is_denied_by_its_name() -> None:
    app = from_wit("import log: func(s: string) -> result<u8, string>; export run: func();")
    assert world(furnished({"app": app}, denials({"app": {"log": "error"}}))) == ["export run: func()"]


def test_a_resource_of_the_world_is_not_denied() -> None:
    app = from_wit("resource r { constructor(); } import make: func() -> r; export run: func();")
    with pytest.raises(Unsupported, match="'r' is neither a function nor an interface"):
        furnished({"app": app}, denials({"app": {"r": "trap", "make": "trap", "[constructor]r": "trap"}}))


def test_the_same_is_denied_with_the_same_bytes() -> None:
    assert composed("error") == composed("error")
    assert composed("error") != composed("trap")
