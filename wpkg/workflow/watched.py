"""Files that somebody watches being sent."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class WatchedFile:
    """A file that may be read several times, in pieces and anew; `advance` hears of bytes not read before."""

    def __init__(self, path: Path, advance: Callable[[int], object]) -> None:
        self._path = path
        self._advance = advance
        self._furthest = 0  # bytes from the start

    def open(self) -> io.FileIO:
        """The file, to be read. Raises: OSError."""
        return _Reading(self._path, self._reached)

    def _reached(self, position: int) -> None:
        if position > self._furthest:
            self._advance(position - self._furthest)
            self._furthest = position


class _Reading(io.FileIO):
    def __init__(self, path: Path, reached: Callable[[int], object]) -> None:
        super().__init__(path)
        self._reached = reached

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(-1 if size is None else size)
        self._reached(self.tell())
        return data
