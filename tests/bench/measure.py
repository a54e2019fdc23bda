"""What whole processes take, as the best of several runs; those of a table take turns.

Bytes are those that went through system calls, as Linux counts them per process: what is only mapped into memory is
not in them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import venv
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PROGRAMS = Path(sys.executable).parent
REPOSITORY = Path(__file__).resolve().parents[2]
RUNS = 7


@dataclass(frozen=True)
class Measured:
    """The fastest of several runs, and the most memory that any took."""

    seconds: float
    resident: int  # KiB, peak
    read: int | None  # bytes; None where the system does not say
    written: int | None  # bytes


def installed_wpkg(folder: Path) -> str:
    """`wpkg` in an environment of its own in `folder`, as a person has it: without what tests need."""
    environment = folder / "environment"
    venv.create(environment, with_pip=True)
    pip = [str(environment / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", str(REPOSITORY)], check=True)
    return str(environment / "bin" / "wpkg")


def best(words: Sequence[str], folder: Path, runs: int = RUNS) -> Measured:
    """The best of several runs. Raises: CalledProcessError."""
    return taking_turns({"": words}, folder, runs)[""]


def taking_turns(
    commands: Mapping[str, Sequence[str]],
    folder: Path,
    runs: int = RUNS,
    before: Callable[[], object] = lambda: None,
) -> dict[str, Measured]:
    """The same for several commands; what disturbs one run then disturbs the others as well.

    `before` is called before each run, and is not measured.
    """
    measured: dict[str, list[Measured]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, words in commands.items():
            before()
            measured[name].append(run_once(words, folder))
    return {name: _fastest(runs_of_it) for name, runs_of_it in measured.items()}


def _fastest(runs: Sequence[Measured]) -> Measured:
    return replace(min(runs, key=lambda run: run.seconds), resident=max(run.resident for run in runs))


def run_once(words: Sequence[str], folder: Path) -> Measured:
    """One run. Raises: CalledProcessError."""
    start = time.perf_counter()
    child = subprocess.Popen(
        words, cwd=folder, env=environment(folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    seconds = time.perf_counter() - start
    read, written = _counted_bytes(child.pid)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, words)
    return Measured(seconds, usage.ru_maxrss, read, written)


def _counted_bytes(process: int) -> tuple[int | None, int | None]:
    """What a process that has ended, and is not waited for yet, read and wrote (proc_pid_io(5))."""
    try:
        text = Path(f"/proc/{process}/io").read_text()
    except OSError:
        return None, None
    counts = dict(line.split(": ") for line in text.splitlines())
    return int(counts["rchar"]), int(counts["wchar"])


def environment(folder: Path) -> dict[str, str]:
    """What a measured process finds: nothing of the person who measures."""
    return {
        "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "WPKG_KEY_PASSWORD": "of-throw-away-keys",
    }


def row(what: str, ours: Measured, peer: str, theirs: Measured, bar: str) -> None:
    """Print one line of a table."""
    print(
        f"{what:<40}{ours.seconds * 1000:6.0f} ms {ours.resident / 1024:4.0f} MB   "
        f"{peer:<20}{theirs.seconds * 1000:6.0f} ms {theirs.resident / 1024:4.0f} MB   "
        f"ratio {ours.seconds / theirs.seconds:5.2f}   bar {bar}"
    )
