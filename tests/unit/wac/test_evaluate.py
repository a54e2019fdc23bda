"""Plans as documents: what is written, and what cannot be."""

from __future__ import annotations

import pytest

from tests.components import compose, from_wit, planned
from tests.unit.compose.test_cases import TYPES, component, lib
from tests.wac import compose_document, document_plan, emitted
from wpkg.component.definitions import Attribute
from wpkg.component.read import read_component, read_definition
from wpkg.component.types import ComponentType, TypeBound, strip
from wpkg.compose.errors import Unsupported
from wpkg.compose.graph import Of
from wpkg.wac.emit import emit_document, local_package

NAME = from_wit("export name: func() -> string;")
GREETER = from_wit("import name: func() -> string; export greet: func() -> string;")


def test_an_emitted_document_composes_to_the_same_bytes() -> None:
    parts = {"root": GREETER, "name": NAME}
    text, packages = emitted(planned(parts), parts)
    assert text == (
        "package local:composition;\n\n"
        "let name = new local:name {};\n"
        "let root = new local:root { name: name.name };\n"
        "export root...;\n"
    )
    assert compose_document(text, packages) == compose(parts)


def test_interfaces_that_are_exported_for_their_types_are_written_out() -> None:
    parts = {"root": component(f"import {lib('types')}; export {lib('user')};"), "types": TYPES}
    text, _ = emitted(planned(parts), parts)
    assert text.endswith(f'export types["{lib("types")}"];\nexport root...;\n')


def test_a_word_is_written_where_it_means_only_itself() -> None:
    """`baz` alone would mean `foo:bar/baz`."""
    baz = "package foo:bar; interface baz { f: func(); }"
    parts = {
        "root": from_wit("import foo:bar/baz; import baz: func(); import other: func(); export run: func();", baz),
        "one": from_wit("export foo:bar/baz;", baz),
        "two": from_wit("export baz: func(); export other: func();"),
    }
    text, packages = emitted(planned(parts), parts)
    assert '"baz": two.baz, other: two.other' in text
    assert compose_document(text, packages) == compose(parts)


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("build/usd_validator.wasm", "local:usd-validator"),
        ("a/9 Root!.wasm", "local:c9-root"),
        ("lib-2.wasm", "local:lib2"),
        ("é.wasm", "local:c"),
    ],
)
def test_names_for_what_is_no_package(name: str, package: str) -> None:
    assert local_package(name) == package


def test_a_document_is_not_made_of_a_document() -> None:
    plan = document_plan("package a:b; let n = new x:name {}; export n...;", {"x:name": NAME})
    with pytest.raises(Unsupported, match="a document already"):
        emit_document(plan)


def test_a_component_that_exports_types_is_composed_and_written_like_any_other() -> None:
    made = compose_document(
        """package shop:app;
        record r { a: u8 }
        interface i { f: func(); }
        import name: func() -> string;
        let typed = new x:typed { r, name };
        export typed.run;""",
        {"x:typed": from_wit("record r { a: u8 } import name: func() -> string; export run: func(x: r) -> r;")},
    )
    parts = {"root": made, "name": NAME}
    plan = planned(parts)
    assert plan.exports == ("r", "i", "run")
    text, packages = emitted(plan, parts)
    composed = compose_document(text, packages)
    assert composed == compose(parts)
    assert list(read_component(memoryview(composed)).exports) == ["r", "i", "run"]


def test_an_interface_under_another_name_is_exported_for_its_types_under_that_name() -> None:
    """Said alone, the document would give it the name of the interface that it implements."""
    parts = {
        "root": component(f"import {lib('types')}; export {lib('user')};"),
        "types": component(f"export mine: {lib('types')};"),
    }
    text, packages = emitted(planned(parts), parts)
    assert 'export types.mine as "mine";' in text
    assert compose_document(text, packages) == compose(parts)


def test_what_gates_leave_out_is_not_defined() -> None:
    plan = document_plan(
        "package a:b@1.0.0; @unstable(feature = x) record r { a: u8 } @since(version = 1.0.0) enum e { a }", {}
    )
    assert plan.exports == ("e",)


def test_a_type_is_exported_under_its_own_name_only_until_another_is_given() -> None:
    plan = document_plan('package a:b; record r { a: u8 } import f: func(); export r as q; export f as "r";', {})
    assert [(each.name, each.item.of) for each in plan.exported] == [("q", Of.DEFINITION), ("r", Of.IMPORT)]


def test_a_type_is_imported_under_as_many_names_as_are_said() -> None:
    plan = document_plan("package a:b; record r { a: u8 } import x as y: r; import z: r;", {})
    assert [residual.name for residual in plan.residuals] == ["y", "z"]


def test_a_defined_world_says_what_its_imports_and_exports_implement() -> None:
    text = "package a:b; interface i { f: func(); } world w { import mine: i; export yours: i; }"
    bound = read_definition(memoryview(compose_document(text, {}))).type.exports["w"]
    assert isinstance(bound, TypeBound)
    wrapper = strip(bound.type)
    assert isinstance(wrapper, ComponentType)
    made = wrapper.exports["a:b/w"]
    assert isinstance(made, ComponentType)
    assert made.import_attributes == {"mine": ((Attribute.IMPLEMENTS, "a:b/i"),)}
    assert made.export_attributes == {"yours": ((Attribute.IMPLEMENTS, "a:b/i"),)}
