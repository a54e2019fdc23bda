"""Version requirements: cargo's grammar and cargo's rule for pre-releases.

Grammar (doc.rust-lang.org/cargo/reference/specifying-dependencies.html)::

    requirement ::= '*' | comparator ( ',' comparator )*
    comparator  ::= operator? ( partial | wildcard )
    operator    ::= '^' | '~' | '=' | '>=' | '>' | '<=' | '<'         (none means '^')
    partial     ::= number ( '.' number ( '.' number ( '-' pre )? ( '+' build )? )? )?
    wildcard    ::= number '.*' ( '.*' )? | number '.' number '.*'

A wildcard without operator means '='; with one it only leaves the number out. Spaces may stand around
comparators and after operators. A pre-release matches only where a comparator names a pre-release of the
same MAJOR.MINOR.PATCH. Build metadata in a comparator is ignored.
"""

from __future__ import annotations

import re
from typing import Self

from msgspec import Struct

from wpkg.names.version import BUILD, NUMBER, PRE_RELEASE, InvalidVersion, Version

_COMPARATOR = re.compile(
    rf"(\^|~|=|>=|>|<=|<)?\s*({NUMBER})(?:\.({NUMBER}|\*)(?:\.({NUMBER}|\*)(?:-({PRE_RELEASE}))?(?:\+{BUILD})?)?)?"
)


class Comparator(Struct, frozen=True):
    """One clause: the versions from `lower` up to, not including, `upper`."""

    lower: Version | None  # inclusive
    upper: Version | None  # exclusive
    pre_of: tuple[int, int, int] | None  # the version whose pre-releases the clause names

    def admits(self, version: Version) -> bool:
        """Whether `version`, its build metadata aside, lies in the interval."""
        plain = version
        if version.build:
            plain = Version(version.major, version.minor, version.patch, version.pre)
        place = plain.place
        return (self.lower is None or self.lower.place <= place) and (
            self.upper is None or place < self.upper.place
        )


def _next_after(version: Version) -> Version:
    """The least version above `version` in precedence."""
    if version.pre:
        return Version(version.major, version.minor, version.patch, version.pre + ".0")
    return Version(version.major, version.minor, version.patch + 1, "0")


def _floor(major: int, minor: int = 0, patch: int = 0) -> Version:
    """The bound below every version, pre-releases too, that starts with these numbers."""
    return Version(major, minor, patch, "0")


def _caret_upper(major: int, minor: int | None, patch: int | None) -> Version:
    if major or minor is None:
        return _floor(major + 1)
    if minor or patch is None:
        return _floor(0, minor + 1)
    return _floor(0, 0, patch + 1)


def _tilde_upper(major: int, minor: int | None) -> Version:
    return _floor(major + 1) if minor is None else _floor(major, minor + 1)


def _exact_upper(major: int, minor: int | None, patch: int | None, lower: Version) -> Version:
    return _tilde_upper(major, minor) if patch is None else _next_after(lower)


def _comparator(text: str) -> Comparator | None:
    match = _COMPARATOR.fullmatch(text)
    if match is None:
        return None
    operator, major, minor, patch, pre = match.groups()
    if (pre and "*" in (minor, patch)) or (minor == "*" and patch not in (None, "*")):
        return None
    x = int(major)
    y = None if minor in (None, "*") else int(minor)
    z = None if patch in (None, "*") else int(patch)
    lower = Version(x, y or 0, z or 0, pre or "")
    pre_of = (x, y or 0, z or 0) if pre else None
    if operator is None and "*" in (minor, patch):
        operator = "="
    match operator:
        case None | "^":
            return Comparator(lower, _caret_upper(x, y, z), pre_of)
        case "~":
            return Comparator(lower, _tilde_upper(x, y), pre_of)
        case "=":
            return Comparator(lower, _exact_upper(x, y, z, lower), pre_of)
        case ">=":
            return Comparator(lower, None, pre_of)
        case ">":
            return Comparator(_exact_upper(x, y, z, lower), None, pre_of)
        case "<":
            return Comparator(None, lower, pre_of)
        case _:
            return Comparator(None, _exact_upper(x, y, z, lower), pre_of)


class Requirement(Struct, frozen=True):
    """Which versions will do. `text` is as the author wrote it."""

    text: str
    comparators: tuple[Comparator, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """The requirement that `text` spells. Raises: InvalidVersion."""
        if text.strip() == "*":
            return cls("*", ())
        comparators = tuple(_comparator(part.strip()) for part in text.split(","))
        if None in comparators:
            raise InvalidVersion(
                f"'{text}' is not a version requirement",
                hint='write it as cargo does: "1.2", "^0.1", "~1.4.2", ">=1, <3", "=1.0.0-rc.1" or "*"',
            )
        return cls(text.strip(), tuple(c for c in comparators if c is not None))

    def matches(self, version: Version) -> bool:
        """Whether `version` will do."""
        if version.pre and (version.major, version.minor, version.patch) not in {
            comparator.pre_of for comparator in self.comparators
        }:
            return False
        return self.covers(version)

    def covers(self, version: Version) -> bool:
        """Whether `version` lies in the interval, whether or not its pre-releases were asked for."""
        return all(comparator.admits(version) for comparator in self.comparators)

    def __str__(self) -> str:
        return self.text
