"""What is in a cache, and throwing it away. What is no content by its name, a process that died has left over."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.oci.digest import Digest, InvalidDigest
from wpkg.registry.cache import CacheUnusable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from wpkg.registry.cache import Cache


class CacheEntry(Struct, frozen=True):
    """A piece of content."""

    digest: Digest
    size: int  # bytes, as the file system says
    used: float  # when it was last used, in seconds since 1970


class Contents(Struct, frozen=True):
    """Everything in a cache. Nothing of it is verified."""

    entries: tuple[CacheEntry, ...]  # sorted by digest
    leftovers: tuple[Path, ...]  # files that no process will ever need, unless one is writing them now

    @property
    def size(self) -> int:
        """Bytes of all entries."""
        return sum(entry.size for entry in self.entries)


def read_contents(cache: Cache) -> Contents:
    """What is in `cache` now. Raises: CacheUnusable."""
    entries, leftovers = [], [root for root, _ in _files(cache.root / "partial")]
    for path, status in _files(cache.root / "blobs"):
        digest = _digest_of(path)
        if digest is None:
            leftovers.append(path)
        else:
            entries.append(CacheEntry(digest, status.st_size, max(status.st_atime, status.st_mtime)))
    kept = {cache.proofs_path(entry.digest) for entry in entries}
    leftovers += [path for path, _ in _files(cache.root / "proofs") if path not in kept]
    return Contents(tuple(sorted(entries, key=lambda entry: entry.digest)), tuple(sorted(leftovers)))


def _digest_of(path: Path) -> Digest | None:
    try:
        return Digest.parse(f"{path.parent.name}:{path.name}")
    except InvalidDigest:
        return None


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """The files in a folder and in those below it; what vanishes meanwhile is left out."""
    try:
        with os.scandir(folder) as found:
            for item in sorted(found, key=lambda item: item.name):
                if item.is_dir(follow_symlinks=False):
                    yield from _files(folder / item.name)
                else:
                    with contextlib.suppress(FileNotFoundError):
                        yield folder / item.name, item.stat(follow_symlinks=False)
    except FileNotFoundError:
        return
    except OSError as error:
        raise CacheUnusable(folder, error) from error


def remove(cache: Cache, digests: Iterable[Digest], leftovers: Iterable[Path] = ()) -> None:
    """Throw content away, with what was proved about it. Only under the cache's exclusive access.

    Raises: CacheUnusable.
    """
    unwanted = [path for digest in digests for path in (cache.proofs_path(digest), cache.path(digest))]
    for path in (*leftovers, *unwanted):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise CacheUnusable(path, error) from error
