from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.components import from_wit
from tests.fakes.world import fake_world
from wpkg.errors import InvalidInput
from wpkg.oci.digest import ContentMismatch
from wpkg.workflow.compose import ComposeFiles, compose_files, plan_command, stream_composition

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def command(tmp_path: Path) -> ComposeFiles:
    for name, text in (("root", "import f: func(); export run: func();"), ("dep", "export f: func();")):
        (tmp_path / f"{name}.wasm").write_bytes(from_wit(text))
    return ComposeFiles.parse(tmp_path / "root.wasm", [tmp_path / "dep.wasm"], [])


def test_an_input_that_changes_while_it_is_composed_is_noticed(command: ComposeFiles) -> None:
    plan = plan_command(command)
    path = command.others[0]
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(ContentMismatch, match="changed while it was being composed"):
        stream_composition(plan, {file.name: file.path for file in command.files}, lambda _: None)


def test_when_composing_fails_the_old_output_stays(command: ComposeFiles, tmp_path: Path) -> None:
    output = tmp_path / "out.wasm"
    output.write_bytes(b"old")
    command.others[0].write_bytes(from_wit("export f: func(x: u8);"))
    with pytest.raises(Exception, match="wanted nothing, given parameter 'x'"):
        compose_files(fake_world(tmp_path), command, output)
    assert output.read_bytes() == b"old"


@pytest.mark.parametrize("use", ["f", "=x", "f=", ""])
def test_a_choice_has_two_sides(tmp_path: Path, use: str) -> None:
    with pytest.raises(InvalidInput, match="is not of the form IMPORT=COMPONENT"):
        ComposeFiles.parse(tmp_path / "a", [], [use])
