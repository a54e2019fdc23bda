"""Constants, read back by components under wasmtime."""

from __future__ import annotations

import pytest

from tests.cli.programs import MEMORY, from_module
from tests.components import from_wit, world
from tests.furnished import called, furnished, furnished_plan
from wpkg.compose.errors import Unsupported
from wpkg.compose.furnish import Decided

STORE = """interface store { variant error { upstream(string), io(string) }
  get: func(key: string) -> result<option<string>, error>;
  get-all: func() -> result<list<tuple<string, string>>, error>; }"""
CONFIG = f"package wasi:config@0.2.0-rc.1; {STORE}"
NAME = "wasi:config/store@0.2.0-rc.1"


def reader(package: str = CONFIG, name: str = NAME) -> bytes:
    """A component that passes the store on, and adds nothing: what it answers is what it was told."""
    inner = name.partition("/")[2].partition("@")[0]
    return from_module(
        f"""
        (import "{name}" "get" (func $get (param i32 i32 i32)))
        (import "{name}" "get-all" (func $all (param i32)))
        {MEMORY}
        (func (export "look") (param i32 i32) (result i32)
          (call $get (local.get 0) (local.get 1) (i32.const 64)) (i32.const 64))
        (func (export "list") (result i32) (call $all (i32.const 64)) (i32.const 64))
        """,
        f"""import {name}; use {name}.{{error}};
        export look: func(key: string) -> result<option<string>, error>;
        export %list: func() -> result<list<tuple<string, string>>, error>;""",
        extra=package.replace("store", inner),
    )


def configured(values: dict[str, str], component: bytes) -> bytes:
    return furnished({"app": component}, Decided(lambda _who, _interface: None, values))


VALUES = {"colour": "grün", "a": "", "": "empty", "long": "x" * 70_000, "colours": "two", "x" * 3000: "found"}


@pytest.mark.parametrize("key", [*VALUES, "colou", "b", "no", "x" * 2999, "y" * 100_000])
def test_a_key_has_its_value_and_no_other(key: str) -> None:
    import json

    made = configured(VALUES, reader())
    assert called(made, "look", json.dumps([key])) == {"ok": VALUES.get(key)}


@pytest.mark.parametrize("values", [VALUES, {"one": "1"}])
def test_all_values_are_listed_in_order(values: dict[str, str]) -> None:
    made = configured(values, reader())
    assert called(made, "list") == {"ok": [[key, values[key]] for key in sorted(values)]}
    assert not [line for line in world(made) if line.startswith("import")]


def test_without_constants_the_host_is_asked() -> None:
    assert f"import {NAME}" in world(configured({}, reader()))


def test_the_older_interface_is_answered_too() -> None:
    older = "wasi:config/runtime@0.2.0-draft"
    made = configured({"k": "v"}, reader(CONFIG.replace("-rc.1", "-draft"), older))
    assert called(made, "look", '["k"]') == {"ok": "v"}


def test_a_choice_to_leave_it_to_the_host_is_kept() -> None:
    decided = Decided(lambda _who, _interface: None, {"k": "v"})
    plan, _ = furnished_plan({"app": reader()}, decided, choices=[f"{NAME}=host"])
    assert [residual.name for residual in plan.residuals] == [NAME]


def test_each_component_asks_in_its_version() -> None:
    newer = CONFIG.replace("-rc.1", "")
    app = from_wit("import wasi:config/store@0.2.0; import f: func(); export run: func();", newer)
    parts = {"app": app, "dep": from_wit(f"import {NAME}; export f: func();", CONFIG)}
    plan, _ = furnished_plan(parts, Decided(lambda _who, _interface: None, {"k": "v"}), "app")
    assert plan.residuals == ()
    assert {n.name: sorted(n.component.exports) for n in plan.nodes if n.generated} == {
        "app (configuration)": ["wasi:config/store@0.2.0"],
        "dep (configuration)": [NAME],
    }


def test_an_interface_of_that_name_and_another_shape_is_refused() -> None:
    other = "package wasi:config@0.2.0; interface store { get: func(key: u32) -> string; }"
    app = from_wit("import wasi:config/store@0.2.0; export run: func();", other)
    with pytest.raises(Unsupported, match="has a function 'get' that constants do not answer"):
        configured({"k": "v"}, app)


def test_the_order_in_which_they_are_written_does_not_matter() -> None:
    assert configured(VALUES, reader()) == configured(dict(reversed(VALUES.items())), reader())
