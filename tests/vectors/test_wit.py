"""The WIT of every valid component of the vectors: wasm-tools' text, and read again the same types.

What differs is listed by name with the reason in wit_not_the_same.toml.
"""

from __future__ import annotations

import json
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.components import WASM_TOOLS
from tests.shared import vectors
from tests.vectors.test_ascription import complaint, is_component, read_back, type_of
from tests.wit import assert_same, packages
from wpkg.component.read import read_definition
from wpkg.component.write import UnwritableType
from wpkg.wit.errors import InvalidWit
from wpkg.wit.text import WitText, wit_text

if TYPE_CHECKING:
    from wpkg.component.types import ComponentType

LISTS = Path(__file__).with_name("wit_not_the_same.toml")
MOST = {"only-ours": 21, "not-read-again": 21, "read-as-another-type": 9}  # may only become less


@cache
def components() -> dict[str, bytes]:
    """Every valid component of the vectors, by name."""
    reader, compose = vectors("reader"), vectors("compose")
    files = json.loads((reader / "manifest.json").read_text())["files"]
    found = {e["file"]: (reader / e["file"]).read_bytes() for e in files if e["expectation"] == "valid"}
    for path in sorted(compose.glob("*/wasm/*.wasm")):
        found[str(path.relative_to(compose))] = path.read_bytes()
    return {name: data for name, data in found.items() if is_component(data) and complaint(data) == ""}


@cache
def printed(name: str) -> WitText:
    data = memoryview(components()[name])
    return wit_text(data, read_definition(data))


@cache
def theirs() -> dict[str, str | None]:
    """What wasm-tools prints, None where it does not."""
    texts: dict[str, str | None] = {}
    for name, data in components().items():
        done = subprocess.run([WASM_TOOLS, "component", "wit"], input=data, capture_output=True, check=False)
        texts[name] = None if done.returncode else done.stdout.decode()
    return texts


def listed(kind: str) -> dict[str, str]:
    found: dict[str, str] = tomllib.loads(LISTS.read_text())[kind]
    return found


def test_the_text_is_that_of_wasm_tools() -> None:
    given = {name: text for name, text in theirs().items() if text is not None}
    assert len(given) > 300
    assert {name: printed(name).text for name in given} == given


def test_what_wasm_tools_does_not_print_is_printed_and_says_what_is_missing() -> None:
    missing = {name for name, text in theirs().items() if text is None}
    assert missing == set(listed("only-ours"))
    assert {name for name in missing if not printed(name).notes} == set()


def as_a_type(found: ComponentType) -> ComponentType:
    """What `found` promises: its own resources become ones that nobody knows."""
    try:
        return read_back(found)
    except UnwritableType:
        return found


def read_again(name: str) -> str:
    """'same', or what becomes of the component's type when its text is read."""
    try:
        world = packages(printed(name).text).world("root")
    except InvalidWit:
        return "not-read-again"
    try:
        assert_same(world.type, as_a_type(type_of(components()[name])))
    except AssertionError:
        return "read-as-another-type"
    return "same"


def test_the_text_is_read_again_as_the_same_type() -> None:
    found: dict[str, set[str]] = {}
    for name in components():
        found.setdefault(read_again(name), set()).add(name)
    assert len(found["same"]) > 290
    for kind in ("not-read-again", "read-as-another-type"):
        assert found.get(kind, set()) == set(listed(kind)), kind


def test_what_reads_as_another_type_has_a_note() -> None:
    """A text that says less than the component, or something else, does not pass for all there is."""
    for kind in ("not-read-again", "read-as-another-type"):
        assert [name for name in listed(kind) if not printed(name).notes] == []


@pytest.mark.parametrize("kind", MOST)
def test_the_lists_only_shrink(kind: str) -> None:
    assert len(listed(kind)) <= MOST[kind]
    assert all(listed(kind).values())


def test_wasm_tools_reads_what_we_read(tmp_path: Path) -> None:
    refused: set[str] = set()
    for name in components():
        (tmp_path / "root.wit").write_text(printed(name).text)
        words = [WASM_TOOLS, "component", "wit", str(tmp_path / "root.wit")]
        if subprocess.run(words, capture_output=True, check=False).returncode:
            refused.add(name)
    assert refused == set(listed("not-read-again"))
