"""Start-up: time against a bare interpreter, and what is imported on the way."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.measure import RUNS, environment, installed_wpkg, row, taking_turns

if TYPE_CHECKING:
    from collections.abc import Sequence

# What the interpreter loads before it comes to us is not counted.
_PROGRAM = (
    "import sys; before = set(sys.modules); from wpkg.cli.main import run; run(sys.argv[1:]);"
    "print(*sorted(set(sys.modules) - before), file=sys.stderr)"
)


def bench(folder: Path) -> None:
    """Bar: at most 5 bare interpreters."""
    wpkg = installed_wpkg(folder)
    commands = {
        "python -c pass": [str(Path(wpkg).with_name("python")), "-c", "pass"],
        "wpkg --version": [wpkg, "--version"],
        "wpkg --help": [wpkg, "--help"],
        "wpkg cache dir": [wpkg, "cache", "dir"],
    }
    measured = taking_turns(commands, folder, 3 * RUNS)
    bare = measured.pop("python -c pass")
    for name, found in measured.items():
        row(name, found, "python -c pass", bare, "<= 5")
    modules = imported(["--help"], folder)
    packages = Counter(name.partition(".")[0] for name in modules)
    print(f"wpkg --help imports {len(modules)} modules that a bare interpreter has not:")
    print("  " + ", ".join(f"{name} ({count})" for name, count in sorted(packages.items())))
    print("  ours: " + ", ".join(name for name in modules if name.partition(".")[0] == "wpkg"))


def imported(arguments: Sequence[str], folder: Path) -> list[str]:
    """The modules that a command imports, sorted."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *arguments],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr.split()
