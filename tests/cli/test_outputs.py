"""Where results go: into files that are replaced whole or not at all, and to stdout."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.components import from_wit
from wpkg.cli.main import run
from wpkg.component.sections import leb, section

PROGRAMS = Path(sys.executable).parent
BALLAST = 200  # MiB, so that composing takes long enough to be interrupted


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "root.wasm").write_bytes(from_wit("import f: func(); export run: func();"))
    (tmp_path / "dep.wasm").write_bytes(from_wit("export f: func();"))
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "open").symlink_to("/proc/self/fd/1")
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


COMPOSE = ["compose", "root.wasm", "--with", "dep.wasm"]
GRAPH = ["graph", "root.wasm", "--with", "dep.wasm", "--format", "svg"]


@pytest.mark.parametrize("command", [COMPOSE, GRAPH], ids=["compose", "graph"])
@pytest.mark.parametrize(
    ("output", "code", "said"),
    [
        ("-", 2, "'-' is no file; name one, or './-' if it is called so"),
        ("", 2, "'' names a folder, if anything; name the file in it"),
        ("new/", 2, "'new/' names a folder, if anything; name the file in it"),
        (".", 1, "cannot write .: it is a folder"),
        ("..", 1, "cannot write ..: it is a folder"),
        ("folder", 1, "cannot write folder: it is a folder"),
        ("pipe", 1, "cannot write pipe: it is no file"),
        ("open", 1, "cannot write open: it is no file"),
        ("dep.wasm/out", 1, "cannot write dep.wasm/out: not a directory"),
        (f"deep/er/{'x' * 280}", 1, f"cannot write deep/er/{'x' * 280}: file name too long"),
    ],
)
def test_what_no_file_can_take_the_place_of_is_left_alone(
    folder: Path, capfd: pytest.CaptureFixture[str], command: list[str], output: str, code: int, said: str
) -> None:
    before = names(folder)
    assert run([*command, "-o", output]) == code
    captured = capfd.readouterr()
    assert captured.out == ""
    assert said in captured.err.splitlines()[0]
    assert names(folder) == before


def test_an_input_can_be_the_output_and_folders_are_made(folder: Path) -> None:
    assert run([*COMPOSE, "-o", f"new/er/{'é' * 120}.wasm"]) == 0
    assert run([*COMPOSE, "-o", "dep.wasm"]) == 0
    assert (folder / "dep.wasm").read_bytes() == (folder / f"new/er/{'é' * 120}.wasm").read_bytes()


def test_folders_that_were_made_in_vain_are_gone(folder: Path) -> None:
    (folder / "dep.wasm").write_bytes(b"not a component")
    before = names(folder)
    assert run([*COMPOSE, "-o", "new/er/out.wasm"]) == 2
    assert names(folder) == before
    assert run([*COMPOSE, "-o", "folder/er/out.wasm"]) == 2
    assert names(folder) == before


def test_a_full_disk_leaves_nothing(folder: Path) -> None:
    before = names(folder)
    done = subprocess.run(
        ["/bin/sh", "-c", f"ulimit -f 0; exec {PROGRAMS}/wpkg {' '.join(COMPOSE)} -o new/out.wasm"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "error: cannot write new/out.wasm: file too large\n")
    assert names(folder) == before


@pytest.mark.parametrize("command", [[*COMPOSE, "--plan"], GRAPH, [*COMPOSE, "--plan", "--json"]])
def test_a_stdout_that_takes_nothing_is_said(folder: Path, command: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [f"{PROGRAMS}/wpkg", *command], stdout=full, stderr=subprocess.PIPE, text=True, check=False, cwd=folder
        )
    assert (done.returncode, done.stderr) == (
        1,
        "error: cannot write to standard output: no space left on device\n",
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_who_is_interrupted_leaves_nothing(folder: Path, number: signal.Signals) -> None:
    """At whatever time: before, while and after it is written."""
    with (folder / "dep.wasm").open("ab") as file:
        file.write(section(1, b"\0asm\x01\0\0\0" + section(0, leb(1) + b"b" + bytes(BALLAST << 20))))
    before = names(folder)
    ends = set()
    for tenths in range(1, 12, 2):
        process = subprocess.Popen(
            [f"{PROGRAMS}/wpkg", *COMPOSE, "-o", "out.wasm"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        time.sleep(tenths / 10)
        process.send_signal(number)
        _, err = process.communicate()
        ends.add(process.returncode)
        if process.returncode == 0:
            (folder / "out.wasm").unlink()
            break
        if number is signal.SIGINT and process.returncode > 0:
            assert err.strip() == "interrupted"
        assert names(folder) == before
    assert ends - {0} <= {-number, 130 if number is signal.SIGINT else -number}
    assert ends - {0}
