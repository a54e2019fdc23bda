"""Extern names: what a component calls its imports and exports.

Grammar (component-model `Explainer.md`, "Import and Export Definitions", 2026-08)::

    externname    ::= plainname | interfacename
    plainname     ::= label | '[constructor]' label | '[method]' label '.' label | '[static]' label '.' label
    interfacename ::= words ':' words '/' label ( '@' version )?
    label         ::= first-fragment ( '-' fragment )*          each all lower or all upper case
    version       ::= semver | canonical version (`1`, `0.2`, `0.0.1`)
"""

from __future__ import annotations

import re
from functools import lru_cache

from msgspec import Struct

from wpkg.names.package_name import WORDS, InvalidName
from wpkg.names.version import NUMBER, InvalidVersion, Version

LABEL = r"(?:[a-z][0-9a-z]*|[A-Z][0-9A-Z]*)(?:-(?:[0-9a-z]+|[0-9A-Z]+))*"
_PLAIN = re.compile(rf"{LABEL}|\[constructor\]{LABEL}|\[(?:method|static)\]{LABEL}\.{LABEL}")
_INTERFACE = re.compile(rf"({WORDS}):({WORDS})/({LABEL})(?:@([0-9A-Za-z.+-]+))?")
_CANONICAL = re.compile(rf"[1-9][0-9]*|0\.[1-9][0-9]*|0\.0\.(?:{NUMBER})")


class InterfaceName(Struct, frozen=True):
    """`namespace:package/interface@version`."""

    namespace: str
    package: str
    interface: str
    version: str  # as written; '' for none

    @property
    def full_version(self) -> Version | None:
        """The version where a full one is written; None for none and for a canonical one."""
        try:
            return Version.parse(self.version) if self.version else None
        except InvalidVersion:
            return None

    @property
    def unversioned(self) -> str:
        """The name without its version."""
        return f"{self.namespace}:{self.package}/{self.interface}"

    def __str__(self) -> str:
        return f"{self.unversioned}@{self.version}" if self.version else self.unversioned


@lru_cache(maxsize=4096)
def parse_extern_name(text: str) -> InterfaceName | None:
    """The interface name in `text`, or None for a plain name. Raises: InvalidName for neither."""
    if match := _INTERFACE.fullmatch(text):
        name = InterfaceName(match[1], match[2], match[3], match[4] or "")
        if name.version and name.full_version is None and not _CANONICAL.fullmatch(name.version):
            raise InvalidName(f"'{text}' has an invalid version '{name.version}'")
        return name
    if _PLAIN.fullmatch(text):
        return None
    raise InvalidName(f"'{text}' is not the name of an import or export")


def uniqueness_key(text: str) -> str:
    """What must differ between the names of one scope (Explainer, "Name Uniqueness": *strongly-unique*)."""
    annotation, bracket, rest = text.rpartition("]")
    plain = rest.lower()
    if annotation == "[constructor":
        return annotation + bracket + plain
    resource, dot, member = plain.partition(".")
    return resource if bracket and dot and resource == member else plain


def resource_of(text: str) -> str | None:
    """The resource in whose scope a name stands: the `r` of `[method]r.m`; None for other names."""
    annotation, bracket, rest = text.rpartition("]")
    return rest.partition(".")[0] if annotation and bracket else None


@lru_cache(maxsize=4096)
def track_key(text: str) -> str:
    """What two names must share to stand for the same thing: the interface on its semver track.

    The name itself where only an exact match will do: plain names, no version, pre-releases, `0.0.z`.
    """
    name = parse_extern_name(text)
    version = name.full_version if name is not None else None
    if name is None or version is None or version.track is None:
        return text
    return f"{name.unversioned}@{version.track}"


def is_canonical(text: str) -> bool:
    """Whether a name has a canonical version, which is all of its semver track."""
    name = parse_extern_name(text)
    return name is not None and name.version != "" and name.full_version is None


def higher_name(left: str, right: str) -> str:
    """The one of two names on one track that has the higher version; `left` when they are equal."""
    lower, upper = _full_version(left), _full_version(right)
    return right if lower is not None and upper is not None and lower < upper else left


def _full_version(text: str) -> Version | None:
    name = parse_extern_name(text)
    return name.full_version if name is not None else None
