"""A composition as SVG 1.1: one file that needs nothing else, for light and dark backgrounds.

Colours are attributes, which every program understands; CSS puts dark ones in their place where a dark scheme is
preferred. The picture has a background of its own, so it can be read where that is ignored. There are no scripts,
no links, no identifiers (several pictures may stand in one page), and every text is escaped.
"""

from __future__ import annotations

from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING

from wpkg.diagram.cards import Card, component_card, export_card, host_card, label_card
from wpkg.diagram.layout import Content, Layout, Path, Rect, lay_out
from wpkg.diagram.ranks import Box, Line
from wpkg.diagram.text import FONT, text_width, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wpkg.diagram.model import Diagram

_MARGIN = 16.0  # px around everything
_FRAME_SIDES = 20.0
_FRAME_ABOVE = 34.0
_FRAME_BELOW = 18.0
_REGION_SIDES = 14.0
_REGION_ABOVE = 16.0
_REGION_BELOW = 26.0
_CAPTION = 10.0
_CAPTION_LINE = 14.0
_ROUND = 6
_ARROW = (8.0, 3.5)  # px: length, half its width
_DASHES = ' stroke-dasharray="4 3"'
_STRONG = 2.0  # px, the border of the root

# What is drawn: class -> attribute, light, dark. A class with two colours has two rows.
_COLOURS = (
    ("paper", "fill", "#ffffff", "#0d1117"),
    ("frame", "fill", "#f6f8fa", "#151b23"),
    ("frame", "stroke", "#d1d9e0", "#3d444d"),
    ("component", "fill", "#ffffff", "#212830"),
    ("component", "stroke", "#818b98", "#656c76"),
    ("root", "fill", "#ffffff", "#212830"),
    ("root", "stroke", "#0969da", "#4493f8"),
    ("label", "fill", "#f6f8fa", "#151b23"),
    ("label", "stroke", "#d1d9e0", "#3d444d"),
    ("export", "fill", "#effbf1", "#12261e"),
    ("export", "stroke", "#4ac26b", "#2ea043"),
    ("host", "fill", "#fff8e5", "#272115"),
    ("host", "stroke", "#d4a72c", "#9e6a03"),
    ("region", "stroke", "#d4a72c", "#9e6a03"),
    ("line", "stroke", "#6e7781", "#9198a1"),
    ("arrow", "fill", "#6e7781", "#9198a1"),
    ("text", "fill", "#1f2328", "#f0f6fc"),
    ("muted", "fill", "#59636e", "#a3abb5"),
    ("accent", "fill", "#0969da", "#58a6ff"),
)
_CONSTANT = {
    "component": ' stroke-width="1"',
    "root": f' stroke-width="{_STRONG:g}"',
    "region": ' fill="none" stroke-dasharray="5 4"',
    "line": ' fill="none" stroke-width="1.3"',
}


def svg_of(diagram: Diagram) -> str:
    """The picture, as the text of an SVG file."""
    cards = _cards(diagram)
    layout = lay_out(_content(diagram, cards))
    return _Drawing(diagram, cards, layout).text()


def _cards(diagram: Diagram) -> dict[str, Card]:
    """The text of every box, by its key: what it is and its number."""
    cards = {
        f"component {i}": component_card(box, is_root=i == 0 and len(diagram.components) > 1)
        for i, box in enumerate(diagram.components)
    }
    cards |= {f"label {i}": label_card(edge) for i, edge in enumerate(diagram.edges)}
    cards |= {f"export {i}": export_card(block, diagram) for i, block in enumerate(diagram.export_blocks)}
    cards |= {f"host {i}": host_card(block, diagram) for i, block in enumerate(diagram.host_blocks)}
    return cards


def _content(diagram: Diagram, cards: Mapping[str, Card]) -> Content:
    boxes = {key: Box(key, card.width, card.height) for key, card in cards.items()}
    keys = {box.name: f"component {i}" for i, box in enumerate(diagram.components)}
    lines = [
        Line(keys[edge.importer], keys[edge.exporter], boxes[f"label {i}"]) for i, edge in enumerate(diagram.edges)
    ]
    lines += [Line(f"export {i}", keys[block.component]) for i, block in enumerate(diagram.export_blocks)]
    lines += [
        Line(keys[name], f"host {i}") for i, block in enumerate(diagram.host_blocks) for name in block.importers
    ]

    def kind(name: str) -> list[Box]:
        return [box for key, box in boxes.items() if key.startswith(name)]

    return Content(
        kind("export"), kind("component"), kind("host"), lines, _FRAME_ABOVE, _FRAME_BELOW, _REGION_ABOVE
    )


class _Drawing:
    def __init__(self, diagram: Diagram, cards: Mapping[str, Card], layout: Layout) -> None:
        self._diagram = diagram
        self._cards = cards
        self._layout = layout
        inside = layout.inside.grown(_FRAME_SIDES, _FRAME_ABOVE, _FRAME_BELOW)
        caption = text_width("composition", _CAPTION) + 2 * _FRAME_SIDES
        self._frame = inside.grown(max(0.0, caption - inside.width) / 2, 0, 0)
        hosts = [rect for key, rect in layout.boxes.items() if key.startswith("host")]
        self._region = _around(hosts, self._frame) if hosts else None
        if self._region is not None:
            self._frame = Rect(self._region.x, self._frame.y, self._region.width, self._frame.height)
        every = [layout.extent, self._frame, *([self._region] if self._region else [])]
        self._left = min(rect.x for rect in every) - _MARGIN
        self._top = min(rect.y for rect in every) - _MARGIN
        self._width = max(rect.right for rect in every) + _MARGIN - self._left
        self._bottom = max(rect.bottom for rect in every) + _MARGIN
        self._notes = self._note_lines()

    def _note_lines(self) -> list[str]:
        if not self._diagram.unused:
            return []
        words = [label for _, label in self._diagram.unused]
        return wrap([f"not needed: {words[0]}", *words[1:]], _CAPTION, self._width - 2 * _MARGIN)

    def text(self) -> str:
        """The file."""
        height = self._bottom - self._top + len(self._notes) * _CAPTION_LINE
        size = f'width="{_number(self._width)}" height="{_number(height)}"'
        view = f"{_number(self._left)} {_number(self._top)} {_number(self._width)} {_number(height)}"
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="{view}" role="img" font-family="{FONT}">'
        paper = Rect(self._left, self._top, self._width, height)
        parts = [
            head,
            f"<title>{escape(self._diagram.title)}</title>",
            f"<desc>{escape(self._diagram.description)}</desc>",
            f"<style>{_dark_style()}</style>",
            _rectangle("paper", paper),
            *self._regions(),
            *(part for path in self._layout.paths for part in _path(path)),
            *self._boxes(),
            *self._captions(),
            "</svg>",
        ]
        return "\n".join(part for part in parts if part) + "\n"

    def _regions(self) -> Iterator[str]:
        yield _rectangle("frame", self._frame)
        if self._region is not None:
            yield _rectangle("region", self._region)

    def _captions(self) -> Iterator[str]:
        yield self._frame_caption("composition")
        if self._region is not None:  # lines come from above
            yield _caption(self._diagram.host_caption, self._region.x + 12, self._region.bottom - 10)
        for i, line in enumerate(self._notes):
            yield _caption(line, self._left + _MARGIN, self._bottom + i * _CAPTION_LINE)

    def _frame_caption(self, text: str) -> str:
        """A caption inside the frame's upper edge, beside the lines that come in there."""
        x, y = self._frame.x + 12, self._frame.y + 16
        width = text_width(text, _CAPTION)
        taken = [
            (min(x0, x1), max(x0, x1))
            for path in self._layout.paths
            for (x0, y0), (x1, y1) in pairwise(path.points)
            if y0 < y and y1 > y - _CAPTION
        ]
        for left, right in sorted(taken):
            if left - 4 < x + width and right + 4 > x:
                x = right + 8
        if x + width > self._frame.right - 4:
            return ""
        return _caption(text, x, y)

    def _boxes(self) -> Iterator[str]:
        for key, rect in self._layout.boxes.items():
            kind = key.partition(" ")[0]
            if key == "component 0" and len(self._diagram.components) > 1:
                kind = "root"
            extra = ""
            if kind == "export" and self._diagram.export_blocks[int(key.split()[1])].component != (
                self._diagram.root.name
            ):
                extra = _DASHES
            if kind == "host" and self._diagram.host_blocks[int(key.split()[1])].provider is not None:
                extra = _DASHES
            card = self._cards[key]
            yield f"<g><title>{escape(card.title)}</title>"
            yield _rectangle(kind, rect, extra)
            for text in card.texts:
                bold = ' font-weight="bold"' if text.bold else ""
                x, y = _number(rect.x + text.x), _number(rect.y + text.y)
                yield (
                    f'<text x="{x}" y="{y}" font-size="{text.size:g}"{bold}{_look(text.ink.value)}>'
                    f"{escape(text.text)}</text>"
                )
            yield "</g>"


def _around(rects: list[Rect], frame: Rect) -> Rect:
    """The host's region: around its blocks, at least as wide as the composition."""
    left = min(frame.x, min(rect.x for rect in rects) - _REGION_SIDES)
    right = max(frame.right, max(rect.right for rect in rects) + _REGION_SIDES)
    top, bottom = min(rect.y for rect in rects), max(rect.bottom for rect in rects)
    return Rect(left, top - _REGION_ABOVE, right - left, bottom - top + _REGION_ABOVE + _REGION_BELOW)


def _dark_style() -> str:
    rules: dict[str, list[str]] = {}
    for kind, attribute, _, dark in _COLOURS:
        rules.setdefault(kind, []).append(f"{attribute}:{dark}")
    text = "".join(f".{kind}{{{';'.join(declarations)}}}" for kind, declarations in rules.items())
    return f"@media (prefers-color-scheme:dark){{{text}}}"


def _look(kind: str) -> str:
    """The attributes of what is a `kind`."""
    colours = "".join(f' {attribute}="{light}"' for k, attribute, light, _ in _COLOURS if k == kind)
    return f' class="{kind}"{colours}{_CONSTANT.get(kind, "")}'


def _rectangle(kind: str, rect: Rect, extra: str = "") -> str:
    place = f'x="{_number(rect.x)}" y="{_number(rect.y)}"'
    size = f'width="{_number(rect.width)}" height="{_number(rect.height)}"'
    return f'<rect {place} {size} rx="{_ROUND}"{_look(kind)}{extra}/>'


def _caption(text: str, x: float, y: float) -> str:
    return (
        f'<text x="{_number(x)}" y="{_number(y)}" font-size="{_CAPTION:g}"{_look("muted")}>{escape(text)}</text>'
    )


def _path(path: Path) -> Iterator[str]:
    """A line; with an arrow's head where it ends at a box."""
    points = list(path.points)
    length, half = _ARROW
    (x, y) = points[-1]
    if path.is_end:
        points[-1] = (x, y - length + 1)
    steps = [f"M{_number(points[0][0])} {_number(points[0][1])}"]
    for (x0, y0), (x1, y1) in pairwise(points):
        if x0 == x1:
            steps.append(f"V{_number(y1)}")
        else:
            middle = _number((y0 + y1) / 2)
            steps.append(f"C{_number(x0)} {middle} {_number(x1)} {middle} {_number(x1)} {_number(y1)}")
    yield f'<path d="{"".join(steps)}"{_look("line")}/>'
    if path.is_end:
        corners = f"M{_number(x)} {_number(y)}L{_number(x - half)} {_number(y - length)}H{_number(x + half)}Z"
        yield f'<path d="{corners}"{_look("arrow")}/>'


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
