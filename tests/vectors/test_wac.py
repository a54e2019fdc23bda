"""Documents and what they come to: every example of wac's LANGUAGE.md and README in other words, and their errors.

A case has a `document`, the `components` that it makes instances of (by their worlds), and the `wit` packages that it
names. Either `world` is what the composition imports and exports, and `same-as` another document of the same WIT; or
`error`, `mark` and `hint` are what is said, what is underlined, and part of the hint.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.components import from_wit, world
from tests.wac import compose_document
from tests.wit import assert_same
from wpkg.component.read import read_component
from wpkg.errors import WpkgError
from wpkg.wac.layout import format_document
from wpkg.wit.errors import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

CASES = {path.stem: path for path in sorted((Path(__file__).parent / "wac").glob("*.toml"))}
GOOD = [name for name in CASES if not name.endswith("_fail")]
BAD = [name for name in CASES if name.endswith("_fail")]


def case(name: str) -> dict[str, Any]:
    return tomllib.loads(CASES[name].read_text())


def components(case: Mapping[str, Any]) -> dict[str, bytes]:
    return {name: from_wit(body, *case.get("wit", ())) for name, body in case.get("components", {}).items()}


def composed(case: Mapping[str, Any], document: str) -> bytes:
    return compose_document(document, components(case), case.get("wit", ()))


@pytest.mark.parametrize("name", GOOD)
def test_composes(name: str) -> None:
    given = case(name)
    data = composed(given, given["document"])
    assert world(data) == given["world"]
    laid_out = format_document(Source("app.wac", given["document"]))
    assert composed(given, laid_out) == data
    if "same-as" in given:
        other = composed(given, given["same-as"])
        assert_same(read_component(memoryview(other)), read_component(memoryview(data)))


@pytest.mark.parametrize("name", BAD)
def test_is_refused(name: str) -> None:
    given = case(name)
    with pytest.raises(WpkgError) as caught:
        composed(given, given["document"])
    error = caught.value
    assert str(error) == given["error"].strip()
    hint = error.hint or ""
    assert given.get("hint", "").strip() in hint
    if given["mark"]:
        *_, line, marks = hint.splitlines()
        start = marks.index("^")
        assert line[start : start + marks.count("^")] == given["mark"]
    assert error.exit_code in (2, 4)
