"""The root directory: which repositories there are, where each lies, and that only one process serves them.

A repository's name is its directory below the root. Names nest, so `a/blobs` would lie inside of repository
`a`: components that the layout uses for itself get a `_` in front, with which no component begins.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

from registry_shim.errors import DamagedStore, RootInUse, UnusableRoot
from registry_shim.limits import DEFAULT_UPLOADS
from registry_shim.store.bare import is_bare, remove_bare
from registry_shim.store.blobs import Blobs
from registry_shim.store.disk import make_directory
from registry_shim.store.layout import BLOBS_DIRECTORY, LAYOUT_FILE, QUARANTINE_DIRECTORY, UPLOADS_DIRECTORY
from registry_shim.store.quarantine import Quarantine
from registry_shim.store.records import INDEX_FILE, JOURNAL_FILE
from registry_shim.store.repository import Repository
from registry_shim.store.salvage import lacks_layout, rebuild_records, restore_layout
from wpkg.oci.reference import is_repository_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from registry_shim.limits import UploadLimits
    from wpkg.oci.digest import Digest

LOCK_FILE = ".lock"
_INSIDE = (BLOBS_DIRECTORY, UPLOADS_DIRECTORY, QUARANTINE_DIRECTORY)  # of a repository: no repositories lie there
RESERVED_COMPONENTS = frozenset({BLOBS_DIRECTORY, INDEX_FILE, JOURNAL_FILE, LAYOUT_FILE})


def directory_of(path: str) -> str:
    """Where repository `path` lies below the root."""
    return "/".join(f"_{part}" if part in RESERVED_COMPONENTS else part for part in path.split("/"))


def repository_in(directory: str) -> str:
    """The repository that lies in `directory` below the root; no repository's path if none can."""
    parts = directory.split("/")
    return "/".join(part[1:] if part[1:] in RESERVED_COMPONENTS and part[0] == "_" else part for part in parts)


class Store:
    """Every repository below one root. Safe for several threads; for one process at a time.

    `new_id` gives 32 hexadecimal digits that nobody can guess: whoever knows a session's may write to it. Where
    `is_sparse`, manifests may name what their repository does not have.

    Raises: UnusableRoot, RootInUse.
    """

    def __init__(
        self,
        root: Path,
        new_id: Callable[[], str],
        limits: UploadLimits = DEFAULT_UPLOADS,
        *,
        is_sparse: bool = False,
    ) -> None:
        self._root = root
        self._new_id = new_id
        self._limits = limits
        self._is_sparse = is_sparse
        self._lock = threading.Lock()
        self._repositories: dict[str, Repository] = {}
        self._held: Counter[str] = Counter()  # by how many each is being changed
        try:
            make_directory(root)
            self._lock_handle = os.open(root / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o666)
            fcntl.flock(self._lock_handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._lock_handle)
            raise RootInUse(
                f"another registry-shim serves '{root}'", hint="stop it, or give another --root"
            ) from error
        except OSError as error:
            raise UnusableRoot(
                f"'{root}' cannot hold a registry: {error.strerror}",
                hint="give a directory that can be written to",
            ) from error
        self._recover()

    def find(self, path: str) -> Repository | None:
        """The repository at `path`, None when there is none. Reads its index on first use.

        Raises: DamagedStore.
        """
        repository = self._repositories.get(path)
        if repository is not None or not is_repository_path(path):
            return repository
        directory = self._root / directory_of(path)
        if not Repository.exists(directory):
            return None
        with self._lock:
            # Looked at again, for it may have been loaded by somebody else, or pruned.
            if path not in self._repositories and Repository.exists(directory):
                self._repositories[path] = self._open(Repository.load, directory)
            return self._repositories.get(path)

    @contextmanager
    def holding(self, path: str) -> Iterator[Repository | None]:
        """The repository at `path`, None when there is none, for whoever removes something there.

        Raises: DamagedStore.
        """
        with self._kept(path):
            yield self.find(path)

    @contextmanager
    def creating(self, path: str) -> Iterator[Repository]:
        """The repository at `path`, created when there is none, for whoever begins something there.

        Raises: DamagedStore.
        """
        with self._kept(path):
            yield self.obtain(path)

    @contextmanager
    def _kept(self, path: str) -> Iterator[None]:
        """While it is entered, the repository is not pruned."""
        with self._lock:
            self._held[path] += 1
        try:
            yield
        finally:
            with self._lock:
                self._held[path] -= 1
                if not self._held[path]:
                    del self._held[path]

    def obtain(self, path: str) -> Repository:
        """The repository at `path`, a valid one, created when there is none. Raises: DamagedStore.

        One with nothing in it may be pruned at any time: whoever shares the store uses `creating`.
        """
        repository = self.find(path)
        if repository is not None:
            return repository
        directory = self._root / directory_of(path)
        with self._lock:
            if path not in self._repositories:
                make = Repository.load if Repository.exists(directory) else Repository.create
                self._repositories[path] = self._open(make, directory)
            return self._repositories[path]

    def _open(self, make: Callable[..., Repository], directory: Path) -> Repository:
        return make(directory, self._new_id, self._limits, is_sparse=self._is_sparse)

    def is_loaded(self, path: str) -> bool:
        """Whether the repository is in memory, so that `find` neither reads nor waits."""
        return path in self._repositories

    def mount(
        self, digest: Digest, source: str | None, target: str, is_allowed: Callable[[str], bool] | None = None
    ) -> bool:
        """Whether repository `target` has the blob now, as a second name of the one of `source`.

        Without a `source`, of any repository that has it; never of one that is not allowed. Raises: DamagedStore.
        """
        if source is None:
            return any(
                self._link(origin, digest, target)
                for path, origin in self._all_blobs()
                if is_allowed is None or is_allowed(path)
            )
        if is_allowed is not None and not is_allowed(source):
            return False
        origin = self.find(source)
        return origin is not None and self._link(origin.blobs, digest, target)

    def _link(self, origin: Blobs, digest: Digest, target: str) -> bool:
        if origin.size(digest) is None:
            return False
        with self.creating(target) as repository:
            return repository.blobs.link(origin, digest)

    def _all_blobs(self) -> Iterator[tuple[str, Blobs]]:
        """The blobs of every repository, of those in memory first; opens none of the others."""
        for path, repository in list(self._repositories.items()):
            yield path, repository.blobs
        for directory, names, files in os.walk(self._root):
            names[:] = [name for name in names if name not in _INSIDE]
            if LAYOUT_FILE in files:
                path = repository_in(Path(directory).relative_to(self._root).as_posix())
                yield path, Blobs(Path(directory) / BLOBS_DIRECTORY)

    def paths(self) -> Iterator[str]:
        """Every repository, by name. Opens none of them."""
        for path, files in self._walk():
            if LAYOUT_FILE in files:
                yield path

    def _walk(self) -> Iterator[tuple[str, list[str]]]:
        """The directories where a repository may lie, as its name, and the files in each."""
        for directory, names, files in os.walk(self._root):
            names[:] = sorted(name for name in names if name not in _INSIDE)
            path = repository_in(Path(directory).relative_to(self._root).as_posix())
            if is_repository_path(path):
                yield path, files

    def stamps(self) -> Iterator[tuple[str, str]]:
        """Every repository with a text that changes whenever its manifests or tags have. Opens none of them."""
        for path in self.paths():
            directory = self._root / directory_of(path)
            yield path, ",".join(_stamp(directory / name) for name in (INDEX_FILE, JOURNAL_FILE))

    # --- upkeep ---

    def lost_paths(self) -> Iterator[str]:
        """What was a repository, by all that lies there, and is none for lack of an `oci-layout`."""
        for path, files in self._walk():
            if LAYOUT_FILE not in files and lacks_layout(self.directory(path)):
                yield path

    def directory(self, path: str) -> Path:
        """Where a repository lies."""
        return self._root / directory_of(path)

    def blobs(self, path: str) -> Blobs:
        """The blobs of a repository, which may be too damaged to be opened."""
        repository = self._repositories.get(path)
        return repository.blobs if repository is not None else Blobs(self.directory(path) / BLOBS_DIRECTORY)

    def quarantine(self, path: str) -> Quarantine:
        """Where damaged things of a repository are put."""
        return Quarantine(self.directory(path) / QUARANTINE_DIRECTORY)

    def restore_layout(self, path: str) -> None:
        """Have an `oci-layout`, by which the directory is a repository."""
        restore_layout(self.directory(path), self._new_id)

    def rebuild(self, path: str) -> Repository:
        """The repository at `path`, which could not be opened, with records made from what there is."""
        with self._lock:
            rebuild_records(self.directory(path), self._new_id)
        repository = self.find(path)
        if repository is None:
            raise RuntimeError(f"{path} has an oci-layout")
        return repository

    def prune(self, path: str, since: float, *, is_dry_run: bool = False) -> bool:
        """Whether the repository has had nothing since `since`, seconds of the file system; it is no more then."""
        with self._lock:
            repository = self._repositories.get(path)
            if repository is None or path in self._held or len(repository.snapshot()):
                return False
            directory = self.directory(path)
            if not is_bare(directory, since):
                return False
            if not is_dry_run:
                repository.close()  # the journal may still take back what the index lists
                del self._repositories[path]
                remove_bare(directory, self._root)
            return True

    def now(self) -> float:
        """The time by the clock that dates the files, in seconds."""
        os.utime(self._lock_handle)
        return os.fstat(self._lock_handle).st_mtime

    def close(self) -> None:
        """Leave every repository as a plain image layout, and the root to others."""
        with self._lock:
            for repository in self._repositories.values():
                repository.close()
            self._repositories.clear()
            os.close(self._lock_handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _recover(self) -> None:
        """Compact what a killed process left in journals, so that other tools read it too."""
        for path in self._with_journal():
            try:
                self.find(path)
            except DamagedStore:
                continue  # it says so to whoever asks for it; the others are fine

    def _with_journal(self) -> Iterator[str]:
        for directory, names, files in os.walk(self._root):
            names[:] = [name for name in names if name not in _INSIDE]
            if JOURNAL_FILE in files and (Path(directory) / JOURNAL_FILE).stat().st_size:
                yield repository_in(Path(directory).relative_to(self._root).as_posix())


def _stamp(path: Path) -> str:
    try:
        found = path.stat()
    except FileNotFoundError:
        return "-"
    return f"{found.st_ino}:{found.st_size}:{found.st_mtime_ns}"
