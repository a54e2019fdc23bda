"""Start-up is part of the product: what a command does not need is not imported."""

from __future__ import annotations

import subprocess
import sys

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


def test_composing_files_needs_neither_network_nor_keys(tmp_path: object) -> None:
    from pathlib import Path

    from tests.components import from_wit

    folder = Path(str(tmp_path))
    for name, text in (("a", "import f: func(); export run: func();"), ("b", "export f: func();")):
        (folder / f"{name}.wasm").write_bytes(from_wit(text))
    found = imported_by(
        "compose", str(folder / "a.wasm"), "--with", str(folder / "b.wasm"), "-o", str(folder / "c.wasm")
    )
    assert {"requests", "cryptography", "tomlkit", "resolvelib"} & found == set()
