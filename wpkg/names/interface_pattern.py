"""Which imports a rule is about.

Grammar::

    pattern ::= '*' | words ':*' | words ':' words '/*' | words ':' words '/' label ( '@' version )? | plainname

Without a version it is about every version. There is no wildcard for a part of a word.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Self

from msgspec import Struct

from wpkg.errors import InvalidInput
from wpkg.names.extern_name import parse_extern_name
from wpkg.names.package_name import WORDS, InvalidName

if TYPE_CHECKING:
    from collections.abc import Iterable

_WILD = re.compile(rf"\*|{WORDS}:\*|{WORDS}:{WORDS}/\*")


class InvalidInterfacePattern(InvalidInput):
    """A text is not a pattern of imports."""


class InterfacePattern(Struct, frozen=True):
    """A pattern, as it is written."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """The pattern that `text` spells. Raises: InvalidInterfacePattern."""
        if _WILD.fullmatch(text) is None:
            try:
                parse_extern_name(text)
            except InvalidName:
                raise InvalidInterfacePattern(
                    f"{text[:80]!a} is not a pattern of imports",
                    hint="write 'wasi:sockets/tcp', 'wasi:sockets/tcp@0.2.0', 'wasi:sockets/*', 'wasi:*' or '*'",
                ) from None
        return cls(text)

    def matches(self, name: str) -> bool:
        """Whether it is about `name`: an interface, or an import by plain name."""
        if self.text.endswith("*"):
            return name.startswith(self.text[:-1]) and (self.text == "*" or ":" in name)
        interface = parse_extern_name(name)
        return self.text in (name, interface.unversioned if interface is not None else name)

    def __str__(self) -> str:
        return self.text


def first_match(patterns: Iterable[InterfacePattern], name: str) -> InterfacePattern | None:
    """The first of `patterns` that is about `name`."""
    return next((pattern for pattern in patterns if pattern.matches(name)), None)
