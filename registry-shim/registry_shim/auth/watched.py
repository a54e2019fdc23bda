"""A file that may change while the registry runs, and what was read from it."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

from registry_shim.errors import RulesUnreadable
from wpkg.errors import InvalidInput, WpkgError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

logger = logging.getLogger("registry_shim")

T = TypeVar("T")

Stamp = tuple[int, int, int] | None  # inode, size, time of change; None for a file that is not there


class Watched(Generic[T]):
    """What `read` makes of the text of a file, as the file is now. Safe for several threads.

    Raises: InvalidInput, for a file that cannot be used to begin with.
    """

    def __init__(self, path: Path, read: Callable[[str], T], fault: type[InvalidInput]) -> None:
        self._path = path
        self._read = read
        self._fault = fault
        self._lock = threading.Lock()
        self._stamp: Stamp = None
        self._value: T | None = self._load()

    def current(self) -> T:
        """What the file says now. Raises: RulesUnreadable, when it can no longer be used."""
        if self._stamp != _stamp(self._path):
            with self._lock:
                if self._stamp != _stamp(self._path):
                    self._load_again()
        value = self._value
        if value is None:
            raise RulesUnreadable("this registry cannot tell who may do what; its log says why")
        return value

    def reload(self) -> None:
        """Read the file again, whether it has changed or not."""
        with self._lock:
            self._load_again()

    def _load_again(self) -> None:
        try:
            self._value = self._load()
        except WpkgError as error:
            logger.error("nobody gets in until the file is mended: %s", error)  # noqa: TRY400 - a sentence
        else:
            logger.warning("'%s' was read again", self._path)

    def _load(self) -> T:
        # The value goes before the stamp that lets others use it, and the stamp is of before the reading: a change
        # while the file is read is noticed the next time.
        stamp = _stamp(self._path)
        try:
            value = self._read(self._text())
        except WpkgError as error:
            self._value = None
            raise error.within(str(self._path)) from None
        else:
            self._value = value
            return value
        finally:
            self._stamp = stamp

    def _text(self) -> str:
        try:
            return self._path.read_bytes().decode()
        except UnicodeDecodeError as error:
            raise self._fault("it is not UTF-8") from error
        except OSError as error:
            raise self._fault(f"it cannot be read: {error.strerror}") from error


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
