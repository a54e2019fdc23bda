from __future__ import annotations

import pytest

from wpkg.errors import InvalidInput
from wpkg.names.choice import Choice


@pytest.mark.parametrize(
    ("imported", "exported", "choice"),
    [
        ("f", "dep", Choice(None, "f", "dep")),
        ("wasi:kv/store@0.2.0", "acme:kv", Choice(None, "wasi:kv/store@0.2.0", "acme:kv")),
        ("acme:audit / wasi:kv/store@0.2.0", "acme:kv", Choice("acme:audit", "wasi:kv/store@0.2.0", "acme:kv")),
        ("f", "acme:kv / a:b/c", Choice(None, "f", "acme:kv", "a:b/c")),
        ("../x / y.wasm / f", "dir/dep.wasm / g", Choice("../x / y.wasm", "f", "dir/dep.wasm", "g")),
    ],
)
def test_both_sides_may_say_more(imported: str, exported: str, choice: Choice) -> None:
    assert Choice.parse(imported, exported) == choice
    assert Choice.parse(*str(choice).split("=", 1)) == choice


@pytest.mark.parametrize(
    ("imported", "exported"), [("", "x"), ("f", ""), (" / f", "x"), ("a / ", "x"), ("f", "x / ")]
)
def test_a_side_that_is_missing_is_an_error(imported: str, exported: str) -> None:
    with pytest.raises(InvalidInput, match="is not of the form IMPORT=COMPONENT"):
        Choice.parse(imported, exported)
