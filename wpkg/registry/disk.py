"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Self

from msgspec import Struct

from wpkg.errors import InvalidInput, WpkgError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import BinaryIO

_OPEN_FILES = "/proc/self/fd"  # by which a file without a name can be given one
# What open(2) says where a file without a name cannot be made.
_NEEDS_NAME = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT})


_NEW = 0o644  # the mode of a file that was not there
_WRITABLE = 0o222


class CannotWrite(WpkgError):
    """A file cannot be written: no room, no permission, no such place."""


def read_text(path: Path) -> str:
    """The text of a file in UTF-8, line ends as they are. Raises: InvalidInput."""
    try:
        return read_bytes(path).decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not UTF-8 text (byte {error.start})") from error


def read_bytes(path: Path) -> bytes:
    """The bytes of a file. Raises: InvalidInput, whose sentence says why it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {reason(error)}") from error


@contextmanager
def replacing(path: Path, mode: int = _NEW, *, durable: bool = True) -> Iterator[BinaryIO]:
    """A file to write, which takes the place of `path` when the block ends well, and else is gone.

    Where the system can do that it has no name before, so that nothing is left of it even by a process that is
    killed; folders that were made for it go with it. A symbolic link is replaced, not followed. What can be made
    again need not be `durable`: it is not waited for until the disk has it.

    Raises: CannotWrite.
    """
    _check_replaceable(path)
    temporary: Path | None = None
    try:
        with _folders_for(path):
            try:
                temporary, descriptor = _new_file(path)
                with os.fdopen(descriptor, "wb") as file:
                    yield file
                    file.flush()
                    os.fchmod(file.fileno(), mode)
                    if durable:
                        os.fsync(file.fileno())
                    if temporary is None:
                        temporary = _named_beside(path, file.fileno())
                temporary.replace(path)
                if durable:
                    _sync_folder(path.parent)
            finally:
                if temporary is not None:
                    temporary.unlink(missing_ok=True)
    except OSError as error:
        raise CannotWrite(f"cannot write {path}: {reason(error)}") from error


def _check_replaceable(path: Path) -> None:
    """Raises: CannotWrite where `path` is something that no file can take the place of."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - what it leads to, if it is a link
        is_open_file = path.is_symlink() and os.fsdecode(os.readlink(path)).startswith("/proc/")  # noqa: PTH115
    except OSError:
        return  # nothing is there, or making the file will say it
    if stat.S_ISDIR(mode):
        raise CannotWrite(f"cannot write {path}: it is a folder", hint="name the file in it")
    if is_open_file or not stat.S_ISREG(mode):
        raise CannotWrite(f"cannot write {path}: it is no file", hint="a result is put in the place of a file")


@contextmanager
def _folders_for(path: Path) -> Iterator[None]:
    """The folder of `path` is there; folders that had to be made are gone again when the block fails."""
    missing: list[Path] = []
    folder = path.parent
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    try:
        for folder in reversed(missing):
            folder.mkdir(exist_ok=True)
        yield
    except BaseException:
        for folder in missing:
            with suppress(OSError):  # somebody else has put something there, or it was not made
                folder.rmdir()
        raise


def _new_file(path: Path) -> tuple[Path | None, int]:
    """A new file in the folder of `path`, and its descriptor; it has no name where the system can do without."""
    if hasattr(os, "O_TMPFILE") and os.path.isdir(_OPEN_FILES):  # noqa: PTH112 - many files are written
        try:
            return None, os.open(path.parent, os.O_TMPFILE | os.O_RDWR, 0o600)
        except OSError as error:
            if error.errno not in _NEEDS_NAME:
                raise
    return temporary_beside(path)


def _named_beside(path: Path, descriptor: int) -> Path:
    """A name for a file that has none (open(2), O_TMPFILE)."""
    while True:
        temporary = _temporary_name(path)
        try:
            # With a folder given, linkat(2) is used, which can follow the link in /proc.
            os.link(f"{_OPEN_FILES}/{descriptor}", temporary, src_dir_fd=descriptor, follow_symlinks=True)
        except FileExistsError:
            continue
        return temporary


def temporary_beside(path: Path) -> tuple[Path, int]:
    """A new file that only its owner may read, and its descriptor; `tempfile` would take longer to load."""
    while True:
        temporary = _temporary_name(path)
        try:
            return temporary, os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        except FileExistsError:
            continue


def _temporary_name(path: Path) -> Path:
    return path.with_name(f".{path.name[:50]}.{os.urandom(6).hex()}")  # at most 4 of 255 bytes a character


def write_file(path: Path, data: bytes, mode: int = _NEW) -> None:
    """Put `data` in the place of `path`. Raises: CannotWrite."""
    with replacing(path, mode) as file:
        file.write(data)


def write_all(files: Mapping[Path, bytes]) -> None:
    """Replace several files, or none: when one cannot be replaced, those before it are put back.

    Those that are there keep their mode, and links lead where they did. Raises: CannotWrite.
    """
    before = {path: _WrittenFile.read(path) for path in files}
    changed = {path: data for path, data in files.items() if before[path].data != data}
    for path in changed:
        if not before[path].mode & _WRITABLE:
            raise CannotWrite(f"cannot write {path}: it is read-only")
    done: list[Path] = []
    try:
        for path, data in changed.items():
            write_file(before[path].place, data, before[path].mode)
            done.append(path)
    except CannotWrite:
        for path in done:
            original = before[path]
            if original.data is None:
                original.place.unlink()
            else:
                write_file(original.place, original.data, original.mode)
        raise


class _WrittenFile(Struct, frozen=True):
    """A file as it is before it is replaced. `data` is None where there is none."""

    place: Path  # where links lead
    data: bytes | None
    mode: int

    @classmethod
    def read(cls, path: Path) -> Self:
        """What is at `path`. Raises: CannotWrite."""
        place = path.resolve()
        try:
            return cls(place, place.read_bytes(), place.stat().st_mode & 0o777)
        except FileNotFoundError:
            return cls(place, None, _NEW)
        except OSError as error:
            raise CannotWrite(f"cannot write {path}: {reason(error)}") from error


@contextmanager
def exclusive_access(folder: Path) -> Iterator[None]:
    """The block runs alone among all threads and processes that ask for the same folder, which is made if need be.

    Raises: CannotWrite.
    """
    import fcntl

    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise CannotWrite(f"cannot write {folder}: {reason(error)}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)  # given back when it is closed, however the process ends
        yield
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def reason(error: OSError) -> str:
    """Why the system refused, in its words."""
    return (error.strerror or type(error).__name__).lower()
