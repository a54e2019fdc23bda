"""Documents and what they come to: every example of wac's LANGUAGE.md and README in other words, and their errors.

A case has a `document`, the `components` that it makes instances of (by their worlds), and the `wit` packages that it
names. Either `world` is what the composition imports and exports, `types` the types that it exports besides, and
`same-as` another document of the same WIT; or `package` is the WIT package that it is; or `error`, `mark` and `hint`
are what is said, what is underlined, and part of the hint.

Where wac 0.12 does not do the same, `wac` is why, and `wac-says` its error, `wac-invalid` what is wrong with what it
makes, or `wac-gives` what that exports, being of another type.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.components import from_wit, lines_of_world, wasm_tools, world
from tests.wac import compose_document
from tests.wit import assert_same
from wpkg.component.read import read_definition
from wpkg.errors import WpkgError
from wpkg.wac.layout import format_document
from wpkg.wit.errors import Source
from wpkg.wit.text import wit_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wpkg.component.types import ComponentType

CASES = {path.stem: path for path in sorted((Path(__file__).parent / "wac").glob("*.toml"))}
GOOD = [name for name in CASES if not name.endswith("_fail")]
_EXPORTED_TYPE = re.compile(r'^  \(export .*?"([^"]+)" \(type', re.MULTILINE)
BAD = [name for name in CASES if name.endswith("_fail")]


def case(name: str) -> dict[str, Any]:
    return tomllib.loads(CASES[name].read_text())


def components(case: Mapping[str, Any]) -> dict[str, bytes]:
    return {name: from_wit(body, *case.get("wit", ())) for name, body in case.get("components", {}).items()}


def component_type(data: bytes) -> ComponentType:
    """The type of a component, which may be a WIT package."""
    return read_definition(memoryview(data)).type


def composed(case: Mapping[str, Any], document: str) -> bytes:
    return compose_document(document, components(case), case.get("wit", ()))


def exported_types(data: bytes) -> list[str]:
    """The names of the types that a component exports, in order."""
    return _EXPORTED_TYPE.findall(wasm_tools("print", data=data).decode())


def wpkg_world(data: bytes) -> list[str]:
    """The rest of a component that exports types, which has no world and is not printed by wasm-tools."""
    view = memoryview(data)
    return lines_of_world(wit_text(view, read_definition(view)).text)


@pytest.mark.parametrize("name", GOOD)
def test_composes(name: str) -> None:
    given = case(name)
    data = composed(given, given["document"])
    if "package" in given:
        assert wasm_tools("component", "wit", data=data).decode() == given["package"].lstrip()
    else:
        assert exported_types(data) == given.get("types", [])
        assert (wpkg_world if "types" in given else world)(data) == given["world"]
    laid_out = format_document(Source("app.wac", given["document"]))
    assert composed(given, laid_out) == data
    if "same-as" in given:
        other = composed(given, given["same-as"])
        assert_same(component_type(other), component_type(data))


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
