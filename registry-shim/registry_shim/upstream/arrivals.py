"""Blobs on their way here: each is fetched once, however many ask for it, and passed on while it comes.

A blob is hashed while it is written aside, and becomes one of the repository only when its digest is right. Until
that is known, its last byte is passed on to nobody: a client never has the whole of something else.
"""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry_shim.protocol.messages import BINARY, ErrorCode, not_found
from registry_shim.store.blobs import BlobFile
from registry_shim.upstream.failures import Interrupted
from wpkg.oci.descriptor import Descriptor
from wpkg.registry.errors import NotFound

if TYPE_CHECKING:
    import mmap

    from registry_shim.store.repository import Repository
    from registry_shim.store.uploads import Upload
    from registry_shim.upstream.source import Source
    from wpkg.oci import reference
    from wpkg.oci.digest import Digest

logger = logging.getLogger("registry_shim")


@dataclass(frozen=True, slots=True)
class Fetch:
    """A blob that is to be fetched, from where, and to where."""

    source: Source
    origin: reference.Repository
    name: str  # of the repository here
    target: Repository
    digest: Digest
    size: int  # bytes


class Arrival:
    """How much of a blob is here."""

    def __init__(self, size: int, handle: int) -> None:
        self.size = size  # bytes
        self.handle = handle  # the file that it is written to, to be read
        self._received = 0  # bytes
        self._is_done = False
        self._error: Exception | None = None
        self._changed = threading.Condition()

    def note(self, received: int) -> None:
        """So many bytes are in the file."""
        with self._changed:
            self._received = received
            self._changed.notify_all()

    def end(self, error: Exception | None) -> None:
        """It is here, or it will not come. What is said first counts."""
        with self._changed:
            if not self._is_done and self._error is None:
                self._is_done, self._error = error is None, error
            self._changed.notify_all()

    def may_read(self, end: int) -> bool:
        """Whether the bytes before `end` may be passed on now. Raises: what went wrong."""
        if self._error is not None:
            raise self._error
        return self._is_done or end <= min(self._received, self.size - 1)

    def wait_for(self, end: int) -> None:
        """Wait until the bytes before `end` may be passed on. Raises: what went wrong."""
        with self._changed:
            self._changed.wait_for(lambda: self.may_read(end))


class ArrivingBlob:
    """A `Content` that is still being written. Reading waits for what is to come."""

    def __init__(self, arrival: Arrival) -> None:
        self._arrival = arrival
        self._file = BlobFile(os.dup(arrival.handle))
        self.size = arrival.size  # bytes

    def wait(self) -> None:
        """Wait until all of it is here and in the repository. Raises: what went wrong."""
        self._arrival.wait_for(self.size)

    def wait_for_some(self) -> None:
        """Wait until it begins to come. Raises: what went wrong."""
        self._arrival.wait_for(min(1, self.size))

    def read(self, offset: int, length: int) -> bytes:
        """See Content. Raises: what went wrong."""
        self._arrival.wait_for(min(offset + length, self.size))
        return self._file.read(offset, length)

    def read_cached(self, offset: int, length: int) -> bytearray | None:
        """See Content. Raises: what went wrong."""
        may_read = self._arrival.may_read(min(offset + length, self.size))
        return self._file.read_cached(offset, length) if may_read else None

    def is_cached(self, offset: int, length: int) -> bool:
        """See Content. Raises: what went wrong."""
        return self._arrival.may_read(offset + length) and self._file.is_cached(offset, length)

    def fileno(self) -> int:
        """See Content."""
        return self._file.fileno()

    def map(self) -> mmap.mmap:
        """See Content. Raises: what went wrong."""
        self.wait()
        return self._file.map()

    def close(self) -> None:
        """See Content."""
        self._file.close()


class Arrivals:
    """Every blob that is being fetched. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._arrivals: dict[tuple[str, Digest], Arrival] = {}
        self._is_over = False

    def join(self, fetch: Fetch) -> ArrivingBlob | None:
        """The blob on its way, to be closed by the caller; None when it is in the repository by now.

        Raises: NoSpaceLeft, and Interrupted after `close`.
        """
        key = (fetch.name, fetch.digest)
        with self._lock:
            arrival = self._arrivals.get(key)
            if self._is_over:
                raise Interrupted
            if arrival is None:
                if fetch.target.blobs.size(fetch.digest) is not None:
                    return None
                fetch.target.uploads.check_space(fetch.size)
                upload = fetch.target.uploads.start_temporary()
                arrival = self._arrivals[key] = Arrival(fetch.size, os.open(upload.path, os.O_RDONLY))
                # Not one of the server's workers: those wait for this one.
                threading.Thread(
                    target=self._fetch, args=(fetch, arrival, upload), name="upstream", daemon=True
                ).start()
            return ArrivingBlob(arrival)

    def close(self) -> None:
        """Have everything that is coming end where it is, and let go everybody who waits for it."""
        with self._lock:
            self._is_over = True
            for arrival in self._arrivals.values():
                arrival.end(Interrupted())

    def _fetch(self, fetch: Fetch, arrival: Arrival, upload: Upload) -> None:
        def keep(chunk: memoryview) -> None:
            if self._is_over:
                raise Interrupted
            upload.append(chunk)
            arrival.note(upload.offset)

        blob = Descriptor(BINARY, fetch.digest, fetch.size)
        error: Exception | None = None
        try:
            fetch.source.transfer(lambda client: client.download_blob(fetch.origin, blob, keep))
            fetch.target.adopt(upload, fetch.digest)  # the client has verified it, piece by piece
        except NotFound:
            error = not_found(ErrorCode.BLOB_UNKNOWN, f"{fetch.digest} is not a blob of this repository")
        except Exception as found:  # noqa: BLE001 - raised to whoever waits for the blob
            error = found
        if error is not None:
            fetch.target.uploads.drop(upload)
        arrival.end(error)
        with self._lock:
            del self._arrivals[fetch.name, fetch.digest]
            os.close(arrival.handle)
