"""The cases on which other composers fail (docs/composition.md), and what each must come to.

A to J are the ones that were reproduced with wac and wasm-tools; every result is validated by wasm-tools.
"""

from __future__ import annotations

import itertools

import pytest

from tests.components import compose, from_text, from_wit, planned, wit, world
from wpkg.component.read import read_component
from wpkg.compose.errors import (
    AmbiguousImport,
    DependencyCycle,
    InvalidChoice,
    RootNotClear,
    SplitResources,
    TypeMismatch,
    UnmergeableImports,
    UnnamedType,
)
from wpkg.compose.graph import Reason

LIB = """package ns:lib@1.0.0;
interface types { resource r { get: func() -> string; } record rec { x: u32 } record outer { i: rec } }
interface api { use types.{r, rec}; make: func() -> r; show: func(x: rec); }
interface handler { use types.{r}; handle: func(x: r); }
interface user { use types.{outer}; go: func() -> outer; }
interface user2 { use types.{r}; go: func() -> r; }
interface mid { f: func() -> string; }
"""
V0 = "package v:lib@0.2.0; interface a { f: func(); }"
V3 = "package v:lib@0.2.3; interface a { f: func(); g: func(); }"


def lib(name: str) -> str:
    return f"ns:lib/{name}@1.0.0"


def component(body: str, *packages: str) -> bytes:
    return from_wit(body, *(packages or (LIB,)))


TYPES = component(f"export {lib('types')};")
MID = component(f"export {lib('mid')};")
NEEDS_MID = component(f"import {lib('mid')}; export run: func();")


def test_a_interfaces_whose_types_the_exports_mention_are_exported_too() -> None:
    result = compose({"root": component(f"import {lib('types')}; export {lib('user')};"), "types": TYPES})
    assert world(result) == [f"export {lib('types')}", f"export {lib('user')}"]


def test_b_types_used_by_a_world_come_from_the_dependency() -> None:
    root = component(f"use {lib('types')}.{{r, outer}}; export go: func() -> r; export go2: func() -> outer;")
    result = compose({"root": root, "types": TYPES})
    assert world(result)[0] == f"export {lib('types')}"
    assert not [line for line in world(result) if line.startswith("import")]


def test_c_an_import_that_uses_a_resource_made_inside_cannot_be_left_to_the_host() -> None:
    root = component(f"import {lib('types')}; import {lib('handler')}; export run: func();")
    with pytest.raises(SplitResources, match="'ns:lib/handler@1.0.0' of 'root' uses the resource 'r' of 'types'"):
        compose({"root": root, "types": TYPES})


def test_d_two_candidates_are_an_error_that_names_them_and_the_line_to_write() -> None:
    parts = {"root": NEEDS_MID, "one": MID, "two": component(f"export {lib('mid')}; export other: func();")}
    with pytest.raises(AmbiguousImport) as caught:
        compose(parts, root="root")
    assert "'one', 'two'" in str(caught.value)
    assert caught.value.hint is not None
    assert '"root / ns:lib/mid@1.0.0" = "one"' in caught.value.hint
    for choices in ([f"root / {lib('mid')}=two"], [f"{lib('mid')}=two"], [f"{lib('mid')}=two / {lib('mid')}"]):
        assert world(compose(parts, root="root", choices=choices)) == ["export run: func()"]


def test_e_an_exact_name_shuts_out_one_on_the_track() -> None:
    root = component("import v:lib/a@0.2.0; export run: func();", V0, V3)
    both = component("export v:lib/a@0.2.0; export v:lib/a@0.2.3;", V0, V3)
    assert world(compose({"root": root, "both": both})) == ["export run: func()"]


def test_f_one_export_satisfies_two_imports_on_its_track() -> None:
    """In text, because wit-component makes one import of two."""
    root = from_text("""(component
      (import "v:lib/a@0.2.0" (instance (export "f" (func))))
      (import "v:lib/a@0.2.3" (instance $a (export "f" (func)) (export "g" (func))))
      (export "run" (func $a "g")))""")
    parts = {"root": root, "new": component("export v:lib/a@0.2.3;", V3)}
    assert [(c.name, c.export, c.reason) for c in planned(parts).connections] == [
        ("v:lib/a@0.2.0", "v:lib/a@0.2.3", Reason.SAME_TRACK),
        ("v:lib/a@0.2.3", "v:lib/a@0.2.3", Reason.SAME_NAME),
    ]
    assert world(compose(parts)) == ["export run: func()"]


def test_a_lower_version_does_not_stand_in_for_a_higher_one() -> None:
    parts = {
        "root": component("import v:lib/a@0.2.3; export run: func();", V3),
        "old": component("export v:lib/a@0.2.0; export run2: func();", V0),
    }
    assert world(compose(parts, root="root")) == ["import v:lib/a@0.2.3", "export run: func()"]


def test_g_a_composition_can_be_composed_again() -> None:
    first = compose({"root": component(f"import {lib('types')}; export {lib('user2')};"), "types": TYPES})
    assert world(first) == [f"export {lib('types')}", f"export {lib('user2')}"]
    root = component(f"import {lib('types')}; import {lib('user2')}; export run: func();")
    assert world(compose({"root": root, "first": first})) == ["export run: func()"]


def test_h_a_merged_import_keeps_the_highest_version_where_others_use_it() -> None:
    old = """package foo:bar@0.2.0; interface types { resource r; }
             interface api { use types.{r}; do-something: func(x: r); }"""
    new = "package foo:bar@0.2.1; interface types { resource r; resource s; g: func() -> s; }"
    x = "package test:x; interface plugme { f: func(); }"
    result = compose(
        {
            "root": component("import foo:bar/api@0.2.0; import test:x/plugme; export run: func();", old, x),
            "dep": component("import foo:bar/types@0.2.1; export test:x/plugme;", new, x),
        }
    )
    assert world(result) == ["import foo:bar/types@0.2.1", "import foo:bar/api@0.2.0", "export run: func()"]
    assert '"s"' in wit(result)


def test_i_dependencies_are_connected_to_each_other() -> None:
    parts = {
        "root": component(f"import {lib('types')}; import {lib('api')}; export run: func();"),
        "api": component(f"import {lib('types')}; export {lib('api')};"),
        "types": TYPES,
    }
    assert world(compose(parts)) == ["export run: func()"]


def test_j_a_type_that_does_not_fit_is_shown_with_the_path_to_the_difference() -> None:
    other = LIB.replace("interface mid { f: func() -> string; }", "interface mid { f: func() -> u32; }")
    with pytest.raises(TypeMismatch) as caught:
        compose({"root": NEEDS_MID, "dep": component(f"export {lib('mid')};", other)})
    assert "'dep' exports 'ns:lib/mid@1.0.0', but not as 'root' imports it" in str(caught.value)
    assert "f → result: wanted string, given u32" in str(caught.value)


def test_a_circle_is_shown_as_a_path() -> None:
    parts = {
        "a": component(f"import {lib('mid')}; export {lib('types')};"),
        "b": component(f"import {lib('types')}; export {lib('mid')};"),
    }
    with pytest.raises(DependencyCycle, match=r"'a' → \(ns:lib/mid@1.0.0\) → 'b' → \(ns:lib/types@1.0.0\) → 'a'"):
        compose(parts)


def test_a_root_that_cannot_be_inferred_has_to_be_said() -> None:
    parts = {"one": NEEDS_MID, "two": component(f"import {lib('mid')}; export run2: func();"), "mid": MID}
    with pytest.raises(RootNotClear, match="'one', 'two'"):
        compose(parts)
    assert world(compose(parts, root="two")) == ["export run2: func()"]


def test_what_nothing_needs_is_left_out() -> None:
    alone = compose({"root": NEEDS_MID, "mid": MID}, root="root")
    assert compose({"root": NEEDS_MID, "mid": MID, "idle": component("export x: func();")}, root="root") == alone


def test_imports_of_the_host_that_differ_are_not_silently_united() -> None:
    other = LIB.replace("interface mid { f: func() -> string; }", "interface mid { f: func() -> u32; }")
    parts = {
        "root": component(f"import {lib('mid')}; import {lib('types')}; export run: func();"),
        "dep": component(f"import {lib('mid')}; export {lib('types')};", other),
    }
    with pytest.raises(UnmergeableImports, match="f → result: wanted"):
        compose(parts)


def test_plain_functions_connect_by_name_and_are_left_to_the_host_else() -> None:
    root = component("import get: func() -> string; import log: func(s: string); export run: func();")
    result = compose({"root": root, "getter": component("export get: func() -> string;")})
    assert world(result) == ["import log: func(s: string)", "export run: func()"]


@pytest.mark.parametrize(
    ("choice", "hint"),
    [
        ("ns:lib/mid=mid", "what is imported is 'ns:lib/mid@1.0.0'"),
        (f"{lib('mid')}=nobody", "the components are root, mid"),
    ],
)
def test_a_choice_that_names_nothing_is_told_what_there_is(choice: str, hint: str) -> None:
    with pytest.raises(InvalidChoice) as caught:
        compose({"root": NEEDS_MID, "mid": MID}, choices=[choice])
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ([f"{lib('mid')}=nobody"], "'nobody' is chosen for import 'ns:lib/mid@1.0.0', and is not among"),
        ([f"nobody / {lib('mid')}=mid"], "of 'nobody', which is not among the components"),
        ([f"{lib('api')}=mid"], "but no component imports it"),
        ([f"mid / {lib('mid')}=mid"], "but 'mid' does not import it"),
        ([f"root / {lib('mid')}=types / {lib('mid')}"], "but 'types' does not export it"),
        ([f"{lib('mid')}=mid", f"{lib('mid')}=types"], "two choices for import 'ns:lib/mid@1.0.0'"),
        ([f"root / {lib('mid')}=root"], "'root' is chosen for its own import 'ns:lib/mid@1.0.0'"),
        ([f"{lib('mid')}=root"], "'root' is chosen for its own import 'ns:lib/mid@1.0.0'"),
    ],
)
def test_choices_that_name_nothing_are_errors(choices: list[str], said: str) -> None:
    parts = {"root": NEEDS_MID, "mid": MID, "types": TYPES}
    with pytest.raises(InvalidChoice, match=said):
        compose(parts, root="root", choices=choices)


def test_the_order_of_the_components_does_not_change_what_is_composed() -> None:
    parts = {
        "root": component(f"import {lib('types')}; import {lib('api')}; export run: func();"),
        "api": component(f"import {lib('types')}; export {lib('api')};"),
        "types": TYPES,
    }
    for one in ("api", "types"):  # imports of the host of each, so that their order counts too
        parts[one] = component(
            f"import h:{one}/x; import h:common/x; {'' if one == 'types' else 'import ns:lib/types@1.0.0;'} export {lib(one)};",
            LIB,
            *(f"package h:{name}; interface x {{ f: func(); }}" for name in ("api", "types", "common")),
        )
    first = compose(parts)
    assert len([line for line in world(first) if line.startswith("import h:")]) == 3
    for order in itertools.permutations(parts):
        assert compose({name: parts[name] for name in order}) == first


def test_middleware_imports_and_exports_one_interface() -> None:
    parts = {
        "root": NEEDS_MID,
        "middle": component(f"import {lib('mid')}; export {lib('mid')};"),
        "mid": MID,
    }
    choices = [f"root / {lib('mid')}=middle", f"middle / {lib('mid')}=mid"]
    assert world(compose(parts, root="root", choices=choices)) == ["export run: func()"]


def test_the_root_s_exports_are_not_offered_to_its_dependencies() -> None:
    parts = {
        "root": component(f"import {lib('types')}; export {lib('mid')};"),
        "dep": component(f"import {lib('mid')}; export {lib('types')};"),
    }
    assert world(compose(parts, root="root")) == [f"import {lib('mid')}", f"export {lib('mid')}"]


OLD_API = "package v:lib@0.2.0; interface a { f: func(); }"
NEW_API = "package v:lib@0.2.3; interface t { resource r; } interface a { use t.{r}; f: func(); g: func(x: r); }"


@pytest.mark.parametrize("newer_first", [False, True])
def test_a_merged_import_comes_after_the_interfaces_whose_types_it_uses(newer_first: bool) -> None:  # noqa: FBT001
    """The older version, met first, uses nothing; the newer one has to wait for its types."""
    old = component(
        "import v:lib/a@0.2.0; import x:y/z; export run: func();",
        OLD_API,
        "package x:y; interface z { f: func(); }",
    )
    new = component("import v:lib/a@0.2.3; export x:y/z;", NEW_API, "package x:y; interface z { f: func(); }")
    parts = {"new": new, "old": old} if newer_first else {"old": old, "new": new}
    assert world(compose(parts)) == ["import v:lib/t@0.2.3", "import v:lib/a@0.2.3", "export run: func()"]


def test_the_higher_name_wins_whichever_is_met_first() -> None:
    """Dependencies are met before the root: here the root has the higher version."""
    z = "package x:y; interface z { f: func(); }"
    parts = {
        "root": component("import v:lib/a@0.2.3; import x:y/z; export run: func();", V3, z),
        "dep": component("import v:lib/a@0.2.0; export x:y/z;", V0, z),
    }
    assert world(compose(parts)) == ["import v:lib/a@0.2.3", "export run: func()"]


def test_re_exported_interfaces_come_after_those_that_they_use() -> None:
    chain = """package c:n;
    interface base { record b { x: u8 } } interface middle { use base.{b}; record m { y: b } }
    interface top { use middle.{m}; go: func() -> m; }"""
    parts = {
        "root": component("import c:n/base; import c:n/middle; export c:n/top;", chain),
        "middle": component("import c:n/base; export c:n/middle;", chain),
        "base": component("export c:n/base;", chain),
    }
    assert world(compose(parts)) == ["export c:n/base", "export c:n/middle", "export c:n/top"]


def test_the_same_bytes_under_two_names_are_embedded_once_and_instantiated_twice() -> None:
    w3 = V3.replace("v:", "w:")
    root = component("import v:lib/a@0.2.3; import w:lib/a@0.2.3; export run: func();", V3, w3)
    both = component("export v:lib/a@0.2.3; export w:lib/a@0.2.3;", V3, w3)
    choices = ["v:lib/a@0.2.3=one", "w:lib/a@0.2.3=two"]
    data = compose({"root": root, "one": both, "two": both}, root="root", choices=choices)
    assert data.count(both) == 1
    assert world(data) == ["export run: func()"]


def test_a_component_does_not_satisfy_itself() -> None:
    parts = {"root": NEEDS_MID, "middle": component(f"import {lib('mid')}; export {lib('mid')};")}
    assert world(compose(parts)) == [f"import {lib('mid')}", "export run: func()"]


USES_REC = f"use {lib('types')}.{{rec}};"


@pytest.mark.parametrize(
    ("world_of_root", "said"),
    [
        (f"{USES_REC} import f: func(x: rec); export run: func();", ["import f: func(x: rec)", "export run: func()"]),
        (f"{USES_REC} record t {{ r: rec }} export f: func(x: t);", ["export f: func(x: t)"]),
        (f"{USES_REC} type t = list<rec>; export f: func(x: t);", ["export f: func(x: t)"]),
        (f"{USES_REC} record t {{ r: rec }} import f: func(x: t); export g: func(x: t) -> rec;",
         ["import f: func(x: t)", "export g: func(x: t) -> rec"]),
        (f"use {lib('types')}.{{rec, r}}; record t {{ r: rec }} export f: func(x: t) -> r;",
         [f"export {lib('types')}", "export f: func(x: t) -> r"]),
    ],
    ids=["a function", "a record", "a list", "both", "beside a resource"],
)  # fmt: skip
def test_data_types_made_inside_are_stated_again_where_the_imports_of_the_host_use_them(
    world_of_root: str, said: list[str]
) -> None:
    """A world's `use` of a record, whose interface a dependency provides, and something of the host that needs it."""
    assert world(compose({"root": component(world_of_root), "types": TYPES})) == said


def test_a_plan_says_which_types_are_stated_again() -> None:
    root = component(f"{USES_REC} import f: func(x: rec); export run: func();")
    assert planned({"root": root, "types": TYPES}).stated_again == {("root", "rec")}
    alone = component(f"{USES_REC} export f: func(x: rec);")
    assert planned({"root": alone, "types": TYPES}).stated_again == frozenset()


def test_two_worlds_that_state_a_type_again_share_it() -> None:
    more = f"{LIB}interface last {{ l: func(); }}"
    body = f"{USES_REC} import f: func(x: rec); "
    parts = {
        "root": component(f"{body} import {lib('last')}; export run: func();", more),
        "last": component(f"{body} export {lib('last')};", more),
        "types": component(f"export {lib('types')};", more),
    }
    assert world(compose(parts)) == ["import f: func(x: rec)", "export run: func()"]


def test_a_type_that_the_imports_of_the_result_cannot_name_is_said() -> None:
    """`outer` has a `rec` in it, and the world uses only `outer`."""
    root = component(f"use {lib('types')}.{{outer}}; import f: func(x: outer); export run: func();")
    with pytest.raises(
        UnnamedType, match="import 'outer' of 'root' is left to the host and uses type 'rec' of 'types'"
    ):
        compose({"root": root, "types": TYPES})


STATIC = """(component (import "t" (instance $t (export "r" (type (sub resource))))) (alias export $t "r" (type $r))
  (import "r" (type (eq $r))) (import "[static]r.b" (func $f)) (import "x" (func)) (export "run" (func $f)))"""
RESOURCE = """(component (type $r (resource (rep i32))) (instance $t (export "r" (type $r))) (export "t" (instance $t)))"""


def test_functions_of_a_resource_stay_with_it() -> None:
    """Those in the scope of a resource that the world uses, and none of which mentions it."""
    root = from_text(STATIC)
    x = from_wit("export x: func();")
    found = read_component(memoryview(compose({"root": root, "x": x})))
    assert list(found.imports) == ["t", "r", "[static]r.b"]
    with pytest.raises(SplitResources, match=r"import '\[static\]r.b' of 'root' uses the resource 'r' of 'dep'"):
        compose({"root": root, "x": x, "dep": from_text(RESOURCE)}, "root")


def test_a_type_that_is_exported_consists_of_what_is_exported() -> None:
    """Types by plain name, one of which has a resource of the other in it."""
    root = from_text(
        """(component (import "x" (func)) (type $r' (resource (rep i32))) (export $r "r" (type $r'))
        (type $rec' (record (field "r" (own $r)))) (export $rec "rec" (type $rec')) (type $t (func (result $rec)))
        (core module $m (func (export "f") (result i32) unreachable)) (core instance $i (instantiate $m))
        (func $f (type $t) (canon lift (core func $i "f"))) (export "f" (func $f)))"""
    )
    data = compose({"root": root, "x": from_wit("export x: func();")})
    assert list(read_component(memoryview(data)).exports) == ["r", "rec", "f"]
