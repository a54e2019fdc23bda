"""Every limit of the registry, with its unit. No other module spells out such a number."""

from wpkg.oci import manifest

MIB = 1024 * 1024  # bytes

MAX_MANIFEST_SIZE = manifest.MAX_MANIFEST_SIZE  # bytes of a manifest or index; a longer one gets a 413
CHUNK_SIZE = MIB  # bytes of a blob that are received, hashed or written at a time, and so held per transfer
SEND_SIZE = 256 * 1024  # bytes of a body that are sent at a time, and so held per transfer
IMMEDIATE_READ_SIZE = 64 * 1024  # bytes; up to here a read is cheaper than handing it to a worker thread
WORKER_THREADS = 8  # threads that hash, write and sync files
UPSTREAM_THREADS = 64  # threads more where another registry has to be waited for

SESSION_LIFETIME_SECONDS = 7 * 24 * 3600  # seconds without a byte after which an upload session is forgotten
EXPIRY_CHECK_SECONDS = 3600  # seconds between two looks for such sessions

COMPACT_AFTER = 1000  # journal entries; at least, see Repository
MAX_PAGE_DIGITS = 9  # digits of `n` in a list request; more mean "as many as there are"
MAX_WARNING_LENGTH = 1000  # bytes; clients read 4096 over all (distribution-spec v1.1.1, "Warnings")
MAX_ECHO_LENGTH = 160  # characters of what a client sent that an error repeats

BODY_IDLE_SECONDS = 60  # seconds without a byte after which the upload of a body is given up
KEEP_ALIVE_SECONDS = 75  # seconds that an idle connection stays open; clients reuse them
SHUTDOWN_GRACE_SECONDS = 3  # seconds that running requests get to end after a signal
LISTEN_BACKLOG = 2048  # connections that may wait to be accepted
