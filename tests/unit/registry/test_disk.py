from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from wpkg.registry.disk import CannotWrite, replacing, write_all, write_file

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    write_file(path, b"old", 0o600)
    assert path.stat().st_mode & 0o777 == 0o600

    def fail_in_the_middle() -> None:
        with replacing(path) as file:
            file.write(b"half of the new")
            file.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_in_the_middle()
    assert path.read_bytes() == b"old"
    with replacing(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert [found.name for found in path.parent.iterdir()] == ["file"]


def test_when_one_of_several_files_cannot_be_written_all_are_as_before(tmp_path: Path) -> None:
    there, new, impossible = tmp_path / "there", tmp_path / "new", tmp_path / "folder"
    there.write_bytes(b"old")
    (tmp_path / "file").write_bytes(b"")
    impossible = tmp_path / "file" / "below-a-file"
    with pytest.raises(CannotWrite, match="cannot write"):
        write_all({there: b"x", new: b"y", impossible: b"z"})
    assert there.read_bytes() == b"old"
    assert not new.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "there"]


def test_a_file_that_has_its_content_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"same")
    before = path.stat().st_ino
    write_all({path: b"same", tmp_path / "other": b"x"})
    assert path.stat().st_ino == before


def test_what_is_replaced_keeps_its_mode_and_links_lead_where_they_did(tmp_path: Path) -> None:
    real, link, new = tmp_path / "real", tmp_path / "link", tmp_path / "new"
    real.write_bytes(b"1")
    real.chmod(0o660)
    link.symlink_to("real")
    write_all({link: b"2", new: b"3"})
    assert link.is_symlink()
    assert real.read_bytes() == b"2"
    assert real.stat().st_mode & 0o777 == 0o660
    assert new.stat().st_mode & 0o777 == 0o644


def test_a_file_that_nobody_may_write_is_not_replaced(tmp_path: Path) -> None:
    """It could be: renaming asks the folder, not the file."""
    first, second = tmp_path / "first", tmp_path / "second"
    for file in (first, second):
        file.write_bytes(b"1")
    second.chmod(0o444)
    write_all({second: b"1"})  # as it is
    with pytest.raises(CannotWrite, match="second: it is read-only"):
        write_all({first: b"2", second: b"2"})
    assert (first.read_bytes(), second.read_bytes()) == (b"1", b"1")
    second.unlink()
    second.mkdir()
    with pytest.raises(CannotWrite, match="second: is a directory"):
        write_all({first: b"2", second: b"2"})
    assert first.read_bytes() == b"1"


# Whether files without a name are there: the same things have to happen.
@pytest.mark.parametrize("system", ["", "del os.O_TMPFILE; "], ids=["without a name", "with a temporary one"])
@pytest.mark.parametrize(
    ("ending", "content", "left"),
    [
        ("", b"new", ["file"]),
        ("raise KeyboardInterrupt", b"old", ["file"]),
        ("raise OSError(28, 'No space left')", b"old", ["file"]),
    ],
)
def test_nothing_but_the_file_is_there_afterwards(
    tmp_path: Path, system: str, ending: str, content: bytes, left: list[str]
) -> None:
    (tmp_path / "file").write_bytes(b"old")
    program = (
        f"import os, pathlib; {system}from wpkg.registry.disk import replacing\n"
        f"with replacing(pathlib.Path({str(tmp_path / 'file')!r})) as file:\n"
        f"    file.write(b'new'); file.flush(); {ending}\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is (ending == ""), done.stderr
    assert "CannotWrite: cannot write" in done.stderr or "28" not in ending
    assert (tmp_path / "file").read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == left


def test_a_link_is_replaced_and_what_it_leads_to_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"precious")
    (tmp_path / "file").symlink_to("elsewhere")
    write_file(tmp_path / "file", b"new")
    assert not (tmp_path / "file").is_symlink()
    assert (tmp_path / "elsewhere").read_bytes() == b"precious"
