"""`wpkg fmt` as a person or a program meets it."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING

import pytest

from tests.unit.wac.test_layout import TIDY, UNTIDY
from wpkg.cli.main import run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tidy.wac").write_text(TIDY)
    (tmp_path / "untidy.wac").write_text(UNTIDY)
    (tmp_path / "wrong.wac").write_text("package a:b;\nlet x y;\n")
    return tmp_path


def test_lays_out_what_is_not(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["fmt", "tidy.wac", "untidy.wac"]) == 0
    assert (folder / "untidy.wac").read_text() == TIDY
    assert capfd.readouterr().out == "untidy.wac  laid out\n"
    assert run(["fmt", "tidy.wac", "untidy.wac", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["changed"] == []


def test_check_writes_nothing(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["fmt", "--check", "tidy.wac"]) == 0
    assert run(["fmt", "--check", "tidy.wac", "untidy.wac"]) == 1
    assert (folder / "untidy.wac").read_text() == UNTIDY
    assert (
        capfd.readouterr().err
        == "error: 1 document is not laid out: untidy.wac\nhint: run 'wpkg fmt untidy.wac'\n"
    )


def test_one_fault_and_none_is_written(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["fmt", "untidy.wac", "wrong.wac"]) == 2
    assert (folder / "untidy.wac").read_text() == UNTIDY
    assert capfd.readouterr().err == (
        "error: wrong.wac:2:7: expected '=', found 'y'\nhint: see line 2\n    let x y;\n          ^\n"
    )
    assert run(["fmt", "absent.wac"]) == 2


def test_from_stdin_to_stdout(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(UNTIDY.encode())))
    assert run(["fmt", "-"]) == 0
    assert capfd.readouterr().out == TIDY
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(UNTIDY.encode())))
    assert run(["fmt", "--check", "-"]) == 1
    assert run(["fmt", "-", "tidy.wac"]) == 2
