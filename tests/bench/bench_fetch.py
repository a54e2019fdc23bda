"""50 packages of 1 MB into an empty cache, against oras-py in a loop; and again when all is there."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

from tests.bench.measure import PROGRAMS, RUNS, best, row, taking_turns
from tests.packages import project_that_pins, publish_packages
from tests.shim_process import running_shim
from wpkg.registry.client import RegistryClient

if TYPE_CHECKING:
    from pathlib import Path

COUNT, SIZE = 50, 1_000_000
# Manifest and layer of each, none of it verified; it is one process that keeps its connection.
LOOP = """
import sys
from oras.client import OrasClient
client = OrasClient(hostname=sys.argv[1], insecure=True)
for index in range(int(sys.argv[2])):
    client.pull(target=f"{sys.argv[1]}/demo/many/p{index:03}:1.0.0", outdir=f"theirs/{index}")
"""


def bench(folder: Path) -> None:
    """Bar: at least 4 times as fast."""
    with running_shim(folder / "registry") as address:
        project_that_pins(folder / "app", address, publish_packages(RegistryClient(), address, COUNT, SIZE))
        wpkg = [str(PROGRAMS / "wpkg"), "fetch", "-C", "app", "-q", "--locked"]
        commands = {"wpkg fetch": wpkg, "oras-py": [sys.executable, "-c", LOOP, address, str(COUNT)]}

        def empty() -> None:
            shutil.rmtree(folder / ".cache", ignore_errors=True)
            shutil.rmtree(folder / "theirs", ignore_errors=True)

        cold = taking_turns(commands, folder, RUNS, empty)
        ours, theirs = cold["wpkg fetch"], cold["oras-py"]
        row(f"fetch {COUNT} x 1 MB", ours, "oras-py in a loop", theirs, "<= 0.25")
        best(wpkg, folder, 1)
        warm = taking_turns({"wpkg fetch": [*wpkg, "--offline"]}, folder)["wpkg fetch"]
        row("the same, all in the cache, offline", warm, "oras-py in a loop", theirs, "")
