"""What can be wrong with WIT, said with the line on which it stands."""

from __future__ import annotations

import difflib
from bisect import bisect_right
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

_SHOWN = 100  # characters of a line that are shown; a longer name is like no other


class Source:
    """One text and the name people know it by. Each object is equal only to itself."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text

    def __repr__(self) -> str:
        return f"<Source {self.name}>"

    @cached_property
    def _starts(self) -> list[int]:
        """Where each line begins."""
        return [0, *(i + 1 for i, c in enumerate(self.text) if c == "\n")]

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of a character, counted from 1."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def line(self, number: int) -> str:
        """Line `number` without its end."""
        start = self._starts[number - 1]
        end = self._starts[number] if number < len(self._starts) else len(self.text)
        return self.text[start:end].rstrip("\r\n")


class Span(Struct, frozen=True):
    """The characters `start` up to, not including, `end` of a text."""

    source: Source
    start: int
    end: int

    def to(self, other: Span) -> Span:
        """From the start of this one to the end of `other`."""
        return Span(self.source, self.start, other.end)

    def underlined(self) -> str:
        """The line on which it starts, and below it marks under what is meant."""
        line, column = self.source.position(self.start)
        text = self.source.line(line)
        left = max(0, column - 1 - _SHOWN // 2) if len(text) > _SHOWN else 0
        shown = text[left : left + _SHOWN]
        at = column - 1 - left
        width = max(1, min(self.end - self.start, len(shown) - at))
        indent = "".join("\t" if c == "\t" else " " for c in shown[:at])
        return f"{shown}\n{indent}{'^' * width}"


class InvalidWit(InvalidInput):
    """WIT that is not well-formed, or means nothing.

    `span` is None where no single place is at fault. The line is shown in the hint, under `advice`.
    """

    def __init__(self, message: str, span: Span | None, *, advice: str | None = None) -> None:
        if span is None:
            super().__init__(message, hint=advice)
        else:
            line, _ = span.source.position(span.start)
            super().__init__(message, hint=f"{advice or f'see line {line}'}\n{span.underlined()}")
        self.span = span
        self.advice = advice

    @property
    def file(self) -> str | None:
        """The name of the text."""
        return self.span.source.name if self.span is not None else None

    @property
    def line(self) -> int | None:
        """The line, counted from 1."""
        return self.span.source.position(self.span.start)[0] if self.span is not None else None

    @property
    def column(self) -> int | None:
        """The column in characters, counted from 1."""
        return self.span.source.position(self.span.start)[1] if self.span is not None else None

    @property
    def details(self) -> Mapping[str, Any]:
        """Where it is, as JSON."""
        return {"file": self.file, "line": self.line, "column": self.column} if self.span is not None else {}

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}: " if self.span is not None else ""
        return ": ".join((*self.context, where + self.message))


class WitSyntaxError(InvalidWit):
    """A text is not WIT."""


class WitNameError(InvalidWit):
    """A name that nothing has, or that has another kind of thing."""


class InvalidType(InvalidWit):
    """A type that cannot stand where it stands."""


class DuplicateName(InvalidWit):
    """A name that is given twice in one place."""


class RecursiveWit(InvalidWit):
    """Types, interfaces, worlds or packages that need themselves."""


class InvalidGate(InvalidWit):
    """A feature gate that says what cannot be."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The question whether a name like `name` was meant, None when there is none."""
    near = difflib.get_close_matches(name, sorted(known), n=1) if len(name) < _SHOWN else []
    return f"did you mean '{near[0]}'?" if near else None
