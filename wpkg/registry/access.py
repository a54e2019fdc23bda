"""Access to a file, shared or exclusive, between processes and threads (flock(2)).

It is a matter of those who ask for it, and hinders nobody else. The kernel takes it back when the file is closed,
so also when a process ends, however it ends: there is nothing to clean up.
"""

from __future__ import annotations

import errno
import fcntl
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SHARED = fcntl.LOCK_SH
EXCLUSIVE = fcntl.LOCK_EX

_FIRST_PAUSE = 0.005  # seconds between two attempts, then twice as long each time
_LONGEST_PAUSE = 0.1  # seconds
# What file systems answer that have no locks (flock(2); NFS without lockd, some parallel and user-space ones).
_UNKNOWN = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL})


def gain_access(descriptor: int, kind: int, waiting: Callable[[], object]) -> bool:
    """Wait for `SHARED` or `EXCLUSIVE` access to an open file; False where the file system knows no such thing.

    `waiting` is called before each pause, and ends the wait by raising. Raises: OSError.
    """
    pause = _FIRST_PAUSE
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        except OSError as error:
            if error.errno in _UNKNOWN:
                return False
            raise
        else:
            return True
