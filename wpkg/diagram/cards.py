"""What is written in each box, measured: lines of text and where they stand."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.diagram.text import fit, text_width, two_lines, wrap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wpkg.diagram.model import ComponentBox, Diagram, Edge, ExportBlock, HostBlock, PackageGroup

PADDING = 12.0  # px between a box's side and its text
_ABOVE = 9.0
_NAME_SIZE = 13.0
_SIZE = 11.0
_SMALL = 10.0
_LINE = 15.0  # px from line to line
_SMALL_LINE = 13.0
_COLUMN_GAP = 18.0
_NAME_WIDTH = 230.0
_GROUP_WIDTH = 220.0
_GROUP_GAP = 4.0
_LABEL_WIDTH = 190.0
_LABEL_GROUPS = 3
_LABEL_LINES = 2
_COLUMN_LINES = 10
_MOST_COLUMNS = 4


class Ink(Enum):
    """What a text is, and so how it is drawn."""

    TEXT = "text"
    MUTED = "muted"
    ACCENT = "accent"


class Text(Struct, frozen=True):
    """A line of text. `x` and `y` (of the base line) count from the corner of its box."""

    text: str
    x: float
    y: float
    size: float
    ink: Ink
    bold: bool = False

    @property
    def width(self) -> float:
        """At most how wide it is drawn."""
        return text_width(self.text, self.size, bold=self.bold)


class Card(Struct, frozen=True):
    """A box's text, and the size that the box must have for it."""

    texts: tuple[Text, ...]
    width: float
    height: float
    title: str  # all of it in full, for those who point at the box


def component_card(box: ComponentBox, *, is_root: bool) -> Card:
    """Name, version, size and digest of a component."""
    stack = _Stack()
    for line in two_lines(box.label, _NAME_SIZE, _NAME_WIDTH, bold=True):
        stack.add(line, _NAME_SIZE, Ink.TEXT, bold=True)
    if is_root:
        stack.beside("root", _SMALL, Ink.ACCENT, bold=True)
    if box.details:
        stack.add(fit(" · ".join(box.details), _SMALL, _NAME_WIDTH), _SMALL, Ink.MUTED)
    lines = [box.full_label, box.digest, f"{box.size} bytes" if box.size is not None else None]
    return stack.card("\n".join(line for line in lines if line is not None))


def label_card(edge: Edge) -> Card:
    """The interfaces of an edge, by package, as many as a label can hold."""
    groups = edge.groups
    shown = groups if len(groups) <= _LABEL_GROUPS else groups[: _LABEL_GROUPS - 1]
    stack = _Stack(above=5.0)
    for group in shown:
        for line in wrap(group.names, _SIZE, _LABEL_WIDTH, _LABEL_LINES):
            stack.add(line, _SIZE, Ink.TEXT)
        if group.package is not None:
            stack.add(fit(group.package, _SMALL, _LABEL_WIDTH), _SMALL, Ink.MUTED)
    if len(shown) < len(groups):
        left = groups[len(shown) :]
        count = sum(len(group.names) for group in left)
        stack.add(f"+{count} more from {len(left)} packages", _SMALL, Ink.MUTED)
    return stack.card(edge.text)


def export_card(block: ExportBlock, diagram: Diagram) -> Card:
    """What the composition exports of one component."""
    again = block.component != diagram.root.name
    caption = "exported again, for its types" if again else "exports"
    return _groups_card(block.groups, caption, f"exports of {diagram.label(block.component)}")


def host_card(block: HostBlock, diagram: Diagram) -> Card:
    """What some components import from the host, or from what is linked at run time."""
    who = ", ".join(diagram.label(name) for name in block.importers)
    if block.provider is None:
        return _groups_card(block.groups, None, f"imported by {who}")
    caption = fit(f"linked: {block.provider}", _SMALL, _GROUP_WIDTH)
    return _groups_card(block.groups, caption, f"imported by {who}, linked at run time to {block.provider}")


def _groups_card(groups: Sequence[PackageGroup], caption: str | None, title: str) -> Card:
    """Packages and their interfaces, all of them, in columns where there are many."""
    pieces = [_group_lines(group) for group in groups]
    lines = sum(len(piece) for piece in pieces)
    columns = min(_MOST_COLUMNS, len(pieces), -(-lines // _COLUMN_LINES))
    stack = _Stack()
    if caption is not None:
        stack.add(caption, _SMALL, Ink.MUTED)
    start, height = stack.y, 0.0
    left, rest = lines, list(pieces)
    for column in range(columns):
        share, taken = left / (columns - column), 0
        while rest and (not taken or taken + len(rest[0]) / 2 <= share or column == columns - 1):
            piece = rest.pop(0)
            taken += len(piece)
            stack.y += _GROUP_GAP if stack.y > start else 0
            for text, ink in piece:
                stack.add(text, _SIZE, ink)
        left -= taken
        height = max(height, stack.y)
        if column < columns - 1:
            stack.next_column(start)
    stack.y = height
    return stack.card("\n".join([title, *(group.text for group in groups)]))


def _group_lines(group: PackageGroup) -> list[tuple[str, Ink]]:
    if group.package is None:
        return [(line, Ink.TEXT) for line in wrap(group.names, _SIZE, _GROUP_WIDTH)]
    names = [(line, Ink.MUTED) for line in wrap(group.names, _SIZE, _GROUP_WIDTH)]
    return [(fit(group.package, _SIZE, _GROUP_WIDTH), Ink.TEXT), *names]


class _Stack:
    """Lines below each other, in one column or several."""

    def __init__(self, above: float = _ABOVE) -> None:
        self.y = self._above = above
        self._x = PADDING
        self._right = PADDING
        self._texts: list[Text] = []

    def add(self, text: str, size: float, ink: Ink, *, bold: bool = False) -> None:
        """A line below the last."""
        line = _LINE if size > _SMALL else _SMALL_LINE
        self._put(Text(text, self._x, round(self.y + line - 4, 1), size, ink, bold))
        self.y += line

    def beside(self, text: str, size: float, ink: Ink, *, bold: bool) -> None:
        """A text to the right of the last line."""
        last = self._texts[-1]
        self._put(Text(text, round(last.x + last.width + 8, 1), last.y, size, ink, bold))

    def next_column(self, y: float) -> None:
        """Go on at the right of everything so far, at the height `y`."""
        self._x, self.y = round(self._right + _COLUMN_GAP, 1), y

    def card(self, title: str) -> Card:
        """The card with these lines."""
        return Card(tuple(self._texts), round(self._right + PADDING, 1), round(self.y + self._above, 1), title)

    def _put(self, text: Text) -> None:
        self._texts.append(text)
        self._right = max(self._right, text.x + text.width)
