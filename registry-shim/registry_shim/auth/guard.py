"""The two files, and the services that stand behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_shim.auth.access import for_every_user, read_access
from registry_shim.auth.auth import Auth
from registry_shim.auth.credentials import Verifier
from registry_shim.auth.htpasswd import read_htpasswd
from registry_shim.auth.watched import Watched
from registry_shim.errors import InvalidAccessRules, InvalidPasswordFile

if TYPE_CHECKING:
    from pathlib import Path

    from registry_shim.auth.access import Access
    from registry_shim.protocol.service import Service


class Guard:
    """Passwords and rules from files. `secret` is random, and this process's own.

    Raises: InvalidPasswordFile, InvalidAccessRules.
    """

    def __init__(self, htpasswd: Path, access: Path | None, secret: bytes) -> None:
        self._hashes = Watched(htpasswd, read_htpasswd, InvalidPasswordFile)
        self._access = Watched(access, read_access, InvalidAccessRules) if access is not None else None
        self._secret = secret
        strangers = self._rules().names - self._hashes.current().keys()
        if strangers and access is not None:
            raise InvalidAccessRules(
                f"'{min(strangers)}' has no line in '{htpasswd}'", hint="mend the name, or add the person first"
            ).within(str(access))

    def before(self, service: Service) -> Auth:
        """The service, for those who may."""
        return Auth(service, self._hashes.current, self._rules, Verifier(self._secret))

    def is_public(self) -> bool:
        """Whether there is anything to read without a password. Raises: RulesUnreadable."""
        return self._rules().is_public

    def reload(self) -> None:
        """Read the files again, whether they have changed or not."""
        self._hashes.reload()
        if self._access is not None:
            self._access.reload()

    def _rules(self) -> Access:
        return self._access.current() if self._access is not None else for_every_user()
