"""Where everything of a picture is: a layered layout, top to bottom, the same for the same input everywhere.

1. Rows and their order: `wpkg.diagram.ranks`.
2. Across: each place is drawn towards those it is linked with. For one row, with the others held still, the best
   places that keep order and distance are an isotonic regression, which pooling neighbours solves exactly.
3. Down: rows below each other, farther apart where lines have far to go across.
4. Lines: through their places. Inside a row a line runs straight down, so it stays clear of the boxes there.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from wpkg.diagram.ranks import Box, Line, Place, layers, make_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_BOX_GAP = 24.0
_STEM_GAP = 10.0
_PORT_GAP = 14.0
_PORT_MARGIN = 14.0  # from a box's corner to the nearest line
_ROW_GAP = 26.0
_STEEPNESS = 0.07  # px of height for each px that a line goes across
_MOST_ROW_GAP = 80.0
_ONE_SIDED = 4
_BOTH_SIDED = 12
_STRAIGHTENINGS = 3

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle: its left upper corner and its size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.y + self.height

    def grown(self, sides: float, above: float, below: float) -> Rect:
        """The same with room around."""
        return Rect(self.x - sides, self.y - above, self.width + 2 * sides, self.height + above + below)


@dataclass(frozen=True, slots=True)
class Path:
    """A line from box to box, or to where it joins another; from point to point an S or straight down."""

    points: tuple[Point, ...]
    is_end: bool  # it ends at a box that is no label: an arrow's head belongs there


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are. Coordinates may be negative; `extent` holds them all."""

    boxes: Mapping[str, Rect]  # labels, too
    paths: tuple[Path, ...]
    inside: Rect  # of all that lies in the composition: its components, labels and the lines between
    extent: Rect


@dataclass(frozen=True, slots=True)
class Content:
    """What is to be laid out: `tops` above the composition, `bottoms` below it."""

    tops: Sequence[Box]
    middles: Sequence[Box]
    bottoms: Sequence[Box]
    lines: Sequence[Line]  # those between middles have labels, others have none
    frame_above: float = 0.0  # room between the composition's edge and its first row
    frame_below: float = 0.0
    bottoms_above: float = 0.0  # room above the row of `bottoms`, besides


def lay_out(content: Content) -> Layout:
    """Where the boxes and lines of `content` are."""
    middles = {box.key for box in content.middles}
    inner = [(line.source, line.target) for line in content.lines if {line.source, line.target} <= middles]
    layer = layers([box.key for box in content.middles], inner)
    ranks = {key: 2 * number + 1 for key, number in layer.items()}
    last = max(ranks.values())
    ranks |= {box.key: 0 for box in content.tops} | {box.key: last + 1 for box in content.bottoms}
    rows = make_rows(ranks, [*content.tops, *content.middles, *content.bottoms], content.lines)
    _place_across(rows)
    ports = _place_ports(rows)
    tops = _place_down(rows, ports, content, last)
    return _measured(rows, tops, ports, last)


# --- across ----------------------------------------------------------------------------------------


def _place_across(rows: Sequence[Sequence[Place]]) -> None:
    for row in rows:
        x = -sum(place.width + _BOX_GAP for place in row) / 2
        for place in row:
            place.x = x + place.width / 2
            x += place.width + _BOX_GAP
    for sweep in range(_ONE_SIDED + _BOTH_SIDED):
        both = sweep >= _ONE_SIDED
        for row in rows[1:]:
            _draw_together(row, above=True, below=both)
        for row in rows[-2::-1]:
            _draw_together(row, above=both, below=True)
    for _ in range(_STRAIGHTENINGS):
        _straighten(rows)


def _draw_together(row: Sequence[Place], *, above: bool, below: bool) -> None:
    """Move the places of one row as near as can be to what they are linked with."""
    wanted, weights, offsets = [], [], []
    offset, before = 0.0, None
    for place in row:
        neighbours = [*(place.above if above else ()), *(place.below if below else ())]
        pulls = [_weight(place, neighbour) for neighbour in neighbours]
        weight = sum(pulls)
        if neighbours:
            middle = sum(n.x * pull for n, pull in zip(neighbours, pulls, strict=True)) / weight
        else:
            middle, weight = place.x, 0.01
        if before is not None:
            offset += (before.width + place.width) / 2 + _gap(before, place)
        wanted.append(middle - offset)
        weights.append(weight)
        offsets.append(offset)
        before = place
    for place, x, offset in zip(row, _rising(wanted, weights), offsets, strict=True):
        place.x = x + offset


def _straighten(rows: Sequence[Sequence[Place]]) -> None:
    """Give the places of each stem one x where their neighbours leave room, best one that meets the boxes, too."""
    for row in rows:
        for place in row:
            if place.box is None and not any(upper.box is None for upper in place.above):
                stem = [place]
                while lower := next((lower for lower in stem[-1].below if lower.box is None), None):
                    stem.append(lower)
                while stem:
                    del stem[: _straighten_start(stem, rows)]


def _straighten_start(stem: Sequence[Place], rows: Sequence[Sequence[Place]]) -> int:
    """Give as many places from the beginning of `stem` one x as can have it; their number."""
    left, right = _room(stem[0], rows[stem[0].rank])
    run = [stem[0]]
    for place in stem[1:]:
        low, high = _room(place, rows[place.rank])
        if max(left, low) > min(right, high):
            break
        left, right = max(left, low), min(right, high)
        run.append(place)
    for end in (*run[-1].below, *run[0].above):
        low, high = _side(end)
        if max(left, low) <= min(right, high):
            left, right = max(left, low), min(right, high)
    x = min(max(sum(place.x for place in run) / len(run), left), right)
    for place in run:
        place.x = x
    return len(run)


def _room(place: Place, row: Sequence[Place]) -> tuple[float, float]:
    """Between which x a place can move with its neighbours where they are."""
    low, high = -inf, inf
    if place.position > 0:
        left = row[place.position - 1]
        low = left.x + (left.width + place.width) / 2 + _gap(left, place)
    if place.position + 1 < len(row):
        right = row[place.position + 1]
        high = right.x - (right.width + place.width) / 2 - _gap(place, right)
    return low, high


def _weight(one: Place, other: Place) -> float:
    """How much a link wants to be straight: stems most, for a long line that wobbles is hard to follow."""
    boxes = (one.box is not None and not one.is_label) + (other.box is not None and not other.is_label)
    return (8.0, 2.0, 1.0)[boxes]


def _gap(left: Place, right: Place) -> float:
    return _STEM_GAP if left.box is None or right.box is None or left.is_label or right.is_label else _BOX_GAP


def _rising(wanted: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The rising sequence nearest to `wanted` (weighted least squares): neighbours in disorder are pooled."""
    pools: list[tuple[float, float, int]] = []  # mean, weight, length
    for value, weight in zip(wanted, weights, strict=True):
        mean, total, length = value, weight, 1
        while pools and pools[-1][0] > mean:
            left_mean, left_total, left_length = pools.pop()
            mean = (left_mean * left_total + mean * total) / (left_total + total)
            total += left_total
            length += left_length
        pools.append((mean, total, length))
    return [mean for mean, _, length in pools for _ in range(length)]


# --- where lines meet boxes ------------------------------------------------------------------------

Ports = dict[tuple[int, int], float]  # x of a link (ids of its places, upper and lower) at the upper's lower edge


def _place_ports(rows: Sequence[Sequence[Place]]) -> tuple[Ports, Ports]:
    """Where each link leaves the place above and where it arrives at the place below: straight if it can be."""
    leaving: Ports = {}
    arriving: Ports = {}
    for row in rows:
        for place in row:
            below = sorted(place.below, key=lambda other: other.position)
            for other, x in zip(below, _spread(place, [_meeting(place, o) for o in below]), strict=True):
                leaving[id(place), id(other)] = x
    for row in rows:
        for place in row:
            above = sorted(place.above, key=lambda other: other.position)
            hopes = [_clamped(leaving[id(other), id(place)], place) for other in above]
            for other, x in zip(above, _spread(place, hopes), strict=True):
                arriving[id(other), id(place)] = x
    return leaving, arriving


def _side(place: Place) -> tuple[float, float]:
    """Between which x a line may meet a place."""
    if place.box is None or place.is_label:
        return place.x, place.x
    half = max(0.0, place.width / 2 - _PORT_MARGIN)
    return place.x - half, place.x + half


def _clamped(x: float, place: Place) -> float:
    left, right = _side(place)
    return min(max(x, left), right)


def _meeting(upper: Place, lower: Place) -> float:
    """The x at which a line from `upper` would best start: where both are above each other, if they are."""
    narrow = upper if upper.width <= lower.width else lower
    return _clamped(_clamped(narrow.x, lower), upper)


def _spread(place: Place, hopes: Sequence[float]) -> list[float]:
    """As near to `hopes` as the place's side allows, apart from each other."""
    left, right = _side(place)
    if len(hopes) < 2 or left == right:  # noqa: PLR2004 - one needs no room
        return list(hopes)
    gap = min(_PORT_GAP, (right - left) / (len(hopes) - 1))
    rising = _rising([hope - i * gap for i, hope in enumerate(hopes)], [1.0] * len(hopes))
    highest = right - (len(hopes) - 1) * gap
    return [min(max(x, left), highest) + i * gap for i, x in enumerate(rising)]


# --- down, and the result --------------------------------------------------------------------------


def _place_down(
    rows: Sequence[Sequence[Place]], ports: tuple[Ports, Ports], content: Content, last: int
) -> list[tuple[float, float]]:
    """The upper and lower edge of each row."""
    leaving, arriving = ports
    edges: list[tuple[float, float]] = []
    y = 0.0
    for number, row in enumerate(rows):
        height = max((place.height for place in row), default=0.0)
        if number == 1:
            y += content.frame_above
        edges.append((y, y + height))
        across = max((abs(leaving[link] - arriving[link]) for link in _links(row)), default=0.0)
        y += height
        if row and number < len(rows) - 1:
            y += min(_MOST_ROW_GAP, _ROW_GAP + across * _STEEPNESS)
        if number == last:
            y += content.frame_below + content.bottoms_above
    return edges


def _links(row: Sequence[Place]) -> list[tuple[int, int]]:
    return [(id(place), id(other)) for place in row for other in place.below]


def _measured(
    rows: Sequence[Sequence[Place]], edges: Sequence[tuple[float, float]], ports: tuple[Ports, Ports], last: int
) -> Layout:
    boxes: dict[str, Rect] = {}
    for row, (top, bottom) in zip(rows, edges, strict=True):
        for place in row:
            if place.box is not None:
                room = bottom - top - place.height
                y = top + (room if place.rank == 0 else room / 2 if place.rank <= last else 0)
                boxes[place.box.key] = Rect(
                    round(place.x - place.width / 2, 1), round(y, 1), place.width, place.height
                )
    paths = [path for row in rows for place in row for path in _paths_from(place, edges, boxes, ports)]
    middle = [place for row in rows[1 : last + 1] for place in row]
    left = min(place.x - place.width / 2 for place in middle)
    right = max(place.x + place.width / 2 for place in middle)
    inside = Rect(left, edges[1][0], right - left, edges[last][1] - edges[1][0])
    every = [*boxes.values(), inside]
    x, y = min(r.x for r in every), min(r.y for r in every)
    extent = Rect(x, y, max(r.right for r in every) - x, max(r.bottom for r in every) - y)
    return Layout(boxes, tuple(paths), inside, extent)


def _paths_from(
    place: Place, edges: Sequence[tuple[float, float]], boxes: Mapping[str, Rect], ports: tuple[Ports, Ports]
) -> list[Path]:
    """The lines that leave a place downwards, each as far as the next box or fork."""
    leaving, arriving = ports
    if place.box is None and len(place.below) == 1 and len(place.above) == 1:
        return []  # drawn from further up
    paths = []
    for first in sorted(place.below, key=lambda other: other.position):
        upper, lower = place, first
        points: list[Point] = [(leaving[id(upper), id(lower)], _bottom(place, edges, boxes))]
        while True:
            points.append((leaving[id(upper), id(lower)], edges[upper.rank][1]))
            x = arriving[id(upper), id(lower)]
            points.append((x, edges[lower.rank][0]))
            if lower.box is not None:
                points.append((x, boxes[lower.box.key].y))
                break
            if len(lower.above) > 1 or len(lower.below) > 1:  # lines join or fork here
                break
            points.append((x, edges[lower.rank][1]))
            upper, lower = lower, lower.below[0]
        rounded = [(round(x, 1), round(y, 1)) for x, y in points]
        kept = [p for i, p in enumerate(rounded) if i == 0 or p != rounded[i - 1]]
        paths.append(Path(tuple(kept), is_end=lower.box is not None and not lower.is_label))
    return paths


def _bottom(place: Place, edges: Sequence[tuple[float, float]], boxes: Mapping[str, Rect]) -> float:
    """Where lines leave a place: a box's lower edge; for a stem the beginning of its row, where others end."""
    return boxes[place.box.key].bottom if place.box is not None else edges[place.rank][0]
