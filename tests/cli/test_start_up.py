"""Start-up is part of the product: what a command does not need is not imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ["requests", "urllib3", "oras", "cryptography", "tomlkit", "resolvelib", "uvicorn", "wpkg.component"]


def imported_by(*arguments: str) -> set[str]:
    code = (
        "import sys; from wpkg.cli.main import run; code = run(sys.argv[1:]);"
        "print('MODULES', *sys.modules, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["build", "--help"], ["push", "--help"]])
def test_help_and_version_import_nothing_heavy(arguments: list[str]) -> None:
    assert [name for name in HEAVY if name in imported_by(*arguments)] == []


def test_composing_files_needs_neither_network_nor_keys(tmp_path: Path) -> None:
    from tests.components import from_wit

    for name, text in (("a", "import f: func(); export run: func();"), ("b", "export f: func();")):
        (tmp_path / f"{name}.wasm").write_bytes(from_wit(text))
    found = imported_by(
        "compose", str(tmp_path / "a.wasm"), "--with", str(tmp_path / "b.wasm"), "-o", str(tmp_path / "c.wasm")
    )
    assert {"requests", "cryptography", "tomlkit", "resolvelib"} & found == set()


SELDOM_USED = {"inspect", "ipaddress", "textwrap"}


def test_what_the_command_line_seldom_uses_is_loaded_when_it_is_used(tmp_path: Path) -> None:
    """By the program itself, which is started as a person starts it."""
    program = Path(sys.executable).with_name("wpkg")

    def loaded(*arguments: str) -> set[str]:
        words = [sys.executable, "-X", "importtime", str(program), *arguments]
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert "Traceback" not in done.stderr
        return SELDOM_USED & {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}

    assert loaded("compose", "nothing.wasm", "--output", "x.wasm") == set()
    assert loaded("--version") == set()
    assert "textwrap" in loaded("inspect", "--help")
