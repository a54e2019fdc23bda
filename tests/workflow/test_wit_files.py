from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.wit.cases import LIB
from tests.wit import binary_package
from wpkg.component.errors import NotAComponent
from wpkg.errors import InvalidInput
from wpkg.wit.errors import InvalidWit, WitNameError
from wpkg.workflow import wit_files
from wpkg.workflow.wit_files import read_wit

REPOSITORY = Path(__file__).resolve().parents[2]
ROOT = "package a:b; world w { import ns:lib/api@1.0.0; import i; }"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "world.wit").write_text(ROOT)
    (tmp_path / "more.wit").write_text("interface i { f: func(); }")
    (tmp_path / "notes.txt").write_text("not WIT")
    (tmp_path / "deps").mkdir()
    (tmp_path / "deps" / "notes.md").write_text("not WIT")
    (tmp_path / "deps" / "empty").mkdir()
    return tmp_path


def imports(path: Path) -> list[str]:
    return list(read_wit(path).world(None).type.imports)


def test_the_samples_can_be_read() -> None:
    samples = REPOSITORY / "samples" / "wasm-pay"
    assert read_wit(samples / "wit" / "platform.wit").interfaces
    for name, world in (("messaging-harness", "harness"), ("usd-validator", "validator")):
        found = read_wit(samples / name / "wit")
        assert [n.partition("/")[2].partition("@")[0] for n in found.worlds] == [world]


EVERYTHING = ["ns:lib/types@1.0.0", "ns:lib/api@1.0.0", "a:b/i"]


def test_dependencies_are_files(folder: Path) -> None:
    (folder / "deps" / "lib.wit").write_text(LIB)
    assert imports(folder) == EVERYTHING


def test_dependencies_are_folders(folder: Path) -> None:
    (folder / "deps" / "lib").mkdir()
    (folder / "deps" / "lib" / "a.wit").write_text(LIB)
    (folder / "deps" / "lib" / "b.wit").write_text("interface extra {}")
    assert imports(folder) == EVERYTHING


def test_dependencies_are_binary_packages(folder: Path) -> None:
    (folder / "deps" / "lib.wasm").write_bytes(binary_package(LIB))
    assert imports(folder) == EVERYTHING


def test_one_file_is_a_package_and_needs_no_suffix(tmp_path: Path) -> None:
    text = ROOT + LIB.replace("package ns:lib@1.0.0;", "package ns:lib@1.0.0 {") + "} interface i { f: func(); }"
    for name in ("w.wit", "w"):
        (tmp_path / name).write_text(text)
        assert imports(tmp_path / name) == EVERYTHING


def test_one_file_is_a_binary_package_whatever_it_is_called(tmp_path: Path) -> None:
    for name in ("w.wasm", "w"):
        (tmp_path / name).write_bytes(binary_package(ROOT + "interface i { f: func(); }", LIB))
        assert imports(tmp_path / name) == EVERYTHING


def test_a_folder_of_a_folder_has_no_dependencies_of_its_own(folder: Path) -> None:
    (folder / "deps" / "lib").mkdir()
    (folder / "deps" / "lib" / "a.wit").write_text("package x:y;")
    (folder / "deps" / "lib" / "deps").mkdir()
    (folder / "deps" / "lib" / "deps" / "lib.wit").write_text(LIB)
    with pytest.raises(WitNameError, match=r"world.wit:1:31: package 'ns:lib@1.0.0' is not there"):
        read_wit(folder)


def test_errors_name_the_file(folder: Path) -> None:
    (folder / "deps" / "lib.wit").write_text("package ns:lib@1.0.0;\ninterface api {\n  f func();\n}")
    with pytest.raises(InvalidWit) as caught:
        read_wit(folder)
    assert caught.value.file == str(folder / "deps" / "lib.wit")
    assert (caught.value.line, caught.value.column) == (3, 5)


def test_files_of_a_folder_are_of_one_package(folder: Path) -> None:
    (folder / "more.wit").write_text("package c:d; interface i {}")
    with pytest.raises(InvalidWit, match=r"this file is of package 'a:b', .*more.wit of 'c:d'"):
        read_wit(folder)


def test_what_cannot_be_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInput, match="nowhere is not there"):
        read_wit(folder / "nowhere")
    with pytest.raises(InvalidInput, match=r"there is no \.wit file in .*empty"):
        read_wit(folder / "deps" / "empty")
    (folder / "deps" / "lib.wat").write_text("(component)")
    with pytest.raises(InvalidInput, match=r"lib\.wat is text"):
        read_wit(folder)
    (folder / "deps" / "lib.wat").unlink()
    (folder / "deps" / "lib.wasm").write_bytes(b"\0asm\x01\0\0\0")
    with pytest.raises(NotAComponent, match=r"lib\.wasm: it is a core module"):
        read_wit(folder)
    (folder / "deps" / "lib.wasm").write_text(LIB)
    with pytest.raises(NotAComponent, match=r"lib\.wasm: it is text"):
        read_wit(folder)
    (folder / "deps" / "lib.wasm").unlink()
    (folder / "latin.wit").write_bytes(b"// \xe9")
    with pytest.raises(InvalidInput, match=r"latin\.wit is not UTF-8 text \(byte 3\)"):
        read_wit(folder)
    (folder / "latin.wit").unlink()
    monkeypatch.setattr(wit_files, "MAX_WIT_SIZE", 20)
    with pytest.raises(InvalidInput, match=r"more\.wit is larger than 20 bytes"):
        read_wit(folder)
