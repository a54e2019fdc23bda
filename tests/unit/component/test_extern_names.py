from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.components import from_text, wasm_tools
from wpkg.component.definitions import Attribute, ExternName
from wpkg.component.errors import MalformedComponent
from wpkg.component.extern_names import NameScope, fault_of_labels
from wpkg.component.read import read_component
from wpkg.component.types import (
    Borrow,
    FuncType,
    InstanceType,
    Own,
    Resource,
    ResultType,
    TypeBound,
)

if TYPE_CHECKING:
    from wpkg.component.types import (
        EvaluatedFunc,
        ExternType,
    )

FUNC: EvaluatedFunc = FuncType((), None)
INSTANCE = InstanceType({})


def add(*names: str, extern: ExternType = FUNC) -> NameScope:
    scope = NameScope("import")
    for name in names:
        scope.add(ExternName(name), extern)
    return scope


@pytest.mark.parametrize("label", ["a", "a-b-c", "a1-2-3", "A", "A-B-C", "A1-2-3", "a11-w0rds", "m1x3d-4CR0NYMS"])
def test_labels_in_kebab_case(label: str) -> None:
    assert fault_of_labels([label], "a field") is None


@pytest.mark.parametrize("label", ["", "1", "1-2-3", "aB", "Ab", "a--b", "-a", "a-", "a_b", "a b", "ä", "a\n"])
def test_labels_that_are_none(label: str) -> None:
    fault = fault_of_labels([label], "a field")
    assert fault is not None
    assert "not in kebab case" in fault
    assert fault.isprintable()


def test_labels_differ_also_without_regard_to_acronyms() -> None:
    assert fault_of_labels(["a-b", "a-c", "ab"], "a case") is None
    fault = fault_of_labels(["x", "a-B-c", "A-b-C"], "a case")
    assert fault == "the name of a case 'A-b-C' conflicts with 'a-B-c' before it"


BASE = ("foo", "foo-bar", "[constructor]foo", "[method]foo.bar", "[static]foo.baz", "foo:bar/baz")
"""What the specification gives as names that go together; `foo` is a resource."""


def base_scope() -> NameScope:
    scope = NameScope("import")
    resource = Resource("foo")
    externs: dict[str, ExternType] = {
        "foo": TypeBound(resource),
        "[constructor]foo": FuncType((), Own(resource)),
        "[method]foo.bar": FuncType((("self", Borrow(resource)),), None),
    }
    for name in BASE:
        scope.add(ExternName(name), externs.get(name, FUNC))
    return scope


@pytest.mark.parametrize(
    "name",
    ["foo", "FOO", "foo-BAR", "[constructor]FOO", "[method]foo.BAR", "[static]foo.bar", "[method]foo.baz",
     "[method]foo.foo", "[static]foo-BAR.FOO-bar", "foo:bar/BAZ"],
)  # fmt: skip
def test_names_that_the_specification_says_conflict(name: str) -> None:
    scope = base_scope()
    with pytest.raises(MalformedComponent, match="conflicts with"):
        scope.add(ExternName(name), FUNC)


def test_the_same_interface_at_several_versions_goes_together() -> None:
    add("a:b/c", "a:b/c@1.0.0", "a:b/c@1.0.0-rc", "a:b/c@2", "a:b/d")


@pytest.mark.parametrize(
    "name", ["", "a:b/c@", "a:b/c@1.0", "a:b:c/d", "a:b/c/d", "[method]a", "[method]a.b.c", "url=<x>"]
)
def test_names_that_are_none_are_named(name: str) -> None:
    with pytest.raises(MalformedComponent, match=r"import name '.*' is not a valid extern name"):
        add(name)


def test_a_long_or_wild_name_makes_a_short_sentence() -> None:
    with pytest.raises(MalformedComponent) as caught:
        add("\x1b[31m" + "x" * 90_000)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


def test_no_sentence_has_what_does_not_print() -> None:
    assert MalformedComponent("a \x1b[31m 'é☃' b\n", 8).message == (
        "malformed component: a \\x1b[31m 'é☃' b\\n (at byte 0x8)"
    )


R, OTHER = Resource("r"), Resource("other")


@pytest.mark.parametrize(
    ("name", "extern", "said"),
    [
        ("[constructor]r", FuncType((), Own(R)), None),
        ("[constructor]r", FuncType((), ResultType(Own(R), None)), None),
        ("[constructor]r", FuncType((), None), "must return own<r>"),
        ("[constructor]r", FuncType((), Borrow(R)), "must return own<r>"),
        ("[constructor]r", FuncType((), Own(OTHER)), "whose resource has no name here"),
        ("[constructor]r", FuncType((), Own(R), is_async=True), "is async"),
        ("[constructor]r", INSTANCE, "is not a function"),
        ("[constructor]q", FuncType((), Own(R)), "not of the resource 'r'"),
        ("[method]r.m", FuncType((("self", Borrow(R)),), None), None),
        ("[method]r.m", FuncType((("this", Borrow(R)),), None), "first parameter 'self'"),
        ("[method]r.m", FuncType((("self", Own(R)),), None), "first parameter 'self'"),
        ("[method]r.m", FuncType((), None), "first parameter 'self'"),
        ("[method]r.m", FuncType((("self", Borrow(OTHER)),), None), "whose resource has no name here"),
        ("[static]r.m", FUNC, None),
        ("[static]q.m", FUNC, "a resource that is not known"),
    ],
)
def test_annotations_keep_their_promise(name: str, extern: ExternType, said: str | None) -> None:
    scope = NameScope("export")
    scope.add(ExternName("r"), TypeBound(R))
    if said is None:
        scope.add(ExternName(name), extern)
    else:
        with pytest.raises(MalformedComponent, match=said):
            scope.add(ExternName(name), extern)


def test_an_instance_made_of_items_names_no_resources() -> None:
    scope = NameScope("export", introduces=False)
    scope.add(ExternName("r"), TypeBound(R))
    with pytest.raises(MalformedComponent, match="has no name here"):
        scope.add(ExternName("[constructor]r"), FuncType((), Own(R)))


@pytest.mark.parametrize(
    ("name", "attribute", "value", "extern", "said"),
    [
        ("a", Attribute.IMPLEMENTS, "a:b/c@1.0.0", INSTANCE, None),
        ("a", Attribute.IMPLEMENTS, "a:b/c", FUNC, "only instances can have"),
        ("a:b/c", Attribute.IMPLEMENTS, "a:b/c", INSTANCE, "goes with a plain name"),
        ("a", Attribute.IMPLEMENTS, "b", INSTANCE, "must be the name of an interface"),
        ("a", Attribute.IMPLEMENTS, "", INSTANCE, "must be the name of an interface"),
        ("a", Attribute.EXTERNAL_ID, "anything ☃", FUNC, None),
        ("a:b/c@0.2", Attribute.VERSION_SUFFIX, ".6-rc.1", INSTANCE, None),
        ("a:b/c@1", Attribute.VERSION_SUFFIX, ".2.3", INSTANCE, None),
        ("a:b/c@1", Attribute.VERSION_SUFFIX, ".2", INSTANCE, "does not complete"),
        ("a:b/c@1.2.3", Attribute.VERSION_SUFFIX, "-rc", INSTANCE, "does not complete"),
        ("a:b/c", Attribute.VERSION_SUFFIX, "1.2.3", INSTANCE, "does not complete"),
        ("a", Attribute.VERSION_SUFFIX, ".2.3", INSTANCE, "does not complete"),
    ],
)
def test_attributes(name: str, attribute: Attribute, value: str, extern: ExternType, said: str | None) -> None:
    entry = ExternName(name, ((attribute, value),))
    if said is None:
        NameScope("import").add(entry, extern)
    else:
        with pytest.raises(MalformedComponent, match=said):
            NameScope("import").add(entry, extern)


@pytest.mark.parametrize(
    "inside",
    [
        '(import "a" (func)) (import "A" (func))',
        '(import "f" (func $f)) (export "a" (func $f)) (export "A" (func $f))',
        '(type (instance (export "a" (func)) (export "A" (func))))',
        '(type (component (import "a" (func)) (import "A" (func))))',
        '(import "f" (func $f)) (instance (export "a" (func $f)) (export "A" (func $f)))',
    ],
)
def test_names_are_unique_in_every_scope(inside: str) -> None:
    with pytest.raises(MalformedComponent, match="name 'A' conflicts with 'a' before it .at byte 0x"):
        read_component(memoryview(from_text(f"(component {inside})")))


def test_an_import_and_an_export_may_have_one_name() -> None:
    data = from_text('(component (import "a" (func $f)) (export "a" (func $f)))')
    wasm_tools("validate", data=data)
    assert list(read_component(memoryview(data)).exports) == ["a"]
