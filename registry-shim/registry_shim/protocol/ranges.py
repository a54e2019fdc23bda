"""Byte ranges: what a client wants of a blob, and what a chunk says it is.

Grammar (RFC 9110 section 14.1.2, and distribution-spec v1.1.1, "Pushing a blob in chunks")::

    Range         ::= 'bytes=' ( first '-' last? | '-' length )
    Content-Range ::= first '-' last                         no unit, both ends included
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from wpkg.errors import InvalidInput

_DIGITS = "[0-9]{1,18}"  # fits into 64 bits
_RANGE = re.compile(rf"bytes=\s*(?:({_DIGITS})-({_DIGITS})?|-({_DIGITS}))\s*")
_CONTENT_RANGE = re.compile(rf"({_DIGITS})-({_DIGITS})")


class UnsatisfiableRange(InvalidInput):
    """No byte lies in the range."""


class MalformedRange(InvalidInput):
    """A text is not a range."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The bytes from `first` to `last`, both included."""

    first: int
    last: int

    @property
    def length(self) -> int:
        """How many bytes that are."""
        return self.last - self.first + 1

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"


def read_range(text: str, size: int) -> ByteRange | None:
    """The part of `size` bytes that the header `text` asks for; None when it is to be ignored.

    Ignored are what is malformed, units other than bytes, several ranges at once, and any suffix of nothing
    (RFC 9110 section 14.2 allows each of that).

    Raises: UnsatisfiableRange, also for a last byte before the first one.
    """
    match = _RANGE.fullmatch(text)
    if match is None:
        return None
    if match[3] is not None:
        length = min(int(match[3]), size)
        if int(match[3]) == 0:
            raise UnsatisfiableRange("a suffix of zero bytes holds no byte")
        return ByteRange(size - length, size - 1) if length else None
    first = int(match[1])
    last = size - 1 if match[2] is None else min(int(match[2]), size - 1)
    if first > last:
        raise UnsatisfiableRange(f"no byte of the {size} lies in the range")
    return ByteRange(first, last)


def read_content_range(text: str) -> ByteRange:
    """Which bytes a chunk says it is. Raises: MalformedRange, UnsatisfiableRange."""
    match = _CONTENT_RANGE.fullmatch(text.strip())
    if match is None:
        raise MalformedRange("the Content-Range of a chunk is '<first byte>-<last byte>', without a unit")
    chunk = ByteRange(int(match[1]), int(match[2]))
    if chunk.length < 1:
        raise UnsatisfiableRange("the chunk ends before it begins")
    return chunk


def received(offset: int) -> str:
    """The `Range` of a session that has `offset` bytes.

    The specification has no form for none; `0-0` is what registries say.
    """
    return f"0-{max(offset - 1, 0)}"
