"""How wide text is, and how to make it fit.

Widths are those of Helvetica (Arial and Liberation Sans have the same), in thousandths of the font's size, from
Adobe's font metrics. They are taken with a margin, for where another font stands in.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

FONT = "Helvetica, Arial, 'Liberation Sans', sans-serif"
ELLIPSIS = "…"
_WORD_ENDS = ":/-_. "
_MARGIN = 1.12  # DejaVu Sans, the widest that is common, is 13 % wider, its bold 18 %; boxes have padding
_FIRST = 0x20  # the tables start with the space and end with '~'
# fmt: off
_REGULAR = (
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556,
    556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667,
    556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556,
    556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722,
    500, 500, 500, 334, 260, 334, 584,
)
_BOLD = (
    278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556,
    556, 556, 556, 556, 333, 333, 584, 584, 584, 611, 975, 722, 722, 722, 722, 667, 611, 778, 722, 278, 556, 722,
    611, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 333, 278, 333, 584, 556, 333, 556,
    611, 556, 611, 556, 333, 611, 611, 278, 278, 556, 278, 889, 611, 611, 611, 611, 389, 556, 333, 611, 556, 778,
    556, 556, 500, 389, 280, 389, 584,
)
# fmt: on
_OTHER = 1000  # of a character that the tables do not have: as wide as Latin, Greek or Cyrillic letters get
_EMOJI = 1400
_FIRST_EMOJI = 0x1F000


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """At most how wide `text` is drawn, in the unit of `size`, the font's."""
    table = _BOLD if bold else _REGULAR
    return sum(_character_width(c, table) for c in text) * size / 1000 * _MARGIN


def _character_width(character: str, table: Sequence[int]) -> int:
    index = ord(character) - _FIRST
    if 0 <= index < len(table):
        return table[index]
    if unicodedata.combining(character):
        return 0
    return _EMOJI if ord(character) >= _FIRST_EMOJI else _OTHER


def fit(text: str, size: float, width: float, *, bold: bool = False) -> str:
    """`text`, or as much of its beginning and end as fits into `width`, with an ellipsis between."""
    if text_width(text, size, bold=bold) <= width:
        return text
    for kept in range(len(text) - 1, 0, -1):
        head = (kept + 1) // 2
        short = text[:head] + ELLIPSIS + text[len(text) - (kept - head) :]
        if text_width(short, size, bold=bold) <= width:
            return short
    return ELLIPSIS


def two_lines(text: str, size: float, width: float, *, bold: bool = False) -> list[str]:
    """`text` in one line if it fits into `width`, else in two, broken where words end; what is left out shows."""
    if text_width(text, size, bold=bold) <= width:
        return [text]
    ends = [i + 1 for i, c in enumerate(text[:-1]) if c in _WORD_ENDS]
    fitting = [end for end in ends if text_width(text[:end], size, bold=bold) <= width]
    if not fitting:
        return [fit(text, size, width, bold=bold)]
    at = next(
        (e for e in fitting if text[e - 1] in ":/" and text_width(text[e:], size, bold=bold) <= width), fitting[-1]
    )
    return [text[:at], fit(text[at:], size, width, bold=bold)]


def wrap(words: Sequence[str], size: float, width: float, most: int | None = None) -> list[str]:
    """`words` joined by commas in lines of at most `width`; after `most` lines, how many more there are."""
    lines: list[str] = []
    for i, word in enumerate(words):
        item = fit(word, size, width - text_width(",", size)) + ("," if i + 1 < len(words) else "")
        if lines and text_width(f"{lines[-1]} {item}", size) <= width:
            lines[-1] = f"{lines[-1]} {item}"
        elif most is not None and len(lines) == most:
            return [*lines[:-1], _with_rest(lines[-1], len(words) - i, size, width)]
        else:
            lines.append(item)
    return lines


def _with_rest(line: str, left: int, size: float, width: float) -> str:
    """`line` with as many of its words as leave room to say how many are missing."""
    words = line.removesuffix(",").split(", ")
    while True:
        said = ", ".join([*words, f"+{left} more"])
        if len(words) == 1 or text_width(said, size) <= width:
            return said if text_width(said, size) <= width else f"+{left + len(words)} more"
        words.pop()
        left += 1
