"""What registries and networks do wrong. Each names the registry, and what was asked of it."""

from __future__ import annotations

import math

from wpkg.errors import RegistryError


class Unreachable(RegistryError):
    """No answer: no connection, no name, no time. One that `is_passing` may be gone in a moment."""

    def __init__(self, message: str, *, hint: str | None = None, is_passing: bool = True) -> None:
        super().__init__(message, hint=hint)
        self.is_passing = is_passing


class NotFound(RegistryError):
    """The registry does not have it."""


class Unauthorized(RegistryError):
    """The registry asks for credentials, or refuses those that it got."""


class UnexpectedAnswer(RegistryError):
    """An answer that the protocol does not allow here."""


class AskedToWait(UnexpectedAnswer):
    """The registry has too much to do, or cannot do anything just now: status 429 or 503."""

    def __init__(self, message: str, status: int, seconds: float | None) -> None:
        hint = f"it asks to try again in {math.ceil(seconds)} seconds" if seconds is not None else None
        super().__init__(message, hint=hint)
        self.status = status
        self.seconds = seconds  # after which it asks to try again; None where it does not say


class Offline(RegistryError):
    """The network was needed and is forbidden."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} is not in the cache, and --offline forbids to ask the registry",
            hint="run the command once without --offline",
        )
