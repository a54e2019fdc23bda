"""Speed, as ratios against a peer in the same run: `python tests/bench [start-up|compose|rebuild]`.

Best of several runs, whole processes. The bars are what the product is to reach; nothing here passes or fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAMS = Path(sys.executable).parent
RUNS = 7


@dataclass(frozen=True)
class Measured:
    """The fastest of several runs, and the most memory that any took."""

    seconds: float
    resident: int  # KiB, peak


def best(words: list[str], folder: Path, runs: int = RUNS) -> Measured:
    """What whole processes take. Raises: CalledProcessError."""
    times, memory = [], []
    for _ in range(runs):
        start = time.perf_counter()
        child = subprocess.Popen(
            words, cwd=folder, env=environment(folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(child.pid, 0)
        times.append(time.perf_counter() - start)
        memory.append(usage.ru_maxrss)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise subprocess.CalledProcessError(child.returncode, words)
    return Measured(min(times), max(memory))


def environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "WPKG_KEY_PASSWORD": "of-throw-away-keys",
    }


def row(what: str, ours: Measured, peer: str, theirs: Measured, bar: str) -> None:
    print(
        f"{what:<40}{ours.seconds * 1000:6.0f} ms {ours.resident / 1024:4.0f} MB   "
        f"{peer:<20}{theirs.seconds * 1000:6.0f} ms {theirs.resident / 1024:4.0f} MB   "
        f"ratio {ours.seconds / theirs.seconds:5.2f}   bar {bar}"
    )


def start_up(folder: Path) -> None:
    bare = best([sys.executable, "-c", "pass"], folder)
    for arguments in (["--version"], ["--help"]):
        row(
            f"wpkg {' '.join(arguments)}",
            best([str(PROGRAMS / "wpkg"), *arguments], folder),
            "python -c pass",
            bare,
            "<= 5",
        )


def built_components(folder: Path) -> tuple[Path, Path]:
    """Harness and validator of the sample, each about 18 MB."""
    found = []
    for project, world in (("messaging-harness", "harness"), ("usd-validator", "validator")):
        work = folder / project
        shutil.copytree(REPOSITORY / "samples" / "wasm-pay" / project, work)
        words = ["componentize-py", "-d", "wit", "-w", world, "componentize", "app", "-o", "c.wasm"]
        subprocess.run([str(PROGRAMS / words[0]), *words[1:]], cwd=work, stdout=subprocess.DEVNULL, check=True)
        found.append(work / "c.wasm")
    return found[0], found[1]


def compose(folder: Path) -> None:
    harness, validator = (str(path) for path in built_components(folder))
    ours = best([str(PROGRAMS / "wpkg"), "compose", harness, "--with", validator, "-o", "ours.wasm"], folder)
    peer = [str(PROGRAMS / "wasm-tools"), "compose", "-q", harness, "-d", validator, "-o", "theirs.wasm"]
    row("wpkg compose, two components of 18 MB", ours, "wasm-tools compose", best(peer, folder), "<= 0.6")


def rebuild(folder: Path) -> None:
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


BENCHES = {"start-up": start_up, "compose": compose, "rebuild": rebuild}


def main() -> None:
    for name in sys.argv[1:] or BENCHES:
        with tempfile.TemporaryDirectory(prefix="wpkg-bench-") as folder:
            BENCHES[name](Path(folder))


main()
