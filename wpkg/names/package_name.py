"""Package names.

Grammar (component-model `Explainer.md`, "Import and Export Definitions", 2026-08)::

    package  ::= words ':' words
    words    ::= first-word ( '-' word )*
    first-word ::= [a-z] [0-9a-z]*
    word     ::= [0-9a-z]+
"""

from __future__ import annotations

import re
from typing import Self

from msgspec import Struct

from wpkg.errors import InvalidInput

WORDS = r"[a-z][0-9a-z]*(?:-[0-9a-z]+)*"
_PACKAGE = re.compile(rf"({WORDS}):({WORDS})")


class InvalidName(InvalidInput):
    """A text is not a package, interface or extern name."""


class PackageName(Struct, frozen=True, order=True):
    """`namespace:name`, for example `wasm-pay:messaging-harness`."""

    namespace: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """The name that `text` spells. Raises: InvalidName."""
        match = _PACKAGE.fullmatch(text)
        if match is None:
            raise InvalidName(
                f"'{text}' is not a package name",
                hint="a package name is 'namespace:name', lower-case words joined by '-'",
            )
        return cls(match[1], match[2])

    def __str__(self) -> str:
        return f"{self.namespace}:{self.name}"
