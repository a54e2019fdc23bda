"""50 packages of 1 MB into an empty cache, against oras-py in a loop; and again when all is there."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tests.bench.distant import distant
from tests.bench.measure import PROGRAMS, best, row, taking_turns
from tests.packages import project_that_pins, publish_packages
from tests.shim_process import running_shim
from wpkg.registry.client import RegistryClient

if TYPE_CHECKING:
    from pathlib import Path

COUNT, SIZE = 50, 1_000_000
FAR = 0.05  # seconds a request takes to a registry that is not on this machine
RUNS = 3
# Manifest and layer of each, none of it verified; one process that keeps its connection. wpkg fetches and verifies
# config, manifest and layer.
LOOP = """
import sys
from oras.client import OrasClient
client = OrasClient(hostname=sys.argv[1], insecure=True)
for index in range(int(sys.argv[2])):
    client.pull(target=f"{sys.argv[1]}/demo/many/p{index:03}:1.0.0", outdir=f"theirs/{index}")
"""


def bench(folder: Path) -> None:
    """Bar: at least 4 times as fast."""

    def empty() -> None:
        shutil.rmtree(folder / ".cache", ignore_errors=True)
        shutil.rmtree(folder / "theirs", ignore_errors=True)

    with running_shim(folder / "registry") as near, distant(near, FAR) as far:
        published = publish_packages(RegistryClient(), near, COUNT, SIZE)
        for what, address in ((f"{FAR * 1000:.0f} ms away", far), ("on this machine", near)):
            pins = [replace(pin, source=replace(pin.source, registry=address)) for pin in published]
            project_that_pins(folder / "app", address, pins)
            wpkg = [str(PROGRAMS / "wpkg"), "fetch", "-C", "app", "-q", "--locked"]
            commands = {"wpkg fetch": wpkg, "oras-py": [sys.executable, "-c", LOOP, address, str(COUNT)]}
            cold = taking_turns(commands, folder, RUNS, empty)
            row(
                f"fetch {COUNT} x 1 MB, {what}",
                cold["wpkg fetch"],
                "oras-py in a loop",
                cold["oras-py"],
                "<= 0.25",
            )
        best(wpkg, folder, 1)
        warm = taking_turns({"wpkg fetch": [*wpkg, "--offline"]}, folder, RUNS)["wpkg fetch"]
        row("the same, all in the cache, offline", warm, "oras-py in a loop", cold["oras-py"], "")
