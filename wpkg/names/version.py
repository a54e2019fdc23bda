"""Versions: Semantic Versioning 2.0.0, their tracks, and their spelling as OCI tags.

Grammar (semver.org, "Backus-Naur Form Grammar for Valid SemVer Versions")::

    version    ::= number '.' number '.' number ( '-' identifiers )? ( '+' identifiers )?
    number     ::= '0' | [1-9] [0-9]*

A tag may not contain '+'; it is written '_' there (the convention of Helm and wasm.directory).
"""

from __future__ import annotations

import re
from typing import Self

from msgspec import Struct

from wpkg.errors import InvalidInput

NUMBER = r"0|[1-9][0-9]*"
_PRE = r"(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
PRE_RELEASE = rf"{_PRE}(?:\.{_PRE})*"
BUILD = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_VERSION = re.compile(rf"({NUMBER})\.({NUMBER})\.({NUMBER})(?:-({PRE_RELEASE}))?(?:\+({BUILD}))?")

MAX_VERSION_LENGTH = 128  # characters; a tag cannot be longer either


class InvalidVersion(InvalidInput):
    """A text is not a version or a requirement."""


_PreKey = tuple[tuple[int, int, str], ...]


def _pre_release_key(pre: str) -> tuple[int, _PreKey]:
    """Precedence of a pre-release: numbers before words; fewer before more."""
    return (
        0,
        tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in pre.split(".")),
    )


_RELEASE: tuple[int, _PreKey] = (1, ())  # above every pre-release


class Version(Struct, frozen=True):
    """One version. Ordered by precedence, then by build metadata so that any order is total."""

    major: int
    minor: int
    patch: int
    pre: str = ""
    build: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """The version that `text` spells, without a leading 'v'. Raises: InvalidVersion."""
        match = _VERSION.fullmatch(text) if len(text) <= MAX_VERSION_LENGTH else None
        if match is None:
            raise InvalidVersion(
                f"'{text[:MAX_VERSION_LENGTH]}' is not a version",
                hint="a version is MAJOR.MINOR.PATCH, for example 1.4.0 or 1.4.0-rc.1",
            )
        return cls(int(match[1]), int(match[2]), int(match[3]), match[4] or "", match[5] or "")

    @classmethod
    def from_tag(cls, tag: str) -> Self | None:
        """The version that a tag stands for; None for tags that are none (`latest`, `sha256-…`, `1.0.0_raw`).

        A leading 'v' is accepted. `_raw` marks the raw sibling of a version, so it is never build metadata.
        """
        if tag.endswith(RAW_SUFFIX):
            return None
        text = tag[1:] if tag[:1] == "v" else tag
        if _VERSION.fullmatch(spelled := text.replace("_", "+", 1)) is None:
            return None
        return cls.parse(spelled)

    @property
    def tag(self) -> str:
        """The tag that this version is published under."""
        return str(self).replace("+", "_")

    @property
    def raw_tag(self) -> str:
        """The tag of the raw component beside a composed one."""
        return self.tag + RAW_SUFFIX

    @property
    def track(self) -> str | None:
        """The semver track, `1` or `0.3`: on one track the higher version stands in for the lower.

        None where only the exact version will do: `0.0.z` and pre-releases.
        """
        if self.pre:
            return None
        if self.major:
            return str(self.major)
        return f"0.{self.minor}" if self.minor else None

    @property
    def line(self) -> tuple[int, int, int]:
        """The release line, as cargo has it: of versions of one line a project has one, of two lines both.

        `1.x.y`, `0.x.y` with the same x, or exactly `0.0.z`; a pre-release belongs to the line of its release.
        """
        if self.major:
            return (self.major, 0, 0)
        return (0, self.minor, 0) if self.minor else (0, 0, self.patch)

    @property
    def place(self) -> tuple[int, int, int, tuple[int, _PreKey], str]:
        """What versions are compared by; a sort is faster by it."""
        pre = _pre_release_key(self.pre) if self.pre else _RELEASE
        return (self.major, self.minor, self.patch, pre, self.build)

    def __lt__(self, other: object) -> bool:
        return self.place < other.place if isinstance(other, Version) else NotImplemented

    def __le__(self, other: object) -> bool:
        return self.place <= other.place if isinstance(other, Version) else NotImplemented

    def __gt__(self, other: object) -> bool:
        return self.place > other.place if isinstance(other, Version) else NotImplemented

    def __ge__(self, other: object) -> bool:
        return self.place >= other.place if isinstance(other, Version) else NotImplemented

    def __str__(self) -> str:
        pre = f"-{self.pre}" if self.pre else ""
        build = f"+{self.build}" if self.build else ""
        return f"{self.major}.{self.minor}.{self.patch}{pre}{build}"


RAW_SUFFIX = "_raw"
