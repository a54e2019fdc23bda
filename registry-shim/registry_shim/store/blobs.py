"""The content of a repository, by digest: `blobs/<algorithm>/<encoded>`.

The time of a file's last change says when a client was last told that the blob is here. Whoever removes what
nobody needs any more goes by it. So names appear, are told of and go under one lock, never held across a sync.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import stat
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from registry_shim.store.disk import make_directory, sync_directory
from wpkg.oci.digest import Digest, InvalidDigest

if TYPE_CHECKING:
    from collections.abc import Iterator


_READ_AHEAD = 128 * 1024  # bytes that Linux reads at a time, unless it is told otherwise
_NO_WAIT: int | None = getattr(os, "RWF_NOWAIT", None)  # Linux


class BlobFile:
    """An open blob. It stays whole while it is open, even when it is deleted or replaced meanwhile."""

    __slots__ = ("_handle", "is_regular", "size")

    def __init__(self, handle: int) -> None:
        status = os.fstat(handle)
        self._handle = handle
        self.size = status.st_size  # bytes
        self.is_regular = stat.S_ISREG(status.st_mode)  # a file, and no folder or pipe

    def read(self, offset: int, length: int) -> bytes:
        """At most `length` bytes from `offset`; fewer only at the end. Not verified: whoever reads does."""
        return os.pread(self._handle, length, offset)

    def read_cached(self, offset: int, length: int) -> bytearray | None:
        """All of it, if that takes no disk (preadv2(2)); None where it would, or where the system cannot tell."""
        if _NO_WAIT is None or not length:
            return None if length else bytearray()
        data = bytearray(length)
        try:
            count = os.preadv(self._handle, [data], offset, _NO_WAIT)
        except OSError:
            return None
        return data if count == length else None

    def is_cached(self, offset: int, length: int) -> bool:
        """Whether all of that is most likely in memory: a byte of whatever is read ahead at once is."""
        byte = bytearray(1)
        try:
            return _NO_WAIT is not None and all(
                os.preadv(self._handle, [byte], position, _NO_WAIT) == 1
                for position in (*range(offset, offset + length, _READ_AHEAD), offset + length - 1)
            )
        except OSError:
            return False

    def fileno(self) -> int:
        """The open file, as the system knows it."""
        return self._handle

    def map(self) -> mmap.mmap:
        """The whole blob as memory, read as it is looked at; to be closed by the caller. Not for size 0."""
        return mmap.mmap(self._handle, 0, access=mmap.ACCESS_READ)

    def touch(self) -> None:
        """Note on the file that it has been told of now."""
        # Where that is not allowed (another user's file, a read-only disk), the blob goes by its age.
        with contextlib.suppress(OSError):
            os.utime(self._handle)

    def identify(self) -> os.stat_result:
        """What the file system says of the file."""
        return os.fstat(self._handle)

    def close(self) -> None:
        """Let go of the file; once."""
        os.close(self._handle)


@dataclass(frozen=True, slots=True)
class Discarded:
    """A blob that is no more."""

    digest: Digest
    is_manifest: bool
    size: int  # bytes
    freed: int  # bytes of disk; none while the file has other names


class Blobs:
    """The directory `blobs` of one repository. Safe for use by several threads."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()

    def _path(self, digest: Digest) -> str:
        return f"{self._directory}/{digest.algorithm}/{digest.encoded}"

    def size(self, digest: Digest) -> int | None:
        """How many bytes the blob has, None when it is not here."""
        try:
            return Path(self._path(digest)).stat().st_size
        except FileNotFoundError:
            return None

    def open(self, digest: Digest) -> BlobFile | None:
        """The blob, to be closed by the caller; None when it is not here."""
        try:
            # Not to be kept waiting by what is no file.
            blob = BlobFile(os.open(self._path(digest), os.O_RDONLY | os.O_NONBLOCK))
        except FileNotFoundError:
            return None
        if not blob.is_regular:
            blob.close()
            return None
        return blob

    def show(self, digest: Digest) -> BlobFile | None:
        """The blob for a client, who may count on it for a while; to be closed, None when it is not here."""
        with self._lock:
            blob = self.open(digest)
            if blob is not None:
                blob.touch()
        return blob

    def touch(self, digest: Digest) -> None:
        """Note that clients were told of the blob until now, if it is here."""
        blob = self.show(digest)
        if blob is not None:
            blob.close()

    def adopt(self, source: Path, digest: Digest) -> None:
        """Make the verified and synced file `source` the blob.

        What was under the digest is replaced, never kept: pushing again repairs what disk or hand has spoilt.
        """
        target = Path(self._path(digest))
        make_directory(target.parent)
        with self._lock:
            os.utime(source)  # its last byte may have come long ago
            source.replace(target)
        sync_directory(target.parent)

    def link(self, other: Blobs, digest: Digest) -> bool:
        """Whether the blob of `other` is here now, as a second name of the same file if it was not before."""
        target = Path(self._path(digest))
        make_directory(target.parent)
        with self._lock:
            try:
                target.hardlink_to(other._path(digest))
            except FileExistsError:
                is_new = False  # it was here before, or somebody else was faster
            except OSError:
                return False  # not there, another file system, too many names: the client uploads
            else:
                is_new = True
            with contextlib.suppress(PermissionError):  # see BlobFile.touch
                os.utime(target)
        if is_new:
            sync_directory(target.parent)
        return True

    def remove(self, digest: Digest) -> bool:
        """Whether there was such a blob; there is none any more."""
        path = Path(self._path(digest))
        try:
            with self._lock:
                path.unlink()
        except FileNotFoundError:
            return False
        sync_directory(path.parent)
        return True

    # --- for upkeep ---

    def digests(self) -> Iterator[Digest]:
        """Every blob, in no order. What else lies in the directory is passed over."""
        for entry, digest in self._entries():
            if digest is not None and entry.is_file(follow_symlinks=False):
                yield digest

    def strays(self) -> Iterator[str]:
        """What lies where only blobs should, by its name below the directory; links to files are none."""
        for entry, digest in self._entries():
            if digest is None or not entry.is_file(follow_symlinks=False):
                yield Path(entry.path).relative_to(self._directory).as_posix()

    def _entries(self) -> Iterator[tuple[os.DirEntry[str], Digest | None]]:
        for algorithm in ("sha256", "sha512"):
            try:
                entries = sorted(os.scandir(self._directory / algorithm), key=lambda entry: entry.name)
            except FileNotFoundError:
                continue
            for entry in entries:
                try:
                    yield entry, Digest.parse(f"{algorithm}:{entry.name}")
                except InvalidDigest:
                    yield entry, None

    def undisturbed(self) -> contextlib.AbstractContextManager[object]:
        """While it is held, no blob appears, is told of, or goes. For steps that wait for nothing."""
        return self._lock

    def status(self, digest: Digest) -> os.stat_result | None:
        """What the file system says of the blob, None when there is none or it is no plain file."""
        try:
            found = Path(self._path(digest)).lstat()
        except FileNotFoundError:
            return None
        return found if stat.S_ISREG(found.st_mode) else None

    def is_unseen(self, digest: Digest, since: float) -> bool:
        """Whether the blob is here, and no client was told so since `since` (seconds, of the file system)."""
        found = self.status(digest)
        return found is not None and found.st_mtime < since

    def set_aside(self, digest: Digest, since: float, aside: Path) -> os.stat_result | None:
        """What the blob was that is now called `aside`; None if it has been seen since `since`, or is not here."""
        with self._lock:
            if not self.is_unseen(digest, since):
                return None
            found = self.status(digest)
            Path(self._path(digest)).rename(aside)
            return found

    def exchange(self, digest: Digest, file: tuple[int, int], aside: Path, good: Path | None, spare: Path) -> bool:
        """Whether the `file` under the digest, by inode and size, is called `aside` now, with `good` in its place.

        Without a `good` one, nothing is in its place. Not done when another file has come meanwhile. `spare` names
        no file yet, on this file system.
        """
        path = Path(self._path(digest))
        with self._lock:
            status = self.status(digest)
            if status is None or (status.st_ino, status.st_size) != file:
                return False
            if good is None:
                path.rename(aside)
            else:
                spare.hardlink_to(good)
                aside.hardlink_to(path)
                spare.replace(path)
        sync_directory(aside.parent)
        sync_directory(path.parent)
        return True

    def locate(self, digest: Digest) -> Path:
        """Where the blob is or would be."""
        return Path(self._path(digest))

    def locate_stray(self, name: str) -> Path:
        """Where one of `strays` is."""
        return self._directory / name
