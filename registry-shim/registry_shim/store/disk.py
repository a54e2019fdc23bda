"""File operations that survive a crash: written aside, synced, renamed, directory synced."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from registry_shim.errors import NoSpaceLeft

if TYPE_CHECKING:
    from pathlib import Path

    from wpkg.oci.digest import Bytes


def sync_directory(directory: Path) -> None:
    """Make names that were added to or removed from `directory` survive a power loss."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_directory(directory: Path) -> None:
    """Make `directory` and the parents it lacks, durably."""
    missing = []
    while not directory.is_dir():
        missing.append(directory)
        directory = directory.parent
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        sync_directory(path.parent)


def check_space(directory: Path, size: int, reserve: int) -> None:
    """Nothing, where `size` bytes can be written in `directory` and leave `reserve`. Raises: NoSpaceLeft."""
    disk = os.statvfs(directory)
    if disk.f_bavail * disk.f_frsize < size + reserve:
        raise NoSpaceLeft("the registry's disk is nearly full")


def write_all(handle: int, data: Bytes) -> None:
    """Write every byte of `data`; a single write may take fewer."""
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def write_new_file(path: Path, data: bytes) -> None:
    """Create `path` with `data` and sync its content; its name is not yet durable. All of it or nothing."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        write_all(handle, data)
        os.fsync(handle)
    except BaseException:
        path.unlink()
        raise
    finally:
        os.close(handle)


def move_into_place(source: Path, target: Path) -> None:
    """Give a synced file its name, replacing what has it. Whoever looks sees the old file or the new one."""
    source.replace(target)
    sync_directory(target.parent)
