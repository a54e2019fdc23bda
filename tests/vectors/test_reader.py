"""Component binaries of the specification's own tests (../shared/vectors/reader)."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from tests.shared import vectors
from wpkg.component.decode import decode_component
from wpkg.component.evaluate import evaluate_component
from wpkg.errors import InvalidInput


@cache
def entries() -> tuple[dict[str, Any], ...]:
    return tuple(json.loads((vectors("reader") / "manifest.json").read_text())["files"])


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


def test_invalid_components_are_refused_or_read_but_never_crash_the_reader() -> None:
    others = [entry for entry in entries() if entry["expectation"] != "valid"]
    refused = [entry["file"] for entry in others if refusal(entry) is not None]
    # A reader is no validator; which of the rest it has to refuse is decided with the composer's issue.
    assert len(refused) >= 200
