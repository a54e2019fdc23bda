"""registry-shim as a process of its own, on a free port."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SHIM = str(Path(sys.executable).with_name("registry-shim"))


@contextmanager
def running_shim(root: Path) -> Iterator[str]:
    """The address, `127.0.0.1:PORT`, of a registry that keeps everything in `root`."""
    with subprocess.Popen(
        [SHIM, "serve", "--root", str(root), "--port", "0"], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip().removeprefix("http://")
        finally:
            server.terminate()
            assert server.wait(timeout=10) == 0
