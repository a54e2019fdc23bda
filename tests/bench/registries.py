"""registry-shim and Debian's docker-registry as processes, each empty, and how much memory each has taken."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.docker_registry import running_docker_registry
from tests.shim.process import Served

if TYPE_CHECKING:
    from collections.abc import Iterator

PEER = "docker-registry"  # distribution 2.8; it does not sync what it stores to disk, registry-shim does


@dataclass(frozen=True)
class Running:
    """A registry; nobody else has asked it anything."""

    address: str  # 127.0.0.1:PORT
    process: int

    def peak(self) -> int:
        """The most memory that the process has taken so far, in KiB (proc_pid_status(5))."""
        lines = Path(f"/proc/{self.process}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


@contextmanager
def running_registries(folder: Path) -> Iterator[tuple[Running, Running | None]]:
    """registry-shim and docker-registry; None where that is not installed. What they store is gone afterwards."""
    program = shutil.which(PEER)
    root = folder / "registries"
    (root / "theirs").mkdir(parents=True)
    served = Served(root / "ours")
    try:
        ours = Running(served.address.removeprefix("http://"), served.process.pid)
        if program is None:
            yield ours, None
        else:
            with running_docker_registry(program, root / "theirs") as (address, process):
                yield ours, Running(address, process)
    finally:
        served.stop()
        shutil.rmtree(root)
