from __future__ import annotations

import pytest

from tests.components import from_wit
from tests.unit.wit.cases import LIB, VALID
from tests.wit import conforms, dummy, packages
from wpkg.component.read import read_component
from wpkg.wit.errors import WitNameError
from wpkg.wit.targets import Conformance, Difference, DoesNotConform, compare_with_world

TYPES, API, HANDLER, CHAIN = (f"ns:lib/{name}@1.0.0" for name in ("types", "api", "handler", "chain"))


def compare(component: str, world: str, lib: str = LIB, world_lib: str | None = None) -> Conformance:
    """The bodies of two worlds; the component is made by wasm-tools."""
    given = read_component(memoryview(from_wit(component, lib)))
    return compare_with_world(
        given, packages(f"package a:b; world w {{ {world} }}", world_lib or lib).world(None).type
    )


BODIES = [
    "",
    "import f: func();",
    "export f: func();",
    "export f: func(x: u8);",
    f"import {TYPES};",
    f"export {TYPES};",
    f"export {API};",
    f"export {API}; export {TYPES};",
    f"import {TYPES}; export {API}; export {TYPES};",
    f"import {HANDLER}; import {CHAIN};",
    f"use {TYPES}.{{r}}; import g: func(x: r); export f: func();",
    f"use {TYPES}.{{r}}; export g: func(x: r);",
    f"use {TYPES}.{{rec as r}}; export g: func(x: r);",
    "resource r; export g: func(x: r);",
    f"import i: interface {{ use {TYPES}.{{r}}; f: func(x: r); }}",
    "import i: interface { resource r; f: func(x: r); }",
]


@pytest.mark.parametrize("world", BODIES)
def test_the_verdict_is_that_of_wasm_tools(world: str) -> None:
    root = f"package a:b; world w {{ {world} }}"
    for component in BODIES:
        data = from_wit(component, LIB)
        found = compare_with_world(read_component(memoryview(data)), packages(root, LIB).world(None).type)
        assert (found.findings == ()) is conforms(data, "w", root, LIB), (component, said(found))


def said(conformance: Conformance) -> list[str]:
    return [str(finding) for finding in conformance.findings]


@pytest.mark.parametrize(
    ("component", "world"),
    [
        ("export f: func();", "export f: func();"),
        ("export f: func();", "import g: func(); export f: func();"),  # imports less
        ("export f: func(); export g: func();", "export f: func();"),  # exports more
        (f"import {API};", f"import {API}; import {HANDLER};"),
        (f"export {API};", f"export {API};"),
        (f"export {API}; export {TYPES};", f"export {API}; export {TYPES};"),
        (f"use {TYPES}.{{r, rec}}; import f: func(x: rec); export g: func(x: r);", f"use {TYPES}.{{r, rec}}; import f: func(x: rec); import other: func(); export g: func(x: r);"),
        (f"import i: interface {{ use {TYPES}.{{r}}; f: func(x: r); }}", f"import i: interface {{ use {TYPES}.{{r}}; f: func(x: r); g: func(); }}"),
        (f"import l: {TYPES}; export m: {API};", f"import l: {TYPES}; export m: {API};"),
    ],
)  # fmt: skip
def test_components_that_conform(component: str, world: str) -> None:
    assert compare(component, world).findings == ()


def test_a_component_of_a_world_conforms_to_it() -> None:
    for case in ("include of another package", "types of a world", "labels", "gates", "transitive imports"):
        found = read_component(memoryview(dummy("w", *VALID[case])))
        assert compare_with_world(found, packages(*VALID[case]).world("w").type).findings == ()


def test_every_finding_is_listed_in_order() -> None:
    found = compare(
        "import b: func(); import a: func(); import same: func(x: u8); export run: func(x: u8); export z: func();",
        "import same: func(x: u16); export run: func(); export n: func(); export m: func() -> u8;",
    )
    assert said(found) == [
        "import 'a': the world does not import it",
        "import 'b': the world does not import it",
        "import 'same': parameter 'x': wanted u8, given u16",
        "export 'm': the component does not export it",
        "export 'n': the component does not export it",
        "export 'run': wanted no parameter 'x', given one",
    ]
    assert [finding.difference for finding in found.findings[:2]] == [Difference.EXTRA_IMPORT] * 2
    assert found.imports == (("same", "same"),)
    assert found.exports == (("run", "run"),)


def test_findings_are_json() -> None:
    found = compare("export run: func(x: u8);", "export run: func(x: u16);")
    error = DoesNotConform("c.wasm", "a:b/w", found.findings)
    assert error.exit_code == 4
    assert error.details == {
        "findings": [
            {
                "difference": "export-mismatch",
                "name": "run",
                "other": "run",
                "path": ["parameter 'x'"],
                "wanted": "u16",
                "given": "u8",
            }
        ]
    }


def test_a_difference_in_an_interface_is_shown_with_its_path_and_once() -> None:
    other = LIB.replace("x: u32, y", "x: u64, y")
    assert said(compare(f"import {API};", f"import {API};", world_lib=other)) == [
        f"import '{TYPES}': rec → field 'x': wanted u32, given u64",
    ]


# --- versions --------------------------------------------------------------------------------------


def versioned(version: str, body: str = "f: func();") -> str:
    return f"package v:lib@{version}; interface i {{ {body} }}"


@pytest.mark.parametrize(
    ("has", "wants", "fits"),
    [
        ("0.2.0", "0.2.0", True),
        ("0.2.0", "0.2.3", True),
        ("0.2.3", "0.2.0", True),
        ("1.0.0", "1.9.1", True),
        ("0.2.0", "0.3.0", False),
        ("1.0.0", "2.0.0", False),
        ("0.0.1", "0.0.2", False),
        ("0.2.0", "0.2.1-rc.1", False),
    ],
)
def test_imports_and_exports_match_on_their_track(has: str, wants: str, fits: bool) -> None:  # noqa: FBT001
    imported = compare(f"import v:lib/i@{has};", f"import v:lib/i@{wants};", versioned(has), versioned(wants))
    assert bool(imported.findings) is not fits
    exported = compare(f"export v:lib/i@{has};", f"export v:lib/i@{wants};", versioned(has), versioned(wants))
    assert bool(exported.findings) is not fits
    if fits:
        assert imported.imports == ((f"v:lib/i@{has}", f"v:lib/i@{wants}"),)
    else:
        assert said(imported) == [
            f"import 'v:lib/i@{has}': the world does not import it (it has 'v:lib/i@{wants}')"
        ]


def test_on_a_track_the_types_decide() -> None:
    more = "f: func(); g: func();"
    name = "v:lib/i@0.2"
    older = compare(f"import {name}.0;", f"import {name}.3;", versioned("0.2.0"), versioned("0.2.3", more))
    assert older.findings == ()
    newer = compare(f"import {name}.3;", f"import {name}.0;", versioned("0.2.3", more), versioned("0.2.0"))
    assert said(newer) == [f"import '{name}.3' (against '{name}.0'): g: wanted func(), given nothing"]
    assert (
        compare(f"export {name}.3;", f"export {name}.0;", versioned("0.2.3", more), versioned("0.2.0")).findings
        == ()
    )
    missing = compare(f"export {name}.0;", f"export {name}.3;", versioned("0.2.0"), versioned("0.2.3", more))
    assert said(missing) == [f"export '{name}.3' (against '{name}.0'): g: wanted func(), given nothing"]


def test_the_exact_version_comes_first_and_then_the_highest() -> None:
    given = read_component(memoryview(from_wit("import v:lib/i@0.2.1;", versioned("0.2.1"))))
    others = [versioned("0.2.0", "h: func();"), versioned("0.2.9"), versioned("0.2.10")]
    imports = "import v:lib/i@0.2.0; import v:lib/i@0.2.9; import v:lib/i@0.2.10;"
    highest = packages(f"package a:b; world w {{ {imports} }}", *others).world(None).type
    assert compare_with_world(given, highest).imports == (("v:lib/i@0.2.1", "v:lib/i@0.2.10"),)
    exact = packages(f"package a:b; world w {{ {imports} import v:lib/i@0.2.1; }}", *others, versioned("0.2.1"))
    assert compare_with_world(given, exact.world(None).type).imports == (("v:lib/i@0.2.1", "v:lib/i@0.2.1"),)


# --- resources -------------------------------------------------------------------------------------


def test_a_resource_of_the_component_is_not_the_one_of_the_world() -> None:
    """The world exports `api` with the resource that it imports; the component with one that it exports itself."""
    found = compare(f"export {TYPES}; export {API};", f"import {TYPES}; export {API};")
    assert said(found) == [f"export '{API}': r: wanted the resource r, given another resource"]
    other = compare(f"export {API};", f"export {TYPES}; export {API};")
    assert [finding.name for finding in other.findings] == [TYPES, TYPES, API]


def test_two_resources_are_not_one() -> None:
    lib = "package ns:two; interface i { resource a; resource b; f: func(x: a); }"
    other = lib.replace("f: func(x: a)", "f: func(x: b)")
    found = compare("import ns:two/i;", "import ns:two/i;", lib, other)
    assert said(found) == ["import 'ns:two/i': f → parameter 'x': wanted the resource a, given another resource b"]


def test_resources_are_the_same_across_all_imports() -> None:
    inner = f"use {TYPES}.{{r}}; f: func(x: r);"
    component = f"import {TYPES}; import i: interface {{ {inner} }}"
    assert compare(component, component).findings == ()
    world = f"import {TYPES}; import i: interface {{ resource r; f: func(x: r); }}"
    assert said(compare(component, world))[0].startswith("import 'i': r: wanted the resource r, given another")


# --- which world -----------------------------------------------------------------------------------


def test_worlds_by_name() -> None:
    root = "package a:b@1.0.0; world v {} world w {} interface i {}"
    found = packages(
        root,
        "package c:d@0.1.0; world v {}",
        "package c:d@0.2.0; world v {} world only {}",
        "package e:f; world v {}",
    )
    by_name: dict[str, str] = {
        "v": "a:b/v@1.0.0",
        "a:b/v@1.0.0": "a:b/v@1.0.0",
        "a:b/w": "a:b/w@1.0.0",
        "c:d/v@0.1.0": "c:d/v@0.1.0",
        "c:d/only": "c:d/only@0.2.0",
        "e:f/v": "e:f/v",
    }
    for given, name in by_name.items():
        assert found.world(given).name == name
    for text, said_, advice in (
        (None, "package 'a:b@1.0.0' has several worlds: 'v', 'w'", "say --world v"),
        ("c:d/v", "several worlds are called 'c:d/v': 'c:d/v@0.1.0', 'c:d/v@0.2.0'", "name the version too"),
        ("i", "'i' is an interface, not a world", None),
        ("x", "there is no world 'x'", "the worlds are v, w"),
        ("only", "there is no world 'only'", None),
        ("c:d/onyl", "there is no world 'c:d/onyl'", "did you mean 'c:d/only@0.2.0'?"),
        ("a:b/v@2.0.0", "there is no world 'a:b/v@2.0.0'", "did you mean 'a:b/v@1.0.0'?"),
    ):
        with pytest.raises(WitNameError) as caught:
            found.world(text)
        assert str(caught.value) == said_
        assert advice is None or caught.value.hint == advice
        assert caught.value.exit_code == 2


def test_the_only_world_of_the_root_needs_no_name() -> None:
    assert packages("package a:b; world v {}", "package c:d; world v {} world w {}").world(None).name == "a:b/v"
    with pytest.raises(WitNameError, match="package 'a:b' has no world"):
        packages("package a:b;", "package c:d; world v {}").world(None)
