from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.components import from_text, from_wit
from tests.unit.wit.cases import LIB, VALID
from tests.wit import assert_same, binary_package, from_binary, packages
from wpkg.component.errors import NotAComponent
from wpkg.wit.binary import BinaryPackage, read_wit_package
from wpkg.wit.errors import DuplicateName, InvalidWit, Source
from wpkg.wit.resolve import resolve_packages

if TYPE_CHECKING:
    from wpkg.wit.packages import WitPackages


def read(data: bytes) -> BinaryPackage:
    return read_wit_package("lib.wasm", memoryview(data))


def beside(root: str, *binaries: bytes) -> WitPackages:
    return resolve_packages((Source("w.wit", root),), [read(data) for data in binaries])


@pytest.mark.parametrize(
    "case", ["transitive imports", "types of a world", "labels", "top-level use", "include of another package"]
)
def test_a_binary_dependency_does_for_its_text(case: str) -> None:
    root, lib = VALID[case]
    world = beside(root, binary_package(lib)).world("w")
    assert_same(world.type, packages(root, lib).world("w").type)


def test_a_package_shows_of_others_what_it_needs_of_them() -> None:
    root = """
        package a:b;
        interface one { use ns:lib/types@1.0.0.{r}; f: func(x: r); }
        interface two { use ns:lib/types@1.0.0.{rec}; f: func(x: rec); }
        interface three { use ns:lib/chain@1.0.0.{again}; f: func(x: again); }
    """
    found = from_binary(binary_package(root, LIB))
    assert found.root == "a:b"
    shown = found.interfaces["ns:lib/types@1.0.0"].type.exports
    assert {"r", "rec"} <= set(shown)
    again = found.interfaces["a:b/three"].uses
    assert again == ("ns:lib/chain@1.0.0",)
    # and what several show of one interface is one interface
    using = "package c:d; world w { import a:b/one; import a:b/two; import a:b/three; }"
    world = beside(using, binary_package(root, LIB)).world(None).type
    assert set(world.imports) == set(packages(using, root, LIB).world(None).type.imports)


def test_two_binary_packages_that_use_a_third() -> None:
    one = "package a:one; interface i { use ns:lib/types@1.0.0.{r}; f: func(x: r); }"
    two = "package a:two; interface j { use ns:lib/types@1.0.0.{r}; g: func(x: r); }"
    root = "package a:b; world w { import a:one/i; import a:two/j; export ns:lib/types@1.0.0; export a:two/j; }"
    data = [binary_package(text, LIB) for text in (one, two)]
    for order in (data, data[::-1]):
        world = beside(root, *order, binary_package(LIB)).world(None).type
        assert_same(world, packages(root, one, two, LIB).world(None).type)


def test_a_binary_package_built_against_another_one_is_noticed() -> None:
    user = "package a:user; interface i { use ns:lib/types@1.0.0.{rec}; f: func(x: rec); }"
    other = "package ns:lib@1.0.0; interface types { resource r; }"
    files: list[BinaryPackage | tuple[Source, ...]] = [read(binary_package(user, LIB)), (Source("o.wit", other),)]
    with pytest.raises(InvalidWit, match=r"lib.wasm was built against another 'ns:lib/types@1.0.0': .* 'rec'"):
        resolve_packages((Source("w.wit", "package a:b; world w { import a:user/i; }"),), files)


def test_a_package_given_as_text_and_as_bytes_is_defined_twice() -> None:
    with pytest.raises(DuplicateName, match="package 'ns:lib@1.0.0' is defined twice"):
        resolve_packages((Source("w.wit", LIB),), [read(binary_package(LIB))])


def test_a_binary_package_given_twice_is_defined_twice() -> None:
    with pytest.raises(InvalidWit, match="package 'ns:lib@1.0.0' is defined twice"):
        beside("package a:b;", binary_package(LIB), binary_package(LIB))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "it is empty"),
        (b"\0asm\x01\0\0\0", "it is a core module"),
        (from_wit("export f: func();"), "it is a component, not a WIT package"),
        (from_wit("import f: func();"), "it is a component, not a WIT package"),
        (from_text("(component)"), "it is a component, not a WIT package"),
        (from_text('(component (type $t (func)) (export "f" (type $t)))'), "it is a component, not a WIT package"),
        (
            from_text(
                '(component (type $t (component (export "a:b/i" (instance)) (export "a:b/j" (instance))))'
                ' (export "wit" (type $t)))'
            ),
            "an encoding that is no longer in use",
        ),
        (
            from_text(
                '(component (type $i (component (export "a:b/i" (instance))))'
                ' (type $j (component (export "a:c/j" (instance)))) (export "i" (type $i)) (export "j" (type $j)))'
            ),
            "says to be a:b and a:c",
        ),
        (
            from_text('(component (type $t (component (export "i" (instance)))) (export "i" (type $t)))'),
            "the name 'i', which is not of any package",
        ),
    ],
)
def test_what_is_no_wit_package(data: bytes, said: str) -> None:
    with pytest.raises(NotAComponent, match=said):
        read(data)


def test_a_reexport_of_a_foreign_interface_with_an_alias_of_its_own() -> None:
    lib = "package ns:dep; interface i { record foo { f: u8 } type bar = foo; g: func(x: bar); }"
    root = "package a:b; world w { export ns:dep/i; import ns:dep/i; }"
    found = from_binary(binary_package(root, lib)).world("w").type
    assert_same(found, packages(root, lib).world("w").type)
