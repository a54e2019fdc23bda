from __future__ import annotations

import pytest

from tests.components import from_wit
from wpkg.component.instantiate import Instantiated, Unsatisfied, instantiate
from wpkg.component.read import read_component

INTERFACE = "package a:b; interface i {{ {body} }}"


def fit(wanted: str, given: str) -> str | None:
    """Why an export of interface `given` does not satisfy an import of `wanted`; None when it does."""
    importer = read_component(memoryview(from_wit("import a:b/i;", INTERFACE.format(body=wanted))))
    exporter = read_component(memoryview(from_wit("export a:b/i;", INTERFACE.format(body=given))))
    provider = instantiate(exporter, {})
    assert isinstance(provider, Instantiated)
    made = instantiate(importer, provider.instance.exports)
    return str(made.mismatch) if isinstance(made, Unsatisfied) else None


FUNC = "f: func(a: u32) -> string;"


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        (FUNC, FUNC),
        (FUNC, FUNC + " g: func();"),
        ("type t = u32; f: func(a: t);", "type t = u32; f: func(a: u32);"),
        ("record r { x: u32 } f: func(a: r);", "record r { x: u32 } f: func(a: r);"),
        ("resource r; f: func(a: borrow<r>) -> r;", "resource r; f: func(a: borrow<r>) -> r;"),
        ("f: func() -> result<list<tuple<u8, char>>, option<f64>>;",) * 2,
        ("flags p { a, b } enum e { c, d } variant v { x, y(p) } f: func(a: e, b: v);",) * 2,
        ("f: func(a: stream<u8>, b: future<string>, c: future);",) * 2,
    ],
)
def test_fits(wanted: str, given: str) -> None:
    assert fit(wanted, given) is None


@pytest.mark.parametrize(
    ("wanted", "given", "said"),
    [
        (FUNC, "g: func();", "f: wanted func(a: u32) -> string, given nothing"),
        (FUNC, "f: func(b: u32) -> string;", "f: wanted parameter 'a', given parameter 'b'"),
        (FUNC, "f: func(a: u64) -> string;", "f → parameter 'a': wanted u32, given u64"),
        (FUNC, "f: func() -> string;", "f: wanted parameter 'a', given nothing"),
        (FUNC, "f: func(a: u32, b: u8) -> string;", "f: wanted no parameter 'b', given one"),
        (FUNC, "f: func(a: u32);", "f → result: wanted string, given nothing"),
        (FUNC, "f: async func(a: u32) -> string;", "f: wanted a function, given an async function"),
        (
            "record r { x: u32, y: u8 } f: func(a: r);",
            "record r { x: u32, y: s8 } f: func(a: r);",
            "r → field 'y': wanted u8, given s8",
        ),
        (
            "record r { x: u32, y: u8 } f: func(a: r);",
            "record r { y: u8, x: u32 } f: func(a: r);",
            "r: wanted field 'x', given field 'y'",
        ),
        ("enum e { a, b } f: func(x: e);", "enum e { a } f: func(x: e);", "e: wanted label 'b', given nothing"),
        (
            "variant v { a(u8) } f: func(x: v);",
            "variant v { a } f: func(x: v);",
            "v → case 'a': wanted u8, given nothing",
        ),
        ("f: func(x: list<u8>);", "f: func(x: list<s8>);", "f → parameter 'x' → element: wanted u8, given s8"),
        ("f: func(x: list<u8>);", "f: func(x: option<u8>);", "wanted list<u8>, given option<u8>"),
        ("f: func(x: tuple<u8, u8>);", "f: func(x: tuple<u8>);", "wanted tuple<u8, u8>, given tuple<u8>"),
        (
            "f: func() -> result<u8>;",
            "f: func() -> result<u8, u8>;",
            "f → result → error: wanted nothing, given u8",
        ),
        ("resource r; resource q; f: func() -> r;", "resource r; resource q; f: func() -> q;", "f → result: "),
        ("resource r; f: func() -> r;", "type r = u32; f: func() -> r;", "r: wanted a resource, given u32"),
        ("f: func(x: stream<u8>);", "f: func(x: stream);", "payload: wanted u8, given nothing"),
    ],
)
def test_the_first_difference_is_named_with_the_path_to_it(wanted: str, given: str, said: str) -> None:
    found = fit(wanted, given)
    assert found is not None
    assert said in found
