from __future__ import annotations

from typing import cast

import pytest

from tests.unit.wit.cases import INVALID, LIB, ONLY_PACKAGES, VALID
from tests.wit import (
    assert_is_component_of,
    assert_same,
    binary_package,
    dummy,
    from_binary,
    packages,
    refusal,
)
from wpkg.component.definitions import Attribute
from wpkg.component.types import (
    Alias,
    ComponentType,
    FuncType,
    InstanceType,
    Own,
    Primitive,
    Resource,
    TypeBound,
    strip,
)
from wpkg.wit import errors, names, world_builder
from wpkg.wit.errors import InvalidWit, RecursiveWit


def own_worlds(root: str) -> list[str]:
    return [name for name in packages(*VALID[root]).worlds if name.startswith("a:b/")]


WORLDS = [(case, name) for case in VALID for name in own_worlds(case)]


@pytest.mark.parametrize("case", [*VALID, *ONLY_PACKAGES])
def test_worlds_and_interfaces_are_those_of_the_binary_package(case: str) -> None:
    given = (VALID | ONLY_PACKAGES)[case]
    ours, theirs = packages(*given), from_binary(binary_package(*given))
    assert ours.root == theirs.root
    assert {name for name in ours.worlds if name.startswith("a:b/")} == set(theirs.worlds)
    for name, world in theirs.worlds.items():
        assert_same(ours.worlds[name].type, world.type)
    for name, interface in theirs.interfaces.items():
        if name.startswith("a:b/"):
            found = ours.interfaces[name]
            assert set(found.type.exports) == set(interface.type.exports)
            assert set(found.uses) == set(interface.uses)


@pytest.mark.parametrize(("case", "name"), WORLDS)
def test_worlds_are_those_of_components(case: str, name: str) -> None:
    world = packages(*VALID[case]).worlds[name]
    label = name.partition("/")[2].partition("@")[0]
    assert_is_component_of(world.type, dummy(label, *VALID[case]))


def test_the_comparison_notices_a_difference() -> None:
    left = packages("package a:b; interface i { f: func(x: u8); } world w { import i; }").world(None).type
    for other in ("f: func(x: u16);", "f: func(x: u8); g: func();", "g: func(x: u8);", ""):
        right = packages(f"package a:b; interface i {{ {other} }} world w {{ import i; }}").world(None).type
        with pytest.raises(AssertionError):
            assert_same(left, right)


@pytest.mark.parametrize("case", INVALID)
def test_what_means_nothing_is_refused(case: str) -> None:
    kind, said, given = INVALID[case]
    with pytest.raises(InvalidWit) as caught:
        packages(*given)
    error = caught.value
    wanted = {**vars(errors), **vars(names), **vars(world_builder)}[kind]
    assert type(error) is wanted, error
    message, _, advice = said.partition(" | ")
    assert message in str(error)
    assert advice in (error.hint or "")
    if error.span is not None:
        assert error.exit_code == 2
        assert 0 <= error.span.start < error.span.end <= len(error.span.source.text)
    assert refusal(*given) is not None


@pytest.mark.parametrize("case", VALID)
def test_what_is_taken_is_taken_by_wasm_tools(case: str) -> None:
    assert refusal(*VALID[case]) is None


# --- identity --------------------------------------------------------------------------------------


def instance(externs: object, name: str) -> InstanceType:
    found = cast("dict[str, object]", externs)[name]
    assert isinstance(found, InstanceType)
    return found


def bound(instance_type: InstanceType, name: str) -> Resource | Alias:
    found = instance_type.exports[name]
    assert isinstance(found, TypeBound)
    return found.type


def world(body: str) -> ComponentType:
    return packages(f"package a:b; world w {{ {body} }}", LIB).world(None).type


TYPES, API, HANDLER = "ns:lib/types@1.0.0", "ns:lib/api@1.0.0", "ns:lib/handler@1.0.0"


def test_a_used_type_is_an_alias_of_its_owners_identity() -> None:
    imports = world(f"import {API};").imports
    assert list(imports) == [TYPES, API]  # what is used comes first
    owner, user = bound(instance(imports, TYPES), "r"), bound(instance(imports, API), "r")
    assert isinstance(owner, Resource)
    assert isinstance(user, Alias)
    assert user.target is owner
    renamed = bound(instance(imports, API), "record-type")
    assert isinstance(renamed, Alias)
    assert renamed.target is bound(instance(imports, TYPES), "rec")
    assert (renamed.name, owner.name) == ("record-type", "r")


def test_an_imported_and_an_exported_interface_have_different_resources() -> None:
    found = world(f"import {TYPES}; export {TYPES}; export {API}; export {HANDLER};")
    imported, exported = bound(instance(found.imports, TYPES), "r"), bound(instance(found.exports, TYPES), "r")
    assert imported is not exported
    for name in (API, HANDLER):
        assert strip(bound(instance(found.exports, name), "r")) is exported
    assert next(iter(found.exports)) == TYPES


def test_what_an_export_uses_and_nothing_exports_is_the_import() -> None:
    found = world(f"export {API};")
    assert list(found.imports) == [TYPES]
    assert strip(bound(instance(found.exports, API), "r")) is bound(instance(found.imports, TYPES), "r")


def test_worlds_do_not_share_identities() -> None:
    found = packages(f"package a:b; world v {{ import {TYPES}; }} world w {{ import {TYPES}; }}", LIB)
    one, other = (bound(instance(found.worlds[f"a:b/{name}"].type.imports, TYPES), "r") for name in "vw")
    assert one is not other


def test_labels_make_instances_of_their_own() -> None:
    text = "package a:b; interface s { resource r; } world w { import x: s; import y: s; import s; }"
    found = packages(text).world(None)
    resources = [bound(instance(found.type.imports, name), "r") for name in ("x", "y", "a:b/s")]
    assert len(set(resources)) == 3
    assert found.attributes == dict.fromkeys(("x", "y"), ((Attribute.IMPLEMENTS, "a:b/s"),))


def test_external_ids_are_kept() -> None:
    text = 'package a:b; interface i {} world w { @external-id("é") import f: func(); @external-id("x") export l: i; }'
    assert packages(text).world(None).attributes == {
        "f": ((Attribute.EXTERNAL_ID, "é"),),
        "l": ((Attribute.IMPLEMENTS, "a:b/i"), (Attribute.EXTERNAL_ID, "x")),
    }


def test_an_included_type_is_made_anew_and_its_functions_follow() -> None:
    found = packages(*VALID["include makes types of a world anew and renames them with their functions"]).worlds
    inner, outer = found["a:b/a"].type, found["a:b/b"].type
    old, new = inner.imports["r"], outer.imports["s"]
    assert isinstance(old, TypeBound)
    assert isinstance(new, TypeBound)
    assert isinstance(new.type, Resource)
    assert new.type is not old.type
    assert new.type.name == "s"
    made = outer.imports["[constructor]s"]
    assert isinstance(made, FuncType)
    assert made.result == Own(new.type)
    assert {"[method]s.m", "[static]s.n", "ff", "t", "h"} <= set(outer.imports)


def test_an_export_that_comes_with_an_include_uses_what_the_includer_exports() -> None:
    found = packages(*VALID["include of another package"]).world(None).type
    assert strip(bound(instance(found.exports, API), "r")) is bound(instance(found.exports, TYPES), "r")


def test_features_switch_items_on() -> None:
    given = VALID["gates"]
    off = packages(*given).world("w").type
    on = packages(*given, features=frozenset({"off"})).world("w").type
    name = "a:b/i@1.1.0"
    assert set(off.imports) == {name}
    assert set(instance(off.imports, name).exports) == {"f", "g", "k", "s", "[method]s.n"}
    assert set(on.imports) == {name, "a:b/j@1.1.0", "x", "y"}
    more = {"h", "t", "r", "[constructor]r", "[method]s.m"}
    assert set(instance(on.imports, name).exports) == set(instance(off.imports, name).exports) | more


def test_functions_have_what_is_not_written() -> None:
    found = packages("package a:b; interface i { resource r { constructor(a: u8); m: func(); } }")
    exports = found.interfaces["a:b/i"].type.exports
    resource = exports["r"]
    assert isinstance(resource, TypeBound)
    assert list(exports) == ["r", "[constructor]r", "[method]r.m"]
    made, method = exports["[constructor]r"], exports["[method]r.m"]
    assert isinstance(made, FuncType)
    assert isinstance(method, FuncType)
    assert (made.params, made.result) == ((("a", Primitive.U8),), Own(resource.type))
    assert [name for name, _ in method.params] == ["self"]


# --- size ------------------------------------------------------------------------------------------


def test_chains_of_names_are_so_deep_and_no_deeper() -> None:
    def chain(length: int) -> str:
        types = "".join(f"type t{i} = list<t{i + 1}>; " for i in range(length))
        return f"package a:b; interface i {{ {types} type t{length} = u8; }}"

    assert packages(chain(49)).root == "a:b"
    for length in (60, 5000):
        with pytest.raises(RecursiveWit, match="nested more than 100 deep"):
            packages(chain(length))
    backwards = "".join(f"type t{i + 1} = t{i}; " for i in range(5000))
    with pytest.raises(RecursiveWit, match="type 't99' is nested more than 100 deep"):
        packages(f"package a:b; interface i {{ type t0 = u8; {backwards} }}")


def test_long_chains_of_interfaces_and_worlds_are_no_recursion() -> None:
    chain = "".join(
        f"interface i{i} {{ use i{i + 1}.{{a{i + 1}}}; type a{i} = u8; f: func(); }}\n" for i in range(3000)
    )
    worlds = "".join(f"world w{i} {{ include w{i + 1}; }}\n" for i in range(3000))
    text = f"package a:b; {chain} interface i3000 {{ type a3000 = u8; }} world w {{ import i0; }} {worlds} world w3000 {{}}"
    assert len(packages(text).world("w").type.imports) == 3001


def test_types_that_mean_exponentially_much_cost_what_they_are_long() -> None:
    types = "".join(f"type t{i + 1} = tuple<t{i}, t{i}>; " for i in range(45))
    found = packages(
        f"package a:b; interface i {{ type t0 = u8; {types} f: func() -> t45; }} world w {{ import i; }}"
    )
    assert len(instance(found.world(None).type.imports, "a:b/i").exports) == 47


def test_worlds_that_multiply_are_refused() -> None:
    functions = "".join(f"fn{i}: func(); " for i in range(1000))
    labels = "".join(f"import l{i}: i; " for i in range(1000))
    with pytest.raises(InvalidWit, match="its types have more than"):
        packages(f"package a:b; interface i {{ {functions} }} world w {{ {labels} }}")
