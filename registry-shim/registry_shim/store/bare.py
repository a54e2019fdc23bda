"""Repositories that have nothing left: what tells them apart, and how one goes.

Names nest, so other repositories may lie in the directory of one. Only what the layout itself put there is looked
at and taken away; where anything else lies in it, the repository stays. `oci-layout` goes first: a crash at any
time leaves a repository, or the empty rest of one, which the next push takes over.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from registry_shim.store.disk import sync_directory
from registry_shim.store.layout import BLOBS_DIRECTORY, LAYOUT_FILE, QUARANTINE_DIRECTORY, UPLOADS_DIRECTORY
from registry_shim.store.records import INDEX_FILE, JOURNAL_FILE, SUBJECTS_FILE

if TYPE_CHECKING:
    from pathlib import Path

_FILES = (LAYOUT_FILE, INDEX_FILE, JOURNAL_FILE, SUBJECTS_FILE)
# What moves while they are looked at moves from one to a later one: nothing is overlooked. The inner ones first.
_DIRECTORIES = (
    UPLOADS_DIRECTORY,
    f"{BLOBS_DIRECTORY}/sha256",
    f"{BLOBS_DIRECTORY}/sha512",
    BLOBS_DIRECTORY,
    QUARANTINE_DIRECTORY,
)


def is_bare(directory: Path, since: float) -> bool:
    """Whether there are neither blobs nor uploads in the layout, and it was not changed since `since`.

    `since` is in seconds, of the file system. What the records say is for the caller to look at.
    """
    own = {directory / name for name in (*_FILES, *_DIRECTORIES)}
    there = [path for path in own if os.path.lexists(path)]
    inside = (
        path for name in _DIRECTORIES if (directory / name).is_dir() for path in (directory / name).iterdir()
    )
    files = (path for path in directory.iterdir() if not path.is_dir() or path.is_symlink())
    return own.issuperset((*inside, *files)) and all(path.lstat().st_mtime < since for path in there)


def remove_bare(directory: Path, root: Path) -> None:
    """Take a bare layout away, and the directories below `root` in which nothing is left then."""
    for name in _FILES:
        (directory / name).unlink(missing_ok=True)
        if name == LAYOUT_FILE:
            sync_directory(directory)
    for name in _DIRECTORIES:
        with contextlib.suppress(FileNotFoundError):
            (directory / name).rmdir()
    with contextlib.suppress(OSError):  # where others lie in it
        while directory != root:
            directory.rmdir()
            directory = directory.parent
            sync_directory(directory)
