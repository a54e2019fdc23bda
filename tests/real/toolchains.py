"""Components made as their authors make them: by componentize-py, componentize-js, and wit-component."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.components import wasm_tools

HERE = Path(__file__).parent
COMPONENTIZE_PY = str(Path(sys.executable).with_name("componentize-py"))


def _made(words: list[str], folder: Path, output: str) -> Path:
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / output


def from_python(source: Path, name: str, folder: Path) -> Path:
    """`name`.wasm in `folder`, of `name`.py, which has the world `name`-component; 18 MB, a quarter of a minute."""
    shutil.copy(source / f"{name}.py", folder)
    words = [COMPONENTIZE_PY, "-d", str(source / "wit"), "-w", f"{name}-component", "componentize", name]
    return _made([*words, "-o", f"{name}.wasm"], folder, f"{name}.wasm")


def from_javascript(package: str, source: Path, name: str, folder: Path) -> Path:
    """The same of `name`.js, by the npm package that lies at `package`; 12 MB."""
    words = [
        "node",
        str(Path(package) / "src" / "cli.js"),
        str(source / f"{name}.js"),
        "--wit",
        str(source / "wit"),
    ]
    words += ["-n", f"{name}-component", "--disable", "http", "fetch-event", "-o", str(folder / f"{name}.wasm")]
    return _made(words, folder, f"{name}.wasm")


def from_core(source: Path, name: str, folder: Path, text: str | None = None, world: str | None = None) -> Path:
    """The same of the core module `name`.wat, or of its `text`: what compilers of Rust, C and Go end with."""
    module = text if text is not None else (source / f"{name}.wat").read_text()
    embed = ["component", "embed", str(source / "wit"), "-w", f"{world or name}-component"]
    embedded = wasm_tools(*embed, data=module.encode())
    path = folder / f"{name}.wasm"
    path.write_bytes(wasm_tools("component", "new", data=embedded))
    return path
