from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from tests.components import from_wit
from tests.fakes.world import fake_world
from wpkg.errors import InvalidInput
from wpkg.oci.digest import ContentMismatch, Digest
from wpkg.workflow.compose import lay_out, plan_files, write_composition
from wpkg.workflow.compose_files import ComposeFiles, compose_files
from wpkg.workflow.sources import Sources

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def command(tmp_path: Path) -> ComposeFiles:
    for name, text in (("root", "import f: func(); export run: func();"), ("dep", "export f: func();")):
        (tmp_path / f"{name}.wasm").write_bytes(from_wit(text))
    return ComposeFiles.parse(str(tmp_path / "root.wasm"), [str(tmp_path / "dep.wasm")])


def changed(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def test_an_input_that_changes_while_it_is_composed_is_noticed(command: ComposeFiles, tmp_path: Path) -> None:
    with Sources(command.files) as sources:
        composition = lay_out(sources, command.wiring)
        path = command.files[1].path
        path.write_bytes(changed(path.read_bytes()))
        with pytest.raises(ContentMismatch, match="changed while it was being composed"):
            write_composition(composition, sources, tmp_path / "out.wasm")
    assert not (tmp_path / "out.wasm").exists()


def test_an_input_that_is_not_what_was_verified_is_not_composed(command: ComposeFiles, tmp_path: Path) -> None:
    root, dep = command.files
    verified = replace(dep, digest=Digest.of(dep.path.read_bytes()))
    assert len(plan_files([root, verified], command.wiring).nodes) == 2
    dep.path.write_bytes(changed(dep.path.read_bytes()))
    with pytest.raises(ContentMismatch, match="is not sha256:.* any more"):
        plan_files([root, verified], command.wiring)


def test_when_composing_fails_the_old_output_stays(command: ComposeFiles, tmp_path: Path) -> None:
    output = tmp_path / "out.wasm"
    output.write_bytes(b"old")
    command.files[1].path.write_bytes(from_wit("export f: func(x: u8);"))
    with pytest.raises(Exception, match="wanted no parameter 'x', given one"):
        compose_files(fake_world(tmp_path).reporter, command, output)
    assert output.read_bytes() == b"old"


@pytest.mark.parametrize("use", ["f", "=x", "f=", ""])
def test_a_choice_has_two_sides(tmp_path: Path, use: str) -> None:
    with pytest.raises(InvalidInput, match="is not of the form IMPORT=COMPONENT"):
        ComposeFiles.parse(str(tmp_path / "a"), [], [use])
