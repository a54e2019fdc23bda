"""Names and passwords, as requests carry them (RFC 7617), and whether they are right.

bcrypt is slow on purpose, a tenth of a second or more. What has been found right or wrong is remembered for as
long as the hash that it was compared with stays the same, under a keyed digest that is worth nothing outside
this process.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from msgspec import Struct

from registry_shim.limits import MAX_PASSWORD_CHECKS, REMEMBERED_PASSWORDS

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
BCRYPT_READS = 72  # bytes of a password; htpasswd cuts the rest off, like every bcrypt before


class Credentials(Struct, frozen=True):
    """Who somebody says they are, and the proof."""

    name: str
    password: str


class TooManyChecks(Exception):
    """So many passwords are being checked that another one has to wait."""


def read_credentials(header: str) -> Credentials | None:
    """What an `Authorization` header says; None for what is not a name and a password."""
    scheme, _, encoded = header.strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    name, colon, password = text.partition(":")
    return Credentials(name, password) if colon and name and _CONTROL.search(text) is None else None


class Verifier:
    """Whether passwords are right. Safe for several threads. `secret` is random, and this process's own."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, bool] = OrderedDict()
        self._running: dict[bytes, threading.Event] = {}
        self._busy = 0  # threads that check, or wait for one that checks the same

    def known(self, hashes: Mapping[str, bytes], given: Credentials) -> bool | None:
        """Whether the password is right; None where that would have to be checked first."""
        with self._lock:
            return self._known.get(self._key(hashes.get(given.name, b""), given))

    def is_right(self, hashes: Mapping[str, bytes], given: Credentials) -> bool:
        """Whether the password is right. Raises: TooManyChecks."""
        expected = hashes.get(given.name, b"")
        key = self._key(expected, given)
        with self._lock:
            known = self._known.get(key)
            if known is not None:
                self._known.move_to_end(key)
                return known
            if self._busy >= MAX_PASSWORD_CHECKS:
                raise TooManyChecks
            self._busy += 1
            running = self._running.get(key)
            if running is None:
                mine = self._running[key] = threading.Event()
        try:
            if running is None:
                self._check(key, mine, expected or _stand_in(hashes), given, is_known=bool(expected))
            else:
                running.wait()
            with self._lock:
                return self._known.get(key, False)
        finally:
            with self._lock:
                self._busy -= 1

    def _check(
        self, key: bytes, done: threading.Event, expected: bytes, given: Credentials, *, is_known: bool
    ) -> None:
        """Compare, and remember. Somebody who does not exist takes as long as somebody who does."""
        import bcrypt

        found = False
        try:
            if expected:
                found = bcrypt.checkpw(given.password.encode()[:BCRYPT_READS], expected) and is_known
        finally:
            with self._lock:
                self._known[key] = found
                while len(self._known) > REMEMBERED_PASSWORDS:
                    self._known.popitem(last=False)
                del self._running[key]
            done.set()

    def _key(self, expected: bytes, given: Credentials) -> bytes:
        # No name has a NUL, nor has a hash: read_credentials and read_htpasswd see to it.
        parts = (expected, given.name.encode(), given.password.encode())
        return hashlib.blake2b(b"\0".join(parts), key=self._secret).digest()


def _stand_in(hashes: Mapping[str, bytes]) -> bytes:
    """The hash that is compared with for nobody: the one that takes longest."""
    return max(hashes.values(), key=lambda value: value[4:6], default=b"")
