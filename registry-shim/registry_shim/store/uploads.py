"""Upload sessions of a repository: one file each, whose size is the offset.

Nothing else is kept on disk, so that a session outlives the process: after a restart its size says where to
go on, and its bytes are hashed anew. One request at a time holds a session; a second one is told to wait.
Distribution-spec v1.1.1, "Pushing blobs".
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import threading
from typing import TYPE_CHECKING

from registry_shim.errors import BlobTooLarge, BusyUpload, TooManyUploads, UnknownUpload
from registry_shim.limits import CHUNK_SIZE, DEFAULT_UPLOADS, EXPIRY_CHECK_SECONDS, SESSION_LIFETIME_SECONDS
from registry_shim.store.disk import check_space, write_all
from wpkg.oci.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from registry_shim.limits import UploadLimits
    from wpkg.oci.digest import Bytes

DEFAULT_ALGORITHM = "sha256"
TEMPORARY_PREFIX = "tmp-"

_SESSION = re.compile(r"[0-9a-f]{32}")


class Upload:
    """A session: while it is held an open file, and as far as it is known the hash of its content."""

    def __init__(self, session: str, path: Path) -> None:
        self.session = session
        self.path = path
        self.offset = 0  # bytes received so far
        self._handle: int | None = None
        self._hash: hashlib._Hash | None = None

    def open(self, flags: int = 0) -> None:
        """Begin to hold the session; for `Uploads`, which sees to it that one request does. Raises: OSError."""
        handle = os.open(self.path, os.O_RDWR | os.O_APPEND | flags, 0o666)
        size = os.fstat(handle).st_size
        if size != self.offset:
            self._hash = None  # of fewer or more bytes
        self._handle, self.offset = handle, size

    def close(self) -> None:
        """Hold the session no longer; for `Uploads`."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    @property
    def handle(self) -> int:
        """The open file. Raises: RuntimeError when the session is not held."""
        if self._handle is None:
            raise RuntimeError("the upload session is not held")
        return self._handle

    def hash_with(self, algorithm: str) -> None:
        """Hash with `algorithm` from now on; costs a pass over what was received under another one."""
        if self._hash is not None and self._hash.name == algorithm:
            return
        fresh = hashlib.new(algorithm)
        position = 0
        while position < self.offset:
            chunk = os.pread(self.handle, min(CHUNK_SIZE, self.offset - position), position)
            if not chunk:
                break
            fresh.update(chunk)
            position += len(chunk)
        self._hash = fresh

    def append(self, chunk: Bytes) -> None:
        """Add the next bytes."""
        try:
            write_all(self.handle, chunk)
        except OSError:
            self._hash = None  # some of the chunk may have been written
            self.offset = os.fstat(self.handle).st_size
            raise
        self.offset += memoryview(chunk).nbytes
        if self._hash is not None:
            self._hash.update(chunk)

    def rewind(self, offset: int) -> None:
        """Forget what came after `offset`."""
        if offset != self.offset:
            os.ftruncate(self.handle, offset)
            self.offset, self._hash = offset, None

    def digest(self, algorithm: str) -> Digest:
        """The digest of what was received; costs a pass over it where it was hashed otherwise."""
        self.hash_with(algorithm)
        if self._hash is None:
            raise RuntimeError("hash_with has set it")
        return Digest(algorithm, self._hash.hexdigest())

    def sync(self) -> None:
        """Make the content durable."""
        os.fsync(self.handle)


class Uploads:
    """The directory `_uploads` of one repository. Safe for use by several threads."""

    def __init__(self, directory: Path, new_id: Callable[[], str], limits: UploadLimits = DEFAULT_UPLOADS) -> None:
        self._directory = directory
        self._new_id = new_id
        self._limits = limits
        self._lock = threading.Lock()
        self._sessions: set[str] = set()  # every one, also those from before a restart
        self._known: dict[str, Upload] = {}  # sessions whose hash is known
        self._held: set[str] = set()
        self._checked = 0.0  # when sessions were last looked through, in seconds of the file system's clock

    def temporary(self) -> Path:
        """The name of a file that does not exist, on the file system of the blobs."""
        return self._directory / f"{TEMPORARY_PREFIX}{self._new_id()}"

    def sweep(self) -> None:
        """Remove files that were being written when the process died, and count what can go on."""
        for path in self._directory.glob(f"{TEMPORARY_PREFIX}*"):
            path.unlink(missing_ok=True)
        self._sessions = {path.name for path in self._directory.iterdir() if _SESSION.fullmatch(path.name)}

    def start(self, algorithm: str = DEFAULT_ALGORITHM) -> Upload:
        """A new session, held by the caller and hashed with `algorithm`. Raises: TooManyUploads, NoSpaceLeft."""
        self.check_space(0)
        session = self._new_id()
        with self._lock:
            if len(self._sessions) >= self._limits.sessions:
                raise TooManyUploads(
                    f"this repository has {self._limits.sessions} uploads under way; end or cancel some of them"
                )
            self._sessions.add(session)
        upload = Upload(session, self._directory / session)
        with self._lock:
            self._held.add(session)  # before there is a file that could seem abandoned
        try:
            upload.open(os.O_CREAT | os.O_EXCL)
        except OSError:
            self.release(upload)
            self._sessions.discard(session)
            raise
        upload.hash_with(algorithm)
        with self._lock:
            self._known[session] = upload
        self._expire(os.fstat(upload.handle).st_mtime)
        return upload

    def start_temporary(self) -> Upload:
        """A session that nobody else can know, that is not hashed, and that a restart forgets.

        Raises: NoSpaceLeft.
        """
        self.check_space(0)
        path = self.temporary()
        upload = Upload(path.name, path)
        upload.open(os.O_CREAT | os.O_EXCL)
        return upload

    def check_size(self, size: int) -> None:
        """Nothing, where a blob may have `size` bytes. Raises: BlobTooLarge."""
        if size > self._limits.blob_size:
            raise BlobTooLarge(f"a blob may have {self._limits.blob_size} bytes, this one has more")

    def check_space(self, size: int) -> None:
        """Nothing, where `size` bytes can be written and leave enough of the disk. Raises: NoSpaceLeft."""
        check_space(self._directory, size, self._limits.free_space)

    def _expire(self, now: float) -> None:
        """Forget sessions that nobody has written to for long; `now` is when a file was last made here."""
        if abs(now - self._checked) < EXPIRY_CHECK_SECONDS:
            return
        self._checked = now
        for session, _ in self.abandoned(now - SESSION_LIFETIME_SECONDS):
            self.forget(session, now - SESSION_LIFETIME_SECONDS)

    def abandoned(self, since: float) -> list[tuple[str, int]]:
        """The sessions to which nobody has written since `since`, and how many bytes each has received."""
        found = []
        for path in sorted(self._directory.iterdir()):
            with self._lock, contextlib.suppress(FileNotFoundError):
                status = path.stat()
                if self._is_abandoned(path.name, status, since):
                    found.append((path.name, status.st_size))
        return found

    def forget(self, session: str, since: float) -> bool:
        """Whether the session was abandoned still, and so is no more."""
        path = self._path(session)
        with self._lock, contextlib.suppress(FileNotFoundError):
            if self._is_abandoned(session, path.stat(), since):
                path.unlink()
                self._known.pop(session, None)
                self._sessions.discard(session)
                return True
        return False

    def _is_abandoned(self, name: str, status: os.stat_result, since: float) -> bool:
        return _SESSION.fullmatch(name) is not None and name not in self._held and status.st_mtime < since

    def hold(self, session: str) -> Upload:
        """The session, until `release` or `drop`. Raises: UnknownUpload, BusyUpload."""
        with self._lock:
            if session in self._held:
                raise BusyUpload("another request is writing to this upload session")
            upload = self._known.get(session) or Upload(session, self._path(session))
            try:
                upload.open()
            except FileNotFoundError as error:
                self._known.pop(session, None)
                self._sessions.discard(session)
                raise _unknown() from error
            self._known[session] = upload
            self._held.add(session)
            return upload

    def release(self, upload: Upload) -> None:
        """Let other requests have the session."""
        with self._lock:
            upload.close()
            self._held.discard(upload.session)

    def drop(self, upload: Upload) -> None:
        """End the session and forget what it has received, unless that has become a blob."""
        with self._lock:
            upload.path.unlink(missing_ok=True)
            upload.close()
            self._known.pop(upload.session, None)
            self._held.discard(upload.session)
            self._sessions.discard(upload.session)

    def offset(self, session: str) -> int:
        """How many bytes the session has received. Raises: UnknownUpload."""
        try:
            return self._path(session).stat().st_size
        except FileNotFoundError as error:
            raise _unknown() from error

    def _path(self, session: str) -> Path:
        """Where the session lies. Raises: UnknownUpload for what is no session's name, hence no path."""
        if _SESSION.fullmatch(session) is None:
            raise _unknown()
        return self._directory / session


def _unknown() -> UnknownUpload:
    return UnknownUpload("there is no such upload session in this repository")
