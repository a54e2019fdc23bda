"""What documents compose to, and what is said of names in them that mean nothing."""

from __future__ import annotations

from tests.components import compose, from_wit, planned, world
from tests.wac import compose_document, emitted

NAME = from_wit("export name: func() -> string;")
GREETER = from_wit("import name: func() -> string; export greet: func() -> string;")


def test_readme() -> None:
    text = """package example:composition;
    let n = new example:name {};
    let greeter = new example:greeter { name: n.name };
    export greeter.greet;"""
    assert world(compose_document(text, {"example:name": NAME, "example:greeter": GREETER})) == [
        "export greet: func() -> string"
    ]


def test_emit() -> None:
    parts = {"root": GREETER, "name": NAME}
    text, packages = emitted(planned(parts), parts)
    print(text)
    assert compose_document(text, packages) == compose(parts)
