"""The error tree: one class per exit code, refined by the package that finds the fault.

An error holds one sentence (`str`), where in the input the fault lies (`context`, outermost first),
and what can be done about it (`hint`). It never prints, logs or exits. Whoever catches one on the way
out may say more precisely where with `within`, and lets the same error go on.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, Self

if TYPE_CHECKING:
    from collections.abc import Mapping


class WpkgError(Exception):
    """What went wrong with what, for reasons outside the program."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.context: tuple[str, ...] = ()

    def within(self, *context: str) -> Self:
        """The same error, said to lie within `context` (outermost first)."""
        self.context = (*context, *self.context)
        return self

    @property
    def code(self) -> str:
        """A stable name for programs: the class name in kebab case, `malformed-component`."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", type(self).__name__).lower()

    @property
    def details(self) -> Mapping[str, Any]:
        """What a program is told beyond the sentence, as JSON."""
        return {}

    def __str__(self) -> str:
        return ": ".join((*self.context, self.message))


class InvalidInput(WpkgError):
    """A reference, project file, component, key or option is not what it has to be."""

    exit_code = 2


class NoSolution(WpkgError):
    """No set of versions satisfies the requirements."""

    exit_code = 3


class CompositionError(WpkgError):
    """The components cannot be composed."""

    exit_code = 4


class NotTrusted(WpkgError):
    """A signature, provenance, policy or capability rule is not satisfied."""

    exit_code = 5


class RegistryError(WpkgError):
    """The registry or the network did not do its part."""

    exit_code = 6


class LockOutOfDate(WpkgError):
    """`wpkg.lock` does not say what the project file or the registry says."""

    exit_code = 7
