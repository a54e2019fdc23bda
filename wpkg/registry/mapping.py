"""Files as bytes without reading them whole."""

from __future__ import annotations

import mmap
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WORTH_MAPPING = 256 * 1024  # bytes


@contextmanager
def mapped(path: Path) -> Iterator[memoryview]:
    """The bytes of a file for the length of the block: mapped into memory, or read where it is small."""
    mapping: bytes | mmap.mmap
    with path.open("rb", buffering=0) as file:
        if os.fstat(file.fileno()).st_size < WORTH_MAPPING:
            mapping = file.read()
        else:
            mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    view = memoryview(mapping)
    yield view
    # Not where the block fails: its traceback may hold slices of the view, and all of it goes when they go.
    view.release()
    if isinstance(mapping, mmap.mmap):
        mapping.close()
