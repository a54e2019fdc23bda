"""Plans as documents: what is written, and what cannot be."""

from __future__ import annotations

import pytest

from tests.components import compose, from_wit, planned
from tests.unit.compose.test_cases import TYPES, component, lib
from tests.wac import compose_document, document_plan, emitted
from wpkg.compose.errors import Unsupported
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
