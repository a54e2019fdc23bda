"""What is left to do when nothing changed."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

from tests.bench.composers import built_components
from tests.bench.measure import PROGRAMS, best, row

if TYPE_CHECKING:
    from pathlib import Path


def bench(folder: Path) -> None:
    """Bar: 250 ms, without the project's own build command."""
    _, validator = built_components(folder)
    project = folder / "project"
    (project / "build").mkdir(parents=True)
    shutil.copy(validator, project / "build" / "a.wasm")
    (project / "wasmcloud.toml").write_text(
        'name = "a"\nversion = "0.1.0"\nlanguage = "python"\ntype = "component"\n'
        '[component]\nbuild_artifact = "build/a.wasm"\n[composition]\ncomponents = ["../messaging-harness/c.wasm"]\n'
    )
    words = [str(PROGRAMS / "wpkg"), "build", "--compose", "--no-build", "--offline"]
    first = best(words, project, 1)
    bare = best([sys.executable, "-c", "pass"], folder)
    row("wpkg build --compose, first time", first, "python -c pass", bare, "")
    row("wpkg build --compose, nothing changed", best(words, project), "python -c pass", bare, "<= 250 ms")
    row(
        "wpkg lock --check",
        best([str(PROGRAMS / "wpkg"), "lock", "--check", "--offline"], project),
        "python -c pass",
        bare,
        "<= 250 ms",
    )
