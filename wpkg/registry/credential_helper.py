"""Programs that keep passwords: `docker-credential-<name>` (docker/docker-credential-helpers, README).

`get` and `erase` take the server's name on stdin, `store` a JSON object; `get` answers with one. Nothing secret is
ever an argument, and what a program prints is never shown.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from wpkg.errors import WpkgError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping

TIMEOUT = 60.0  # seconds; a person may have to unlock a keychain
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NOT_FOUND = b"credentials not found"


class HelperFailed(WpkgError):
    """A credential helper is missing or did not do what it was asked to."""


def ask_helper(name: str, server: str, environment: Mapping[str, str]) -> tuple[str, str] | None:
    """User name and secret for `server`; None when the helper has none. Raises: HelperFailed."""
    done = _run(name, "get", server.encode(), environment)
    if done.returncode:
        if _NOT_FOUND in done.stdout or _NOT_FOUND in done.stderr:
            return None
        raise HelperFailed(f"credential helper '{name}' failed with status {done.returncode}")
    try:
        answer = json.loads(done.stdout)
        user, secret = answer["Username"], answer["Secret"]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise HelperFailed(f"credential helper '{name}' did not answer as one does") from None
    if not isinstance(user, str) or not isinstance(secret, str):
        raise HelperFailed(f"credential helper '{name}' did not answer as one does")
    return (user, secret) if secret else None


def give_helper(name: str, server: str, user: str, secret: str, environment: Mapping[str, str]) -> None:
    """Have a helper keep a password. Raises: HelperFailed."""
    message = json.dumps({"ServerURL": server, "Username": user, "Secret": secret}).encode()
    done = _run(name, "store", message, environment)
    if done.returncode:
        raise HelperFailed(f"credential helper '{name}' did not store the password (status {done.returncode})")


def erase_from_helper(name: str, server: str, environment: Mapping[str, str]) -> None:
    """Have a helper forget a password. Raises: HelperFailed."""
    done = _run(name, "erase", server.encode(), environment)
    if done.returncode and _NOT_FOUND not in done.stdout and _NOT_FOUND not in done.stderr:
        raise HelperFailed(f"credential helper '{name}' did not erase the password (status {done.returncode})")


def _run(
    name: str, action: str, message: bytes, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[bytes]:
    import subprocess

    if _NAME.fullmatch(name) is None:
        raise HelperFailed(f"'{name[:80]}' is not the name of a credential helper")
    command = [f"docker-credential-{name}", action]
    pipe = subprocess.PIPE
    try:
        # What is run is named in the user's own configuration.
        with subprocess.Popen(  # noqa: S603
            command, stdin=pipe, stdout=pipe, stderr=pipe, env=dict(environment)
        ) as process:
            try:
                out, err = process.communicate(message, TIMEOUT)
            except BaseException:
                process.kill()  # and wait for it alone: what it has started may hold the pipes for longer
                raise
        return subprocess.CompletedProcess(command, process.returncode, out, err)
    except FileNotFoundError:
        raise HelperFailed(f"there is no program docker-credential-{name}") from None
    except subprocess.TimeoutExpired:
        raise HelperFailed(f"credential helper '{name}' did not answer within {TIMEOUT:.0f} seconds") from None
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise HelperFailed(f"credential helper '{name}' cannot be run: {reason}") from None
