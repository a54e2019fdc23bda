"""registry-shim as a process of its own, on a free port, for tests that are not about it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.shim.process import Served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def running_shim(root: Path) -> Iterator[str]:
    """The address, `127.0.0.1:PORT`, of a registry that keeps everything in `root`."""
    served = Served(root)
    try:
        yield served.address.removeprefix("http://")
    finally:
        code, _, err = served.stop()
        assert (code, err) == (0, "")
