"""What registries say in headers. Pure; whatever a header holds, reading it ends in a value or in None.

Grammars: `WWW-Authenticate` RFC 9110 section 11.6.1, `Link` RFC 8288 section 3, `Retry-After` RFC 9110 section
10.2.3, `Content-Range` RFC 9110 section 14.4, `Warning` as distribution-spec v1.1.1, "Warnings", uses it::

    challenges ::= challenge ( ',' challenge )*
    challenge  ::= scheme ( ' ' parameter ( ',' parameter )* )?
    parameter  ::= token '=' ( token | '"' text '"' )         spaces around '=' and unquoted URLs are let pass
"""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_HEADER = 16 * 1024  # characters of one header that are looked at

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_GAP = re.compile(r"[\s,]*")
_PARAMETER = re.compile(rf'({_WORD})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))', re.DOTALL)
_SCHEME = re.compile(_WORD)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_LINK = re.compile(r"<([^<>]*)>([^<]*)")
_REL_NEXT = re.compile(r';\s*rel\s*=\s*(?:next\b|"(?:[^"]*\s)?next(?:\s[^"]*)?")', re.IGNORECASE)
_CONTENT_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19}|\*)", re.ASCII)
_WARNING = re.compile(r'\b299\s+\S+\s+"((?:[^"\\]|\\.)*)"')


class Challenge(Struct, frozen=True):
    """One way in which a server would be convinced. Scheme and names of parameters in lower case."""

    scheme: str
    parameters: Mapping[str, str]


def parse_challenges(value: str) -> list[Challenge]:
    """The challenges in a `WWW-Authenticate` header; what follows something unreadable is left out."""
    value = value[:MAX_HEADER]
    found: list[tuple[str, dict[str, str]]] = []
    at = 0
    while True:
        gap = _GAP.match(value, at)
        at = gap.end() if gap else at
        parameter = _PARAMETER.match(value, at) if found else None
        if parameter is not None:
            name, quoted, plain = parameter.groups()
            text = plain if quoted is None else _ESCAPE.sub(r"\1", quoted)
            found[-1][1].setdefault(name.lower(), text)
            at = parameter.end()
            continue
        scheme = _SCHEME.match(value, at)
        if scheme is None:
            return [Challenge(name, parameters) for name, parameters in found]
        found.append((scheme[0].lower(), {}))
        at = scheme.end()


def parse_next_link(value: str) -> str | None:
    """The target that a `Link` header calls `next`."""
    for target, parameters in _LINK.findall(value[:MAX_HEADER]):
        if _REL_NEXT.search(parameters):
            return str(target)
    return None


def parse_retry_after(value: str, now: float) -> float | None:
    """The seconds that a `Retry-After` header asks to wait, `now` in seconds since 1970."""
    text = value.strip()
    if text.isascii() and text.isdecimal():
        return float(text[:12])
    try:
        date = parsedate_to_datetime(text)
        return max(0.0, (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def parse_content_range(value: str) -> tuple[int, int, int | None] | None:
    """First byte, last byte and total (None where unknown) of a `Content-Range` header."""
    match = _CONTENT_RANGE.fullmatch(value.strip())
    if match is None or int(match[1]) > int(match[2]):
        return None
    return int(match[1]), int(match[2]), None if match[3] == "*" else int(match[3])


def parse_warnings(value: str) -> list[str]:
    """The texts of a registry's `Warning` headers."""
    return [_ESCAPE.sub(r"\1", text) for text in _WARNING.findall(value[:MAX_HEADER])]
