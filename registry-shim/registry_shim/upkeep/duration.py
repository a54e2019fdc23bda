"""Spans of time as people write them.

Grammar::

    duration ::= '0' | digits unit
    unit     ::= 's' | 'm' | 'h' | 'd'
"""

from __future__ import annotations

import re

from wpkg.errors import InvalidInput

_DURATION = re.compile(r"([0-9]{1,9})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 24 * 3600}


class InvalidDuration(InvalidInput):
    """A text is not a span of time."""


def parse_duration(text: str) -> int:
    """The seconds that `text` spells. Raises: InvalidDuration."""
    if text == "0":
        return 0
    match = _DURATION.fullmatch(text)
    if match is None:
        raise InvalidDuration(
            f"'{text[:160]}' is not a span of time", hint="write a number and s, m, h or d, as in 30m, 24h or 7d"
        )
    return int(match[1]) * _SECONDS[match[2]]
