"""The trust policy of the gate: a TOML file with a `[trust]` table, as in `wasmcloud.toml`.

The file and the keys that it names are looked at before every use and read again when one of them has changed.
A file that has become unreadable leaves no policy, and so nothing is accepted, until it is mended: going on under
the old rules could mean going on to trust a key that was being revoked.
"""

from __future__ import annotations

import logging
import threading
import tomllib
from typing import TYPE_CHECKING

from registry_shim.errors import PolicyUnreadable
from wpkg.documents.toml_lines import place_of
from wpkg.documents.toml_table import Table
from wpkg.errors import WpkgError
from wpkg.trust.policy import InvalidTrustPolicy, TrustPolicy
from wpkg.trust.policy_table import read_policy

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger("registry_shim")

Stamp = tuple[int, int, int] | None  # inode, size, time of change; None for a file that is not there


class PolicyFile:
    """The policy in a file. Safe for several threads.

    Raises: InvalidTrustPolicy and other InvalidInput, for a file that cannot be used to begin with.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._stamps: dict[Path, Stamp] = {}
        self._policy: TrustPolicy | None = self._read()
        self._revision = 0

    def current(self) -> tuple[int, TrustPolicy]:
        """The policy as the files have it now, and a number that changes with it. Raises: PolicyUnreadable."""
        with self._lock:
            if any(_stamp(path) != stamp for path, stamp in self._stamps.items()):
                self._read_again()
            if self._policy is None:
                raise PolicyUnreadable("the trust policy of this registry cannot be read; its log says why")
            return self._revision, self._policy

    def reload(self) -> None:
        """Read the files again, whether they have changed or not."""
        with self._lock:
            self._read_again()

    def _read_again(self) -> None:
        self._revision += 1
        try:
            self._policy = self._read()
        except WpkgError as error:
            self._policy = None
            logger.error("nothing is accepted until the policy is mended: %s", error)  # noqa: TRY400 - a sentence
        else:
            logger.warning("the trust policy was read again")

    def _read(self) -> TrustPolicy:
        self._stamps = {}
        text = self._text()
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise InvalidTrustPolicy(f"not valid TOML: {error}").within(str(self._path)) from error
        try:
            trust = Table(document, "", InvalidTrustPolicy).table("trust")
            if trust is None:
                raise InvalidTrustPolicy("it has no [trust] table", hint="write 'version = 1' under [trust]")
            policy = read_policy(trust.values, lambda name: self._bytes(self._path.parent / name))
            _refuse_what_others_enforce(policy)
        except WpkgError as error:
            raise error.within(place_of(str(self._path), text, error.context)) from None
        return policy

    def _text(self) -> str:
        try:
            return self._bytes(self._path).decode()
        except UnicodeDecodeError as error:
            raise InvalidTrustPolicy("it is not UTF-8").within(str(self._path)) from error

    def _bytes(self, path: Path) -> bytes:
        # The stamp is taken first: a change while the file is read is noticed the next time.
        self._stamps[path] = _stamp(path)
        try:
            return path.read_bytes()
        except OSError as error:
            raise InvalidTrustPolicy(f"'{path}' cannot be read: {error.strerror}") from error


def _refuse_what_others_enforce(policy: TrustPolicy) -> None:
    """Raises: InvalidTrustPolicy for what a registry cannot look up."""
    if any(rule.require_inputs_signed for _, rule in policy.rules):
        raise InvalidTrustPolicy(
            "a registry sees only what it keeps itself, so require-inputs-signed cannot be enforced here",
            hint="let those who pull enforce it, by their own policy or 'wpkg verify --inputs'",
        )


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
