"""What the planner says beyond the known cases: near misses, labels, whole instances, what stays apart, limits."""

from __future__ import annotations

import pytest

from tests.components import assemble, compose, from_text, from_wit, planned, wit, world
from wpkg.component import write
from wpkg.component.definitions import Sort
from wpkg.component.read import read_component
from wpkg.component.sections import COMPONENT_PREAMBLE, section
from wpkg.compose.encode import MAX_INSTANCES, encode
from wpkg.compose.errors import (
    AmbiguousImport,
    CircularTypes,
    DependencyCycle,
    ExportConflict,
    ImportsLeft,
    InvalidChoice,
    NothingConnected,
    TooLarge,
    TypeMismatch,
    UnmergeableImports,
)
from wpkg.compose.graph import Reason
from wpkg.compose.plan import require_connections, require_no_imports

KV = "package ns:kv@1.0.0; interface store { get: func(key: string) -> string; }"
KV2 = "package ns:kv@1.2.0; interface store { get: func(key: string) -> string; put: func(key: string); }"
LABELLED = "import primary: ns:kv/store@1.0.0; import backup: ns:kv/store@1.0.0; export run: func();"


# --- K: labels and the interfaces that they implement ------------------------------------------------


def test_k_labels_are_satisfied_by_the_interface_that_they_implement() -> None:
    parts = {"root": from_wit(LABELLED, KV), "kv": from_wit("export ns:kv/store@1.0.0;", KV)}
    plan = planned(parts)
    assert {(c.name, c.export, c.reason) for c in plan.connections} == {
        (label, "ns:kv/store@1.0.0", Reason.IMPLEMENTS) for label in ("primary", "backup")
    }
    assert world(assemble(plan, parts)) == ["export run: func()"]


def test_k_each_label_can_be_wired_to_a_component_of_its_own() -> None:
    parts = {
        "root": from_wit(LABELLED, KV),
        "fast": from_wit("export ns:kv/store@1.0.0;", KV),
        "safe": from_wit("export ns:kv/store@1.0.0; export other: func();", KV),
    }
    with pytest.raises(AmbiguousImport, match="import 'primary' of 'root' is exported by several components"):
        planned(parts, "root")
    plan = planned(parts, "root", ["primary=fast", "backup=safe"])
    assert {(c.name, c.exporter) for c in plan.connections} == {("primary", "fast"), ("backup", "safe")}
    assert world(assemble(plan, parts)) == ["export run: func()"]


def maps(value: str) -> str:
    return f"package m:p; interface counts {{ count: func() -> map<string, {value}>; }}"


def test_k_interfaces_with_maps_are_connected_and_left_to_the_host() -> None:
    u32 = maps("u32")
    root = from_wit("import m:p/counts; export run: func();", u32)
    assert world(compose({"root": root, "counts": from_wit("export m:p/counts;", u32)})) == ["export run: func()"]
    parts = {
        "root": from_wit("import m:p/counts; import f: func(); export run: func();", u32),
        "f": from_wit("export f: func();"),
    }
    assert '"map"' in wit(compose(parts))
    pairs = "package m:p; interface counts { count: func() -> list<tuple<string, u32>>; }"
    with pytest.raises(TypeMismatch, match=r"count → result: wanted map<string, u32>, given list"):
        compose({"root": root, "counts": from_wit("export m:p/counts;", pairs)})


def test_a_label_takes_a_higher_version_of_its_interface_and_no_lower_one() -> None:
    newer = {"root": from_wit(LABELLED, KV), "kv": from_wit("export ns:kv/store@1.2.0;", KV2)}
    assert world(compose(newer)) == ["export run: func()"]
    wants_newer = from_wit("import primary: ns:kv/store@1.2.0; export run: func();", KV2)
    plan = planned({"root": wants_newer, "kv": from_wit("export ns:kv/store@1.0.0;", KV)}, "root")
    assert plan.connections == ()
    assert [miss.why for miss in plan.near_misses] == ["the export's version is lower"]


def test_a_label_that_is_left_to_the_host_keeps_what_it_implements() -> None:
    parts = {
        "root": from_wit(f"import f: func(); {LABELLED}", KV),
        "f": from_wit("export f: func();"),
    }
    assert "import primary: ns:kv/store@1.0.0" in world(compose(parts))


def test_one_label_can_implement_one_interface_as_an_import_and_another_as_an_export() -> None:
    middle = from_wit("import kv: ns:kv/store@1.0.0; export kv: func(); import f: func();", KV)
    parts = {"middle": middle, "f": from_wit("export f: func();")}
    assert world(compose(parts)) == ["import kv: ns:kv/store@1.0.0", "export kv: func()"]


# --- near misses ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("imported", "exported", "why"),
    [
        ("@0.1.0", "", "the export has no version"),
        ("", "@0.1.0", "the import has no version"),
        ("@0.1.3", "@0.1.0", "the export's version is lower"),
        ("@1.0.0", "@2.0.0", "the versions are not compatible"),
        ("@0.1.0-rc.1", "@0.1.0-rc.2", "the versions are not compatible"),
        ("@0.0.1", "@0.0.2", "the versions are not compatible"),
    ],
)
def test_an_export_under_a_name_that_nearly_matches_is_said(imported: str, exported: str, why: str) -> None:
    root = from_wit(
        f"import test:p/i{imported}; export run: func();",
        f"package test:p{imported}; interface i {{ f: func(); }}",
    )
    dep = from_wit(f"export test:p/i{exported};", f"package test:p{exported}; interface i {{ f: func(); }}")
    plan = planned({"root": root, "dep": dep}, "root")
    assert plan.connections == ()
    assert [(m.importer, m.name, m.exporter, m.export, m.why) for m in plan.near_misses] == [
        ("root", f"test:p/i{imported}", "dep", f"test:p/i{exported}", why)
    ]
    with pytest.raises(NothingConnected, match="nothing that 'root' imports is exported by 'dep'") as caught:
        require_connections(plan)
    assert caught.value.hint is not None
    assert why in caught.value.hint


def test_a_match_has_no_near_misses() -> None:
    both = from_wit(
        "export v:l/a@0.2.0; export v:l/a@0.1.0;",
        *(f"package v:l@{v}; interface a {{ f: func(); }}" for v in ("0.1.0", "0.2.0")),
    )
    root = from_wit("import v:l/a@0.1.0; export run: func();", "package v:l@0.1.0; interface a { f: func(); }")
    assert planned({"root": root, "both": both}).near_misses == ()


# --- choices ----------------------------------------------------------------------------------------

INSTANCE = '(component (import "a" (instance (export "f" (func)))) (export "run" (func 0)))'
ROOT_OF_A = from_text(
    '(component (import "a" (instance $a (export "f" (func)))) (alias export $a "f" (func $f)) (export "run" (func $f)))'
)


def test_a_chosen_component_can_be_the_instance_itself() -> None:
    parts = {"root": ROOT_OF_A, "dep": from_wit("export f: func();")}
    plan = planned(parts, "root", ["a=dep"])
    assert [(c.exporter, c.export) for c in plan.connections] == [("dep", None)]
    assert world(assemble(plan, parts)) == ["export run: func()"]
    assert planned(parts, "root").connections == (), "only a choice makes an argument of a whole component"


def test_a_chosen_component_gives_the_one_export_that_fits() -> None:
    two = '(component (import "f" (func $f)) (instance $x (export "f" (func $f))) (instance $y) (export "x" (instance $x)) (export "y" (instance $y)))'
    parts = {"root": ROOT_OF_A, "dep": from_text(two), "f": from_wit("export f: func();")}
    plan = planned(parts, "root", ["a=dep"])
    assert [c.export for c in plan.connections if c.importer == "root"] == ["x"]
    assert world(assemble(plan, parts)) == ["export run: func()"]


def test_several_exports_that_fit_have_to_be_told_apart() -> None:
    two = '(component (import "f" (func $f)) (instance $x (export "f" (func $f))) (export "x" (instance $x)) (export "y" (instance $x)))'
    parts = {"root": ROOT_OF_A, "dep": from_text(two)}
    with pytest.raises(InvalidChoice, match="several of its exports fit: 'x', 'y'"):
        planned(parts, "root", ["a=dep"])
    assert world(compose(parts, "root", ["a=dep / y"])) == ["import f: func()", "export run: func()"]


def test_a_chosen_component_of_which_nothing_fits_is_refused() -> None:
    parts = {"root": ROOT_OF_A, "dep": from_wit("export g: func();")}
    with pytest.raises(
        TypeMismatch, match=r"'dep' does not fit import 'a' of 'root', nor does any of its exports: f: wanted"
    ):
        planned(parts, "root", ["a=dep"])
    with pytest.raises(TypeMismatch, match="'dep' exports 'g', but not as 'root' imports 'a'"):
        planned(parts, "root", ["a=dep / g"])


def test_an_import_can_be_left_to_the_host_by_choice() -> None:
    parts = {
        "root": from_wit("import f: func(); import g: func(); export run: func();"),
        "dep": from_wit("export f: func(); export g: func();"),
    }
    plan = planned(parts, "root", ["g=host"])
    assert plan.left == {("root", "g")}
    assert world(assemble(plan, parts)) == ["import g: func()", "export run: func()"]


def test_a_circle_is_opened_by_leaving_one_import_to_the_host() -> None:
    a = from_wit("import y: func(); export x: func(); export run: func();")
    parts = {
        "root": from_wit("import run: func(); export go: func();"),
        "a": a,
        "b": from_wit("import x: func(); export y: func();"),
    }
    with pytest.raises(DependencyCycle, match="'a' → .y. → 'b' → .x. → 'a'"):
        planned(parts, "root")
    assert world(compose(parts, "root", ["b / x=host"])) == ["import x: func()", "export go: func()"]


def test_nothing_may_be_left_where_that_is_asked_for() -> None:
    parts = {
        "root": from_wit("import f: func(); import g: func(); export run: func();"),
        "f": from_wit("export f: func();"),
    }
    with pytest.raises(ImportsLeft, match="no component exports 'g' of 'root'"):
        require_no_imports(planned(parts))
    parts["g"] = from_wit("export g: func();")
    require_no_imports(planned(parts))


# --- types by plain name ----------------------------------------------------------------------------


def test_a_resource_imported_by_plain_name_comes_from_the_component_that_exports_it() -> None:
    root = from_text(
        """(component (import "r" (type $r (sub resource))) (import "make" (func $make (result (own $r))))
        (export $e "again" (type $r)) (export "made" (func $make) (func (result (own $e)))))"""
    )
    dep = from_text(
        """(component (type $r' (resource (rep i32))) (export $r "r" (type $r'))
        (core module $m (func (export "make") (result i32) unreachable)) (core instance $i (instantiate $m))
        (type $t (func (result (own $r)))) (func $f (type $t) (canon lift (core func $i "make"))) (export "make" (func $f)))"""
    )
    parts = {"root": root, "dep": dep}
    plan = planned(parts, "root")
    assert {(c.name, c.export) for c in plan.connections} == {("r", "r"), ("make", "make")}
    assert plan.exports == ("r", "again", "made")
    assemble(plan, parts)


def test_exports_mention_types_by_the_names_under_which_those_are_exported() -> None:
    """A root that exports a type by plain name, and a function and an instance that use it."""
    root = from_text(
        """(component (import "x" (func)) (type $t' (record (field "a" u8))) (export $t "t" (type $t'))
        (core module $m (func (export "f") (param i32))) (core instance $i (instantiate $m))
        (func $f (param "v" $t) (canon lift (core func $i "f"))) (export "f" (func $f))
        (instance $n (export "g" (func $f))) (export "n" (instance $n)))"""
    )
    data = compose({"root": root, "dep": from_wit("export x: func();")}, "root")
    assert list(read_component(memoryview(data)).exports) == ["t", "f", "n"]


# --- imports of the host ----------------------------------------------------------------------------


def needs(version: str, body: str, export: str) -> bytes:
    return from_wit(f"import v:l/a@{version}; {export}", f"package v:l@{version}; interface a {{ {body} }}")


def test_imports_on_one_track_that_cannot_be_one_are_kept_apart_and_said() -> None:
    parts = {
        "root": needs("0.2.0", "f: func();", "import x: func(); export run: func();"),
        "dep": needs("0.2.3", "f: func(x: u8);", "export x: func();"),
    }
    plan = planned(parts)
    assert world(assemble(plan, parts)) == ["import v:l/a@0.2.0", "import v:l/a@0.2.3", "export run: func()"]
    (apart,) = [residual.kept_apart for residual in plan.residuals if residual.kept_apart is not None]
    assert "f" in str(apart.mismatch)


def test_what_is_kept_apart_still_takes_in_those_that_fit_it() -> None:
    parts = {
        "root": needs("0.2.0", "f: func();", "import x: func(); import y: func(); export run: func();"),
        "x": needs("0.2.3", "f: func(x: u8);", "export x: func();"),
        "y": needs("0.2.4", "f: func(x: u8); g: func();", "export y: func();"),
    }
    assert [r.name for r in planned(parts).residuals] == ["v:l/a@0.2.0", "v:l/a@0.2.4"]
    assert len(world(compose(parts))) == 3


def test_one_name_cannot_be_kept_apart() -> None:
    parts = {
        "root": needs("0.2.0", "f: func();", "import x: func(); export run: func();"),
        "dep": needs("0.2.0", "f: func(x: u8);", "export x: func();"),
    }
    with pytest.raises(UnmergeableImports, match="'dep' and 'root' both import 'v:l/a@0.2.0'"):
        planned(parts)


def test_names_that_one_scope_cannot_hold_are_not_united() -> None:
    parts = {
        "root": needs("0.2.0", "FOO: func();", "import x: func(); export run: func();"),
        "dep": needs("0.2.3", "foo: func();", "export x: func();"),
    }
    plan = planned(parts)
    assert len(plan.residuals) == 2
    assemble(plan, parts)


def test_what_a_merged_import_holds_is_in_the_order_of_those_who_ask_for_it() -> None:
    parts = {
        "root": needs("0.2.0", "one: func(); two: func();", "import x: func(); export run: func();"),
        "dep": needs("0.2.0", "three: func(); two: func(); one: func();", "export x: func();"),
    }
    text = wit(compose(parts))
    places = [text.index(f'"{name}": {{') for name in ("one", "two", "three")]
    assert places == sorted(places)


def test_interfaces_of_the_host_that_use_each_other_s_types_cannot_be_merged() -> None:
    one = """package v:l@0.2.0; interface a { record r { x: u8 } f: func(v: r); }
    interface b { use a.{r}; record s { x: r } g: func(v: s); }"""
    two = """package v:l@0.2.3; interface b { record q { x: u8 } h: func(v: q); }
    interface a { use b.{q}; record t { x: q } i: func(v: t); }"""
    parts = {
        "root": from_wit("import v:l/a@0.2.0; import v:l/b@0.2.0; import x: func(); export run: func();", one),
        "dep": from_wit("import v:l/b@0.2.3; import v:l/a@0.2.3; export x: func();", two),
    }
    with pytest.raises(CircularTypes, match="use each other's types in a circle: 'v:l/[ab]@0.2.3' → "):
        planned(parts)


# --- exports of the result --------------------------------------------------------------------------


def test_two_interfaces_of_one_name_whose_types_are_exported_are_refused() -> None:
    lib = """package ns:l@1.0.0; interface types { resource r; } interface one { use types.{r}; make: func() -> r; }
    interface two { use types.{r}; make: func() -> r; } """
    made = {name: from_wit(f"export ns:l/types@1.0.0; export ns:l/{name}@1.0.0;", lib) for name in ("one", "two")}
    root = from_text(
        """(component
        (import "ns:l/one@1.0.0" (instance $one (export "r" (type $r (sub resource))) (export "make" (func (result (own $r))))))
        (import "ns:l/two@1.0.0" (instance $two (export "r" (type $r (sub resource))) (export "make" (func (result (own $r))))))
        (alias export $one "make" (func $f)) (alias export $two "make" (func $g))
        (export "f" (func $f)) (export "g" (func $g)))"""
    )
    with pytest.raises(ExportConflict, match="types of 'ns:l/types@1.0.0' of 'one' and of 'two' both occur"):
        planned({"root": root, **made}, "root")


# --- size -------------------------------------------------------------------------------------------


FUNC_TYPE = section(7, b"\x01\x40\x00\x01\x00")


def import_of(name: str, desc: bytes) -> bytes:
    return section(0x0A, b"\x01" + write.extern_name(name) + desc)


def export_of(name: str, sort: Sort) -> bytes:
    return section(0x0B, b"\x01" + write.export(name, sort, 0))


def chain(length: int) -> dict[str, bytes]:
    """Components each of which needs the function of the one before."""
    return {
        f"c{i}": COMPONENT_PREAMBLE
        + FUNC_TYPE
        + import_of(f"f{i}", b"\x01\x00")
        + export_of(f"f{i + 1}", Sort.FUNC)
        for i in range(length)
    }


def star(arms: int) -> dict[str, bytes]:
    """A root that imports an instance of each of `arms` components: two instances each in the result."""
    instances = "".join(f'(import "a:b/i{i}" (instance))' for i in range(arms))
    root = from_text(f'(component {instances} (import "f" (func $f)) (export "run" (func $f)))')
    leaf = COMPONENT_PREAMBLE + section(5, b"\x01\x01\x00")
    return {"root": root} | {f"leaf{i}": leaf + export_of(f"a:b/i{i}", Sort.INSTANCE) for i in range(arms)}


def test_a_chain_as_long_as_the_limits_allow_is_composed() -> None:
    parts = chain(300)
    plan = planned(parts)
    assert plan.root == "c299"
    assert [node.name for node in plan.nodes] == list(parts)
    assert world(assemble(plan, parts)) == ["import f0: func()", "export f300: func()"]


def test_the_validator_s_limit_of_instances_is_ours() -> None:
    arms = (MAX_INSTANCES - 1) // 2
    fits = star(arms)
    assert world(compose(fits, "root")) == ["import f: func()", "export run: func()"]
    with pytest.raises(TooLarge, match=f"would have {MAX_INSTANCES + 1} instances in one component"):
        encode(planned(star(arms + 1), "root"))
