"""Amounts as people write them.

Grammar::

    size ::= number (('k' | 'm' | 'g' | 't') 'i'?)? 'b'?      upper or lower case; 'i' means powers of 1024
    age  ::= number ('s' | 'm' | 'h' | 'd' | 'w') | '0'       m are minutes

A number has at most 15 digits before its point, which is more than anything measures.
"""

from __future__ import annotations

import re

from wpkg.errors import InvalidInput

_NUMBER = r"([0-9]{1,15}(?:\.[0-9]+)?)"
_SIZE = re.compile(rf"{_NUMBER} *(?:([kmgt])(i?))?b?", re.IGNORECASE | re.ASCII)
_AGE = re.compile(rf"{_NUMBER} *([smhdw])|0", re.IGNORECASE | re.ASCII)
_ECHO = 80  # characters of what is no amount that an error repeats
_PREFIXES = "kmgt"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


class InvalidAmount(InvalidInput):
    """A text is not an amount."""


def read_size(text: str) -> int:
    """The bytes that `text` says. Raises: InvalidAmount."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise InvalidAmount(f"'{text[:_ECHO]}' is not a size", hint="write it as 500MB, 2GB or 1.5GiB")
    number, prefix, binary = match.groups()
    power = _PREFIXES.index(prefix.lower()) + 1 if prefix else 0
    return int(float(number) * (1024 if binary else 1000) ** power)


def read_age(text: str) -> float:
    """The seconds that `text` says. Raises: InvalidAmount."""
    match = _AGE.fullmatch(text.strip())
    if match is None:
        raise InvalidAmount(f"'{text[:_ECHO]}' is not a length of time", hint="write it as 12h, 30d or 8w")
    return float(match[1]) * _SECONDS[match[2].lower()] if match[1] else 0.0


def size_text(count: int) -> str:
    """So many bytes, for people: `18.4 MB`."""
    if count < 1000:  # noqa: PLR2004
        return f"{count} byte{'' if count == 1 else 's'}"
    amount, unit = float(count), ""
    for prefix in _PREFIXES:
        amount, unit = amount / 1000, f"{prefix if prefix == 'k' else prefix.upper()}B"
        if amount < 999.95:  # noqa: PLR2004 - what is not shown as 1000.0
            break
    return f"{amount:.1f} {unit}"


def age_text(seconds: float) -> str:
    """How long ago, for people: `3 hours`."""
    for unit, name in (("d", "day"), ("h", "hour"), ("m", "minute")):
        count = int(seconds // _SECONDS[unit])
        if count:
            return f"{count} {name}{'' if count == 1 else 's'}"
    return "less than a minute"
