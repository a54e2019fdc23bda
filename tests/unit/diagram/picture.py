"""An SVG read back: the boxes with their texts, the lines, and whether anything touches what it must not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from wpkg.diagram.layout import Rect
from wpkg.diagram.text import text_width

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMESPACE = "{http://www.w3.org/2000/svg}"
_STEP = re.compile(r"([MVCLHZ])([-\d. ]*)")
_SLACK = 0.11  # numbers are rounded to a tenth


@dataclass(frozen=True)
class DrawnBox:
    kind: str
    title: str
    rect: Rect
    texts: tuple[tuple[str, Rect], ...]

    @property
    def text(self) -> str:
        return "\n".join(text for text, _ in self.texts)


@dataclass(frozen=True)
class Picture:
    root: ET.Element
    view: Rect
    boxes: tuple[DrawnBox, ...]
    captions: tuple[tuple[str, Rect], ...]
    lines: tuple[tuple[tuple[float, float], ...], ...]  # points, close to each other
    arrows: tuple[tuple[float, float], ...]  # their tips

    def of(self, kind: str) -> list[DrawnBox]:
        return [box for box in self.boxes if box.kind == kind]


def read_picture(text: str) -> Picture:
    root = ET.fromstring(text.encode())  # noqa: S314 - the project's own output
    boxes = []
    for group in root.iter(f"{NAMESPACE}g"):
        rectangle = group.find(f"{NAMESPACE}rect")
        assert rectangle is not None
        title = group.findtext(f"{NAMESPACE}title")
        assert title is not None
        texts = tuple(_text(text) for text in group.iter(f"{NAMESPACE}text"))
        boxes.append(DrawnBox(rectangle.get("class", ""), title, _rect(rectangle), texts))
    paths = root.findall(f"{NAMESPACE}path")
    return Picture(
        root=root,
        view=Rect(*[float(number) for number in root.get("viewBox", "").split()]),
        boxes=tuple(boxes),
        captions=tuple(_text(text) for text in root.findall(f"{NAMESPACE}text")),
        lines=tuple(_points(p.get("d", "")) for p in paths if p.get("class") == "line"),
        arrows=tuple(_points(p.get("d", ""))[0] for p in paths if p.get("class") == "arrow"),
    )


def flaws(picture: Picture) -> list[str]:
    """What overlaps, sticks out or is crossed."""
    return sorted({*_text_flaws(picture), *_box_flaws(picture), *_caption_flaws(picture), *_line_flaws(picture)})


def _text_flaws(picture: Picture) -> Iterator[str]:
    for box in picture.boxes:
        for text, place in box.texts:
            if not _within(place, box.rect, 4):
                yield f"{text!r} leaves its box"
        for (one, place), (other, its) in combinations(box.texts, 2):
            if _overlap(place, its, 0):
                yield f"{one!r} and {other!r} overlap"


def _box_flaws(picture: Picture) -> Iterator[str]:
    frame, *host = [_rect(r) for r in picture.root.findall(f"{NAMESPACE}rect") if r.get("class") != "paper"]
    for one, other in combinations(picture.boxes, 2):
        if _overlap(one.rect, other.rect, 4):
            yield f"{one.title!r} and {other.title!r} overlap"
    for box in picture.boxes:
        if not _within(box.rect, picture.view, 1):
            yield f"{box.title!r} leaves the picture"
        if box.kind in ("component", "root", "label") and not _within(box.rect, frame, 4):
            yield f"{box.title!r} leaves the frame"
        if box.kind == "export" and _overlap(box.rect, frame, 4):
            yield f"{box.title!r} is in the frame"
        if box.kind == "host" and not _within(box.rect, host[0], 4):
            yield f"{box.title!r} leaves the host"
    if host and _overlap(frame, host[0], 4):
        yield "the host is in the frame"


def _caption_flaws(picture: Picture) -> Iterator[str]:
    for caption, place in picture.captions:
        if not _within(place, picture.view, 1):
            yield f"{caption!r} leaves the picture"
        for box in picture.boxes:
            if _overlap(place, box.rect, 0):
                yield f"{caption!r} overlaps {box.title!r}"


def _line_flaws(picture: Picture) -> Iterator[str]:
    for x, y in (point for line in picture.lines for point in line):
        if not _inside(x, y, picture.view, 0):
            yield "a line leaves the picture"
        for box in picture.boxes:
            if _inside(x, y, box.rect, 0.2):
                yield f"a line crosses {box.title!r}"
        for caption, place in picture.captions:
            if _inside(x, y, place, 0):
                yield f"a line crosses {caption!r}"
    for tip in picture.arrows:
        if not any(_touches_top(tip, box.rect) for box in picture.boxes if box.kind != "label"):
            yield "an arrow ends nowhere"


def _rect(element: ET.Element) -> Rect:
    return Rect(*[float(element.get(name, "nan")) for name in ("x", "y", "width", "height")])


def _text(element: ET.Element) -> tuple[str, Rect]:
    size = float(element.get("font-size", "nan"))
    text = element.text or ""
    width = text_width(text, size, bold=element.get("font-weight") == "bold")
    x, y = float(element.get("x", "nan")), float(element.get("y", "nan"))
    return text, Rect(x, y - 0.74 * size, width, 0.96 * size)  # from a capital's top to a descender's bottom


def _points(d: str) -> tuple[tuple[float, float], ...]:
    """The points of a path, curves in small steps."""
    points: list[tuple[float, float]] = []
    for letter, rest in _STEP.findall(d):
        numbers = [float(number) for number in rest.split()]
        match letter:
            case "M" | "L":
                points.append((numbers[0], numbers[1]))
            case "V":
                x, y = points[-1]
                points += [(x, y + (numbers[0] - y) * t / 20) for t in range(1, 21)]
            case "H":
                points.append((numbers[0], points[-1][1]))
            case "C":
                corners = [points[-1], *zip(numbers[0::2], numbers[1::2], strict=True)]
                points += [_bezier(corners, t / 40) for t in range(1, 41)]
            case _:
                points.append(points[0])
    return tuple(points)


def _bezier(p: list[tuple[float, float]], t: float) -> tuple[float, float]:
    weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
    return sum(w * q[0] for w, q in zip(weights, p, strict=True)), sum(
        w * q[1] for w, q in zip(weights, p, strict=True)
    )


def _within(inner: Rect, outer: Rect, margin: float) -> bool:
    return (
        inner.x >= outer.x + margin - _SLACK
        and inner.y >= outer.y + margin - _SLACK
        and inner.right <= outer.right - margin + _SLACK
        and inner.bottom <= outer.bottom - margin + _SLACK
    )


def _overlap(a: Rect, b: Rect, margin: float) -> bool:
    across = a.x < b.right + margin - _SLACK and b.x < a.right + margin - _SLACK
    return across and a.y < b.bottom + margin - _SLACK and b.y < a.bottom + margin - _SLACK


def _inside(x: float, y: float, rect: Rect, margin: float) -> bool:
    return rect.x + margin < x < rect.right - margin and rect.y + margin < y < rect.bottom - margin


def _touches_top(tip: tuple[float, float], rect: Rect) -> bool:
    return rect.x <= tip[0] <= rect.right and abs(tip[1] - rect.y) <= _SLACK
