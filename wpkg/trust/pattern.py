"""Which repositories a trust rule is for.

Grammar::

    pattern ::= '**' | host ( '/**' | '/' path ( '/**' )? )
    host    ::= registry of `wpkg.oci.reference`, with ':*' for any port or none

`a/**` is everything below `a`, not `a` itself. There is no scheme, tag or digest, and no other wildcard.
"""

from __future__ import annotations

import re
from typing import Self

from msgspec import Struct

from wpkg.errors import InvalidInput
from wpkg.oci.reference import PATH, REGISTRY

_PATTERN = re.compile(rf"{REGISTRY}/(?:\*\*|{PATH}(?:/\*\*)?)")
EVERYTHING = "**"
_ANY_PORT = ":*"


class InvalidPattern(InvalidInput):
    """A text is not a pattern of repositories."""


def normalize_repository(text: str) -> str:
    """`text` in the spelling in which repositories are compared.

    Hosts are lower-cased and the port of https is dropped, so that no other spelling of a registry escapes
    its rule.
    """
    host, slash, path = text.partition("/")
    return host.lower().removesuffix(":443") + slash + path


class RepositoryPattern(Struct, frozen=True):
    """A pattern, and how much of it is literal."""

    text: str  # as written
    literal: str  # what stands before the first wildcard: the longest one decides which rule applies
    _regex: re.Pattern[str]

    @classmethod
    def parse(cls, text: str) -> Self:
        """The pattern that `text` spells. Raises: InvalidPattern."""
        if text == EVERYTHING:
            return cls(text, "", re.compile(".*", re.DOTALL))
        host, slash, rest = text.partition("/")
        any_port = host.endswith(_ANY_PORT)
        # With a port in the place of the wildcard it is to be a registry.
        if _PATTERN.fullmatch((host[:-1] + "1" if any_port else host) + slash + rest) is None:
            raise InvalidPattern(
                f"{text[:80]!a} is not a pattern of repositories",
                hint="write 'registry/path', 'registry/path/**', 'registry/**', 'host:*/**' or '**'",
            )
        normal = normalize_repository(text)
        literal_host = re.escape(normal.partition("/")[0].removesuffix(_ANY_PORT))
        literal_path = re.escape(rest.removesuffix(EVERYTHING))
        regex = (
            f"{literal_host}{'(?::[0-9]+)?' if any_port else ''}"
            f"/{literal_path}{'.+' if rest.endswith(EVERYTHING) else ''}"
        )
        return cls(text, normal.partition("*")[0], re.compile(regex, re.DOTALL))

    @property
    def is_everything(self) -> bool:
        """Whether it matches every repository."""
        return self.text == EVERYTHING

    def matches(self, repository: str) -> bool:
        """Whether `repository`, as `normalize_repository` spells it, is one of them."""
        return self._regex.fullmatch(repository) is not None

    def __str__(self) -> str:
        return self.text
