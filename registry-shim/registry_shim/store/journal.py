"""The journal of a repository: what has changed since `index.json` was written, one JSON line per change.

A line is appended with one write and synced before anybody is told. Only the last line can be torn by a
crash; it was never acknowledged and is ignored. A line that is damaged anywhere else is damage.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from registry_shim.errors import DamagedStore
from registry_shim.store.catalog import encode_change, read_change
from registry_shim.store.disk import sync_directory, write_all
from wpkg.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

    from registry_shim.store.catalog import Change


class Journal:
    """The file `index.log`. One thread at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._size = 0  # bytes that are whole lines
        self.entries = 0  # whole lines

    def read(self) -> list[Change]:
        """The changes, oldest first, without a torn last one. Raises: DamagedStore."""
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            data = b""
        changes: list[Change] = []
        self._size = 0
        for line in data.splitlines(keepends=True):
            try:
                if not line.endswith(b"\n"):
                    break
                changes.append(read_change(line))
            except InvalidInput as error:
                if self._size + len(line) == len(data):
                    break
                raise DamagedStore(f"line {len(changes) + 1} of its journal is damaged: {error}") from error
            self._size += len(line)
        self.entries = len(changes)
        return changes

    def append(self, *changes: Change) -> None:
        """Add `changes`; they are durable when this returns, and not there at all when this raises.

        A crash meanwhile may leave the first of them.
        """
        lines = b"".join(encode_change(change) + b"\n" for change in changes)
        is_new = not self._path.exists()
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            # What lies beyond the whole lines is the rest of an append that failed or was cut off.
            if os.fstat(handle).st_size != self._size:
                os.ftruncate(handle, self._size)
            try:
                write_all(handle, lines)
                os.fsync(handle)
            except OSError:
                os.ftruncate(handle, self._size)
                raise
        finally:
            os.close(handle)
        if is_new:
            sync_directory(self._path.parent)
        self._size += len(lines)
        self.entries += len(changes)

    def clear(self) -> None:
        """Empty the journal, once `index.json` says the same."""
        handle = os.open(self._path, os.O_WRONLY | os.O_TRUNC | os.O_CREAT, 0o666)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        self._size = 0
        self.entries = 0
