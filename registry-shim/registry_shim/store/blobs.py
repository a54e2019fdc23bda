"""The content of a repository, by digest: `blobs/<algorithm>/<encoded>`."""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import TYPE_CHECKING

from registry_shim.store.disk import make_directory, move_into_place, sync_directory

if TYPE_CHECKING:
    from wpkg.oci.digest import Digest


_NO_WAIT: int | None = getattr(os, "RWF_NOWAIT", None)  # Linux


class BlobFile:
    """An open blob. It stays whole while it is open, even when it is deleted or replaced meanwhile."""

    __slots__ = ("_handle", "size")

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self.size = os.fstat(handle).st_size  # bytes

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

    def map(self) -> mmap.mmap:
        """The whole blob as memory, read as it is looked at; to be closed by the caller. Not for size 0."""
        return mmap.mmap(self._handle, 0, access=mmap.ACCESS_READ)

    def close(self) -> None:
        """Let go of the file; once."""
        os.close(self._handle)


class Blobs:
    """The directory `blobs` of one repository. Safe for use by several threads."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

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
            return BlobFile(os.open(self._path(digest), os.O_RDONLY))
        except FileNotFoundError:
            return None

    def adopt(self, source: Path, digest: Digest) -> None:
        """Make the verified and synced file `source` the blob.

        What was under the digest is replaced, never kept: pushing again repairs what disk or hand has spoilt.
        """
        target = Path(self._path(digest))
        make_directory(target.parent)
        move_into_place(source, target)

    def link(self, other: Blobs, digest: Digest) -> bool:
        """Whether the blob of `other` is here now, as a second name of the same file if it was not before."""
        target = Path(self._path(digest))
        make_directory(target.parent)
        try:
            target.hardlink_to(other._path(digest))
        except FileExistsError:
            return True  # it was here before, or somebody else was faster
        except OSError:
            return False  # not there, another file system, too many names: the client uploads
        sync_directory(target.parent)
        return True

    def remove(self, digest: Digest) -> bool:
        """Whether there was such a blob; there is none any more."""
        path = Path(self._path(digest))
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        sync_directory(path.parent)
        return True
