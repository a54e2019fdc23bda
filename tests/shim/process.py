"""The program `registry-shim`, run as its users run it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

PROGRAM = str(Path(sys.executable).with_name("registry-shim"))


class Served:
    """A running registry on a port of its own. `address` is what it printed."""

    def __init__(self, root: Path, *options: str) -> None:
        self.root = root
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--root", str(root), "--port", "0", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().rstrip("\n")
        assert self.address, self.process.communicate()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        """The exit code, the rest of stdout, and stderr."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=15)
        return self.process.returncode, out, err


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A run that is expected to end by itself."""
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=15, check=False)
