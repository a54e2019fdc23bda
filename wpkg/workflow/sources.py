"""Component files while they are being composed: opened, hashed in the background, noticed when they change.

Loads nothing that takes time, so that hashing starts before everything else is even imported.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from msgspec import Struct

from wpkg.errors import InvalidInput
from wpkg.oci.digest import ContentMismatch, Digest
from wpkg.registry.mapping import mapped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import BinaryIO

CHUNK = 2 * 1024 * 1024  # bytes; threads that take smaller ones wait longer for their turns


class ComponentFile(Struct, frozen=True):
    """A component on disk and what it is called. `digest` is None where nobody has computed it yet."""

    name: str
    path: Path
    digest: Digest | None = None
    label: str | None = None  # what it is called inside the composition: never a path


def means_file(text: str) -> bool:
    """Whether a file is meant, and not what is published: it is there, or called like one without a version."""
    is_called_so = text.endswith((".wasm", ".wat")) and not {":", "@"}.intersection(text.rpartition("/")[2])
    return is_called_so or os.path.exists(text)  # noqa: PTH110 - pathlib would have to be loaded first


class Source:
    """One component file: its bytes mapped, its digest once it is known."""

    def __init__(self, file: ComponentFile, data: memoryview, stamp: tuple[int, ...]) -> None:
        self.file = file
        self.data = data
        self.size = len(data)  # bytes
        self._stamp = stamp
        self._hashed = threading.Event()
        self._digest: Digest | None = None
        self._failure: Exception | None = None

    @property
    def digest(self) -> Digest | None:
        """The digest of the file, waited for; None where it is not computed.

        Raises: ContentMismatch when the file is not what it has to be.
        """
        self._hashed.wait()
        if self._failure is not None:
            raise self._failure
        return self._digest

    def leave_unhashed(self) -> None:
        """Nobody needs the digest."""
        self._hashed.set()

    def hash(self) -> None:
        """Compute the digest; what goes wrong is raised where the digest is asked for."""
        expected = self.file.digest
        hashed = hashlib.new(expected.algorithm if expected is not None else "sha256")
        try:
            for chunk in self.chunks(0, self.size):
                hashed.update(chunk)
        except (OSError, ContentMismatch) as error:
            self._failure = error
        else:
            digest = Digest(hashed.name, hashed.hexdigest())
            if expected in (None, digest):
                self._digest = digest
            else:
                self._failure = ContentMismatch(f"{self.file.path} is not {expected} any more, but {digest}")
        finally:
            self._hashed.set()

    def open(self) -> BinaryIO:
        """The file, opened once more. Raises: ContentMismatch when another one is in its place."""
        file = self.file.path.open("rb", buffering=0)
        if _stamp_of(os.fstat(file.fileno())) != self._stamp:
            file.close()
            raise self._changed()
        return file

    def chunks(self, start: int, end: int) -> Iterator[memoryview]:
        """Bytes `start` to `end`, piece by piece in one buffer. Raises: ContentMismatch."""
        with self.open() as file:
            file.seek(start)
            view = memoryview(bytearray(min(CHUNK, end - start)))
            left = end - start
            while left:
                count = file.readinto(view[: min(CHUNK, left)])  # type: ignore[attr-defined]
                if not count:
                    raise self._changed()
                left -= count
                yield view[:count]

    def check_unchanged(self) -> None:
        """Raises: ContentMismatch when the file is not what it was when it was opened."""
        self.open().close()

    def _changed(self) -> ContentMismatch:
        return ContentMismatch(f"{self.file.path} changed while it was being composed")


class Sources:
    """Some component files, open for the length of a block.

    With `all_digests` each is hashed, and else those whose digest is given, or that may be the same as another.
    """

    def __init__(self, files: Sequence[ComponentFile], *, all_digests: bool = True) -> None:
        self._files = files
        self._all_digests = all_digests
        self._stack = ExitStack()
        self._sources: dict[str, Source] = {}

    def __enter__(self) -> Self:
        """Open and map all files and start to hash them. Raises: InvalidInput."""
        with self._stack:
            for file in self._files:
                if file.name in self._sources:
                    raise InvalidInput(
                        f"'{file.name}' is given twice", hint="give each a name of its own: --with NAME=FILE"
                    )
                self._sources[file.name] = self._open(file)
            self._stack = self._stack.pop_all()
        self._hash_in_the_background()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for source in self._sources.values():
            source.data.release()
        self._stack.close()

    def __iter__(self) -> Iterator[Source]:
        return iter(self._sources.values())

    def __getitem__(self, name: str) -> Source:
        return self._sources[name]

    def _open(self, file: ComponentFile) -> Source:
        if not file.path.is_file():
            what = "is a folder" if file.path.is_dir() else "is no file" if file.path.exists() else "is not there"
            raise InvalidInput(f"{file.path} {what}, a component file is needed")
        try:
            stamp = _stamp_of(file.path.stat())
            data = self._stack.enter_context(mapped(file.path))
        except OSError as error:
            reason = (error.strerror or type(error).__name__).lower()
            raise InvalidInput(f"cannot read {file.path}: {reason}") from error
        return Source(file, data, stamp)

    def _hash_in_the_background(self) -> None:
        sizes = Counter(source.size for source in self)
        wanted = []
        for source in self:
            if self._all_digests or source.file.digest is not None or sizes[source.size] > 1:
                wanted.append(source)
            else:
                source.leave_unhashed()
        if wanted:
            threading.Thread(target=_hash_all, args=[wanted], daemon=True).start()


def _hash_all(sources: Sequence[Source]) -> None:
    for source in sources:
        source.hash()


def _stamp_of(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
