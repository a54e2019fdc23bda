"""Component binaries of the specification's own tests (../shared/vectors/reader)."""

from __future__ import annotations

import json
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.shared import vectors
from wpkg.component.decode import decode_component
from wpkg.component.errors import MalformedComponent
from wpkg.component.evaluate import evaluate_component
from wpkg.errors import InvalidInput

NOT_REFUSED = Path(__file__).with_name("reader_not_refused.toml")
MOST_NOT_REFUSED = 32  # may only become less


@cache
def entries() -> tuple[dict[str, Any], ...]:
    return tuple(json.loads((vectors("reader") / "manifest.json").read_text())["files"])


def not_refused() -> dict[str, str]:
    """File -> the reason why the reader takes it although it is invalid."""
    files: dict[str, str] = tomllib.loads(NOT_REFUSED.read_text())["files"]
    return files


def refusal(entry: dict[str, Any]) -> InvalidInput | None:
    """Why a file is refused, None when it is read; any other exception is a bug and passes through."""
    data = (vectors("reader") / entry["file"]).read_bytes()
    try:
        evaluate_component(decode_component(memoryview(data)))
    except InvalidInput as error:
        return error
    return None


def test_every_valid_component_is_read() -> None:
    valid = [entry for entry in entries() if entry["expectation"] == "valid"]
    assert len(valid) > 250
    assert {entry["file"]: str(error) for entry in valid if (error := refusal(entry)) is not None} == {}


def test_every_other_component_is_refused_but_those_on_the_list() -> None:
    others = [entry for entry in entries() if entry["expectation"] != "valid"]
    assert len(others) > 400
    accepted = {entry["file"] for entry in others if refusal(entry) is None}
    assert accepted == set(not_refused())


def test_the_list_of_what_is_not_refused_only_shrinks() -> None:
    listed = not_refused()
    assert len(listed) <= MOST_NOT_REFUSED
    assert set(listed) <= {entry["file"] for entry in entries()}
    assert all(reason for reason in listed.values())


# What the specification's tests expect in another tool's message, and what ours says of the same fault. It keeps
# a file from being refused for another reason than its own.
REASONS = [
    ("kebab case", r"kebab case|not a valid extern name|kebab"),
    ("is not a valid extern name", r"not a valid extern name"),
    ("conflicts with previous", r"conflicts with|occurs twice"),
    ("not valid to be used as", r"no import or export before it gives a name|refers to a resource"),
    ("transitively refers to resources", r"refers to resources, into another component"),
    ("cannot contain a `borrow`", r"contains a borrow"),
    ("exceeds maximum byte size", r"takes more than"),
    ("canonical option `memory` is required", r"'memory' is required"),
    ("canonical option `realloc` is required", r"'realloc' is required"),
    ("is specified more than once", r"specified more than once"),
    ("conflicts with option", r"conflict"),
    ("`async` canonical option requires", r"'async' needs an async function"),
    ("cannot be specified for lowerings", r"cannot be given for a function that is lowered"),
    ("not a local resource", r"not a local resource"),
    ("more than 32 flags", r"flags, of which a type can have 32"),
    ("index out of bounds", r"there is no|leaves \d+ scopes"),
    ("invalid outer alias count", r"leaves \d+ scopes"),
    ("can have an `implements`", r"which only instances can have"),
    ("is not valid with `implements`", r"goes with a plain name"),
    ("must be an interface", r"must be the name of an interface"),
    ("is not a func", r"is not a function"),
    ("stream<char>", r"stream of char"),
    ("not a resource type", r"is not a resource"),
    ("is not a module type", r"is not a module type"),
    ("does not have a name in this context", r"has no name here"),
    ("does not match expected resource name", r"not of the resource|has no name here"),
    ("unexpected end-of-file", r"unexpected end|ends beyond|cannot fit"),
    ("malformed UTF-8", r"malformed UTF-8"),
]


@pytest.mark.parametrize(("theirs", "ours"), REASONS, ids=[theirs for theirs, _ in REASONS])
def test_a_file_is_refused_for_its_own_reason(theirs: str, ours: str) -> None:
    files = [e for e in entries() if e["error"] and theirs in e["error"] and e["file"] not in not_refused()]
    assert files
    said = {entry["file"]: str(refusal(entry)) for entry in files}
    assert {file: text for file, text in said.items() if not re.search(ours, text)} == {}


def test_every_refusal_says_where() -> None:
    for entry in entries():
        error = refusal(entry)
        if isinstance(error, MalformedComponent):
            assert error.offset >= 0, f"{entry['file']}: {error}"
