"""Every limit of the registry, with its unit. No other module spells out such a number."""

from __future__ import annotations

from dataclasses import dataclass

from wpkg.oci import manifest

MIB = 1024 * 1024  # bytes

MAX_MANIFEST_SIZE = manifest.MAX_MANIFEST_SIZE  # bytes of a manifest or index; a longer one gets a 413
CHUNK_SIZE = MIB  # bytes of a blob that are received, hashed or written at a time, and so held per transfer
SEND_SIZE = 256 * 1024  # bytes of a body that are sent at a time, and so held per transfer
FILE_SEND_SIZE = 1536 * 1024  # bytes that the system is told to send from a file at a time; nobody holds them
SHARED_SEND_SIZE = FILE_SEND_SIZE // 2  # the same, where several clients take turns
LOCAL_SEND_BUFFER = 512 * 1024  # bytes that wait in the system for a client on this machine
IMMEDIATE_READ_SIZE = 64 * 1024  # bytes; up to here a read is cheaper than handing it to a worker thread
WORKER_THREADS = 8  # threads that hash, write and sync files
UPSTREAM_THREADS = 64  # threads more where another registry has to be waited for

SESSION_LIFETIME_SECONDS = 7 * 24 * 3600  # seconds without a byte after which an upload session is forgotten
EXPIRY_CHECK_SECONDS = 3600  # seconds between two looks for such sessions

COMPACT_AFTER = 1000  # journal entries; at least, see Repository
MAX_PAGE_DIGITS = 9  # digits of `n` in a list request; more mean "as many as there are"
MAX_WARNING_LENGTH = 1000  # bytes; clients read 4096 over all (distribution-spec v1.1.1, "Warnings")
MAX_ECHO_LENGTH = 160  # characters of what a client sent that an error repeats

MAX_PASSWORD_CHECKS = WORKER_THREADS // 2  # that run at a time; the other threads go on serving
REMEMBERED_PASSWORDS = 1024  # that were found right or wrong

MAX_BLOB_SIZE = 10 * 1024 * MIB  # bytes of a blob
MAX_UPLOADS = 1000  # open upload sessions of a repository
MIN_FREE_SPACE = 16 * MIB  # bytes of the disk that uploads leave, so that deleting stays possible

MAX_CONNECTIONS = 512  # at a time; each may hold a file open, and a process has 1024 by default
SPARE_CONNECTIONS = 64  # beyond these, that are told so; more are closed without a word
HEAD_SECONDS = 15  # seconds in which the head of a request must be complete
BODY_IDLE_SECONDS = 60  # seconds without a byte after which the upload of a body is given up
MIN_RATE = 1024  # bytes a second; a body that takes longer than that, and the above, is given up, either way
KEEP_ALIVE_SECONDS = 75  # seconds that an idle connection stays open; clients reuse them
SHUTDOWN_GRACE_SECONDS = 3  # seconds that running requests get to end after a signal
LISTEN_BACKLOG = 2048  # connections that may wait to be accepted


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """What a client may leave in the store."""

    blob_size: int = MAX_BLOB_SIZE
    sessions: int = MAX_UPLOADS
    free_space: int = MIN_FREE_SPACE


DEFAULT_UPLOADS = UploadLimits()


@dataclass(frozen=True, slots=True)
class TransferLimits:
    """What a client may cost the server in connections and time."""

    connections: int = MAX_CONNECTIONS
    head_seconds: float = HEAD_SECONDS
    idle_seconds: float = BODY_IDLE_SECONDS
    rate: int = MIN_RATE

    def patience(self, size: int) -> float:
        """The seconds that `size` bytes may take."""
        return self.idle_seconds + size / self.rate


DEFAULT_TRANSFERS = TransferLimits()
