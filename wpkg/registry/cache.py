"""The cache: content by digest, never by name, shared by all projects and processes of a user.

Layout::

    blobs/<algorithm>/<hex>          content, as in an OCI layout
    partial/<algorithm>-<hex>        content on its way, held by the process that writes it
    proofs/<algorithm>-<hex>.json    which signatures a manifest had when it was verified last: digests of content;
                                     and the repositories where it had any
    access                           shared by whoever uses the cache, exclusive for whoever throws something away

What is read is verified, each time: a damaged file counts as not there, is said, and is replaced when its content
comes again. Content gets its place when it is whole, by a rename, so that no reader needs to wait, and a process
that ends at any point leaves at most a partial file, which the next one that wants the content writes anew. Nobody
waits until the disk has it: after a power cut, verification finds what is missing.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import threading
import time
import weakref
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from wpkg.documents.strict_json import Members, dump_json, load_json
from wpkg.errors import InvalidInput, WpkgError
from wpkg.oci.digest import ContentMismatch, Digest, check_content
from wpkg.oci.reference import Repository
from wpkg.registry.access import EXCLUSIVE, SHARED, gain_access
from wpkg.registry.disk import reason, replacing, temporary_beside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from wpkg.oci.descriptor import Descriptor

Result = TypeVar("Result")

_TAG_FILE = "CACHEDIR.TAG"  # https://bford.info/cachedir/: programs that make backups leave the folder out
_TAG = b"Signature: 8a477f597d28d172789f06886806bc55\n# This folder is the cache of wpkg; it can be removed.\n"


class CacheUnusable(WpkgError):
    """The cache's folder cannot be read or written."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            f"the cache cannot be used: {path}: {reason(error)}",
            hint="make room or correct the permissions, or let WPKG_CACHE_DIR name another folder",
        )


class Cache:
    """A folder of verified content. May be used by several threads at once."""

    def __init__(self, root: Path, warn: Callable[[str], object] = lambda _: None) -> None:
        self.root = root
        self._warn = warn
        self._starting = threading.Lock()
        self._shared: Callable[[], object] | None = None  # gives back the access, once we have it

    def path(self, digest: Digest) -> Path:
        """Where content of `digest` is, or would be. What is there is not verified."""
        return self.root.joinpath("blobs", digest.algorithm, digest.encoded)

    # --- reading -----------------------------------------------------------------------------------

    def read(self, digest: Digest) -> bytes | None:
        """Small content, verified; None when it is not here. Raises: CacheUnusable."""
        data = self.peek(digest)
        if data is not None:
            _note_use(self.path(digest))
        return data

    def peek(self, digest: Digest) -> bytes | None:
        """The same, without that it counts as used. Raises: CacheUnusable."""
        path = self.path(digest)
        try:
            with _opened(path) as file:
                data = file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise CacheUnusable(path, error) from error
        if Digest.of(data, digest.algorithm) != digest:
            self._warn_of(digest)
            return None
        return data

    def verified_path(self, content: Descriptor) -> Path | None:
        """The file that holds `content`, read through and verified; None when it is not here.

        It stays for as long as this object does.

        Raises: CacheUnusable; ContentMismatch when `content` says another size than what has its digest.
        """
        self._share()
        found, size = self._look(content.digest)
        if found != content.digest:
            if found is not None:
                self._warn_of(content.digest)
            return None
        if size != content.size:
            raise ContentMismatch(f"{content.digest} has {size} bytes, its descriptor says {content.size}")
        path = self.path(content.digest)
        _note_use(path)
        return path

    def has(self, digest: Digest) -> bool:
        """Whether content of `digest` is here, read through and good. Raises: CacheUnusable."""
        return self._look(digest)[0] == digest

    def is_damaged(self, digest: Digest) -> bool:
        """Whether something else is in the place of `digest`. Raises: CacheUnusable."""
        return self._look(digest)[0] not in (None, digest)

    def _look(self, digest: Digest) -> tuple[Digest | None, int]:
        """The digest and the bytes of what is in the place of `digest`; None and 0 where nothing is."""
        path = self.path(digest)
        try:
            with _opened(path) as file:
                found = hashlib.file_digest(file, digest.algorithm)
                return Digest(digest.algorithm, found.hexdigest()), file.tell()
        except FileNotFoundError:
            return None, 0
        except OSError as error:
            raise CacheUnusable(path, error) from error

    def _warn_of(self, digest: Digest) -> None:
        self._warn(f"the cached copy of {digest.short} is damaged and is not used")

    # --- writing -----------------------------------------------------------------------------------

    def write(self, digest: Digest, data: bytes) -> None:
        """Keep `data`, whose digest must be `digest`. Raises: ContentMismatch, CacheUnusable."""
        check_content(data, digest, None, f"content {digest}")
        with self._placing(digest) as file:
            if file is not None:
                file.write(data)

    def fill(
        self,
        content: Descriptor,
        download: Callable[[Callable[[memoryview], object]], object],
        waiting: Callable[[], object] = lambda: None,
    ) -> Path:
        """The file that holds `content` after `download` has passed every chunk of it to a sink.

        `download` verifies what it passes (as Registry.download_blob does), and raises when it is not `content`;
        then nothing is kept. It is not called when another process has brought the content meanwhile: of those
        that want the same, one works and the others wait, with `waiting` called now and then; it may raise.

        Raises: CacheUnusable.
        """
        with self._placing(content.digest, waiting) as file:
            if file is not None:
                download(file.write)
        return self.path(content.digest)

    @contextlib.contextmanager
    def _placing(self, digest: Digest, waiting: Callable[[], object] = lambda: None) -> Iterator[BinaryIO | None]:
        """An empty file that takes its place as content when the block ends well; None when content is there."""
        path = self.path(digest)
        partial = self.root.joinpath("partial", f"{digest.algorithm}-{digest.encoded}")
        self._share()
        try:
            partial, descriptor = _hold(partial, waiting)
            with os.fdopen(descriptor, "wb") as file:
                if self.has(digest):
                    partial.unlink()
                    yield None
                    return
                try:
                    if os.fstat(descriptor).st_size:  # somebody who died has left it
                        file.truncate()
                    yield file
                    file.flush()
                    _with_folder(path, lambda: os.replace(partial, path))  # noqa: PTH105 - takes half as long
                except BaseException:
                    partial.unlink(missing_ok=True)
                    raise
        except OSError as error:
            raise CacheUnusable(partial, error) from error

    # --- proofs ------------------------------------------------------------------------------------

    def proofs(self, manifest: Digest) -> list[Digest] | None:
        """The referrers that were known of `manifest` when it was last verified; None when it never was."""
        try:
            data = self.proofs_path(manifest).read_bytes()
            return [Digest.parse(text) for text in Members(load_json(data)).texts("referrers")]
        except (FileNotFoundError, InvalidInput):
            return None
        except OSError as error:
            raise CacheUnusable(self.proofs_path(manifest), error) from error

    def keep_proofs(self, manifest: Digest, referrers: Sequence[Digest], repository: Repository) -> None:
        """Remember which referrers `manifest` has in `repository`; their content must be in the cache.

        Where it was seen before is remembered, too; the referrers are those seen last. Raises: CannotWrite.
        """
        self._share()
        places = sorted({*map(str, self.repositories(manifest)), str(repository)})
        with replacing(self.proofs_path(manifest), durable=False) as file:
            file.write(dump_json({"referrers": [str(digest) for digest in referrers], "repositories": places}))

    def repositories(self, manifest: Digest) -> list[Repository]:
        """Where `manifest` was when its referrers were asked for. Raises: CacheUnusable."""
        try:
            texts = Members(load_json(self.proofs_path(manifest).read_bytes())).texts("repositories")
            return [Repository.parse(text) for text in texts]
        except (FileNotFoundError, InvalidInput):
            return []
        except OSError as error:
            raise CacheUnusable(self.proofs_path(manifest), error) from error

    def proven(self) -> list[Digest]:
        """The manifests of which referrers are remembered, sorted. Raises: CacheUnusable."""
        folder = self.root / "proofs"
        try:
            names = sorted(path.stem for path in folder.iterdir() if path.suffix == ".json")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise CacheUnusable(folder, error) from error
        found = []
        for name in names:
            with contextlib.suppress(InvalidInput):  # what a process that died has left over
                found.append(Digest.parse(name.replace("-", ":", 1)))
        return found

    def proofs_path(self, manifest: Digest) -> Path:
        """Where the proofs of `manifest` are, or would be."""
        return self.root / "proofs" / f"{manifest.algorithm}-{manifest.encoded}.json"

    # --- access ------------------------------------------------------------------------------------

    def _share(self) -> None:
        """Keep others from throwing anything away for as long as this object lives."""
        with self._starting:
            if self._shared is None:
                descriptor = self._access(SHARED, lambda: None)
                self._shared = weakref.finalize(self, os.close, descriptor) if descriptor is not None else _nothing

    @contextlib.contextmanager
    def exclusive_access(self, waiting: Callable[[], object]) -> Iterator[None]:
        """Nobody else uses the cache for the length of a block; `waiting` is called while somebody still does.

        Raises: CacheUnusable.
        """
        with self._starting:
            if self._shared is not None:
                self._shared()
                self._shared = None
            descriptor = self._access(EXCLUSIVE, waiting)
            self._shared = _nothing
        try:
            yield
        finally:
            with self._starting:
                self._shared = None
                if descriptor is not None:
                    os.close(descriptor)

    def _access(self, kind: int, waiting: Callable[[], object]) -> int | None:
        """The open file that stands for access to the cache; None where it has none, and may only be read."""
        path = self.root / "access"
        try:
            descriptor = self._open_access_file(path)
            if descriptor is not None:
                gain_access(descriptor, kind, waiting)
        except OSError as error:
            raise CacheUnusable(path, error) from error
        return descriptor

    def _open_access_file(self, path: Path) -> int | None:
        with contextlib.suppress(FileNotFoundError):
            return os.open(path, os.O_RDONLY)  # enough for either kind, and whoever may only read can do it
        if self.root.is_dir() and not os.access(self.root, os.W_OK):
            return None
        self.root.mkdir(parents=True, exist_ok=True)
        with replacing(self.root / _TAG_FILE, durable=False) as file:
            file.write(_TAG)
        return os.open(path, os.O_CREAT | os.O_RDONLY, 0o666)


def _nothing() -> None:
    """What there is to give back where access was not needed."""


def _hold(partial: Path, waiting: Callable[[], object]) -> tuple[Path, int]:
    """A file that nobody else writes, and its descriptor: `partial`, once whoever has it is done.

    Where the file system knows no exclusive access it is another one beside it.
    """
    while True:
        descriptor = _with_folder(partial, lambda: os.open(partial, os.O_CREAT | os.O_RDWR, 0o644))
        try:
            known = gain_access(descriptor, EXCLUSIVE, waiting)
            if known and _is_still(partial, descriptor):
                return partial, descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        if not known:
            partial.unlink(missing_ok=True)
            return temporary_beside(partial)


def _with_folder(path: Path, put: Callable[[], Result]) -> Result:
    """What `put` returns, which puts something in the place of `path`; a folder is made where there is none."""
    try:
        return put()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return put()


def _is_still(path: Path, descriptor: int) -> bool:
    """Whether the open file still has its name: whoever had it before may have moved or removed it."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _opened(path: Path) -> io.FileIO:
    """A file to be read; where the system can do it, so that its time of last access stays. Raises: OSError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOATIME", 0))
    except PermissionError:  # it is somebody else's file
        descriptor = os.open(path, os.O_RDONLY)
    return io.FileIO(descriptor)


def _note_use(path: Path) -> None:
    """Let the time of its last access be now. The time of its last change is left to tell whether it changed."""
    with contextlib.suppress(OSError):  # in a folder of somebody else
        os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
