"""A composition on its way to a file, written and hashed from before it is known in full.

What is long about a composition, the components in it, is known as soon as their files are open; what they mean to
each other is known later. So two threads, one that copies and one that hashes, begin with the pieces that are
probable. When the pieces are decided they go on, from the last one that is right.
"""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from wpkg.compose.pieces import Slice, piece_size
from wpkg.errors import WpkgError
from wpkg.oci.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType
    from typing import BinaryIO

    from wpkg.compose.pieces import Piece
    from wpkg.workflow.sources import Sources

Mark = TypeVar("Mark")

_STEP = 16 * 1024 * 1024  # bytes that the kernel copies before we look whether they are still wanted
# Errors of copy_file_range and fallocate that say "not with these files" (copy_file_range(2), fallocate(2)).
_CANNOT = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.ENODEV})


class Draft:
    """A composition that is being written to `file`, or only hashed; in the making for the length of a block."""

    def __init__(self, sources: Sources, file: BinaryIO | None = None, probable: Sequence[Piece] = ()) -> None:
        self._probable = probable
        self._hashing = _Hashing(sources, probable)
        self._followers: list[_Follower[int] | _Follower[hashlib._Hash]] = [self._hashing]
        if file is not None:
            self._followers.append(_Copying(sources, probable, file.fileno()))

    def __enter__(self) -> Self:
        """Begin with what is probable."""
        for follower in self._followers:
            follower.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._decide(())
        for follower in self._followers:
            follower.join()

    def finish(self, pieces: Sequence[Piece]) -> Digest:
        """Make it of `pieces`, and wait until it is done: its digest. Raises: ContentMismatch, OSError."""
        self._decide(pieces)
        for follower in self._followers:
            follower.join()
            if follower.failure is not None:
                raise follower.failure
        return Digest(self._hashing.hashed.name, self._hashing.hashed.hexdigest())

    def _decide(self, pieces: Sequence[Piece]) -> None:
        pairs = enumerate(zip(self._probable, pieces, strict=False))
        right = next((index for index, (probable, piece) in pairs if probable != piece), len(self._probable))
        for follower in self._followers:
            follower.decide(pieces, min(right, len(pieces)))


class _Follower(threading.Thread, ABC, Generic[Mark]):
    """Takes one piece after the other; can go back to where a piece began."""

    def __init__(self, sources: Sources, probable: Sequence[Piece]) -> None:
        super().__init__(daemon=True)
        self.failure: Exception | None = None
        self._sources = sources
        self._probable = probable
        self._pieces: Sequence[Piece] = ()
        self._right = len(probable)  # pieces from the first on that turned out to be right
        self._decided = threading.Event()

    def decide(self, pieces: Sequence[Piece], right: int) -> None:
        """Say what it is made of; the first `right` pieces are the probable ones."""
        self._pieces, self._right = pieces, right
        self._decided.set()

    def run(self) -> None:
        """Take all pieces; what goes wrong is kept for whoever waits for the end."""
        try:
            self._take_all()
        except (OSError, WpkgError) as error:
            self.failure = error

    def _take_all(self) -> None:
        marks = [self.mark()]
        for index, piece in enumerate(self._probable):
            if self._is_wrong(index):
                break
            for _ in self.take(piece):
                if self._is_wrong(index):
                    break
            marks.append(self.mark())
        self._decided.wait()
        self.rewind(marks[self._right])
        for piece in self._pieces[self._right :]:
            for _ in self.take(piece):
                pass

    def _is_wrong(self, index: int) -> bool:
        """Whether the probable piece `index` is known not to be right."""
        return self._decided.is_set() and index >= self._right

    @abstractmethod
    def take(self, piece: Piece) -> Iterator[None]:
        """Take a piece, step by step."""

    @abstractmethod
    def mark(self) -> Mark:
        """Where it is."""

    @abstractmethod
    def rewind(self, mark: Mark) -> None:
        """Forget what was taken since `mark`."""


class _Hashing(_Follower["hashlib._Hash"]):
    """Computes the digest."""

    def __init__(self, sources: Sources, probable: Sequence[Piece]) -> None:
        super().__init__(sources, probable)
        self.hashed = hashlib.sha256()

    def take(self, piece: Piece) -> Iterator[None]:
        if isinstance(piece, Slice):
            for chunk in self._sources[piece.node].chunks(piece.start, piece.end):
                self.hashed.update(chunk)
                yield
        else:
            self.hashed.update(piece)

    def mark(self) -> hashlib._Hash:
        return self.hashed.copy()

    def rewind(self, mark: hashlib._Hash) -> None:
        self.hashed = mark


class _Copying(_Follower[int]):
    """Appends to a file: inside the kernel where it can, else through a buffer."""

    def __init__(self, sources: Sources, probable: Sequence[Piece], target: int) -> None:
        super().__init__(sources, probable)
        self._target = target
        self._written = 0  # bytes

    def take(self, piece: Piece) -> Iterator[None]:
        _reserve(self._target, self._written, piece_size(piece))
        if not isinstance(piece, Slice):
            self._write(piece)
            return
        source = self._sources[piece.node]
        begin = self._written - piece.start
        with source.open() as file:
            while (position := self._written - begin) < piece.end:
                count = _copy_inside(file.fileno(), self._target, min(_STEP, piece.end - position), position)
                if not count:
                    break
                self._written += count
                yield
        for chunk in source.chunks(position, piece.end):
            self._write(chunk)
            yield

    def mark(self) -> int:
        return self._written

    def rewind(self, mark: int) -> None:
        if mark < self._written:
            os.ftruncate(self._target, mark)
            os.lseek(self._target, mark, os.SEEK_SET)
            self._written = mark

    def _write(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        while view:
            count = os.write(self._target, view)
            self._written += count
            view = view[count:]


def _reserve(target: int, position: int, size: int) -> None:
    """Ask for room, so that a full disk is noticed first. It spares ext4 to find it when the file is renamed."""
    if size and hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(target, position, size)
        except OSError as error:
            if error.errno not in _CANNOT:
                raise


def _copy_inside(source: int, target: int, count: int, position: int) -> int:
    """How many bytes of `source` from `position` on the kernel appended to `target`; 0 where it cannot."""
    if not hasattr(os, "copy_file_range"):
        return 0
    try:
        return os.copy_file_range(source, target, count, position)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
        return 0
