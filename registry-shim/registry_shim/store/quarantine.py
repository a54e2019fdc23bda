"""What was found damaged in a repository: moved aside, never deleted, for people to look at."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from registry_shim.store.disk import make_directory, sync_directory

if TYPE_CHECKING:
    from pathlib import Path


class Quarantine:
    """The directory `_quarantine` of one repository; made when it is needed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def place(self, name: str) -> Path:
        """Where something called `name` can be moved to."""
        make_directory(self._directory)
        names = (name if number == 0 else f"{name}.{number}" for number in count())
        return next(path for name in names if not _is_there(path := self._directory / name))

    def move(self, path: Path, name: str) -> None:
        """Move `path`, of whatever kind, aside as `name`."""
        path.rename(self.place(name))
        sync_directory(self._directory)
        sync_directory(path.parent)

    def copy(self, path: Path) -> None:
        """Keep the file at `path`, if there is one, under its name; it stays where it is until it is replaced.

        A second name is enough, for files of a layout are replaced and not written to; but the journal is.
        """
        if path.is_file():
            self.place(path.name).write_bytes(path.read_bytes())
            sync_directory(self._directory)


def _is_there(path: Path) -> bool:
    return path.is_symlink() or path.exists()
