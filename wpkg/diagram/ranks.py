"""Which rank (row) each thing is drawn in, and in what order: layering, and fewer crossings.

Ranks alternate: components in rows 1, 3, 5 …, between them the labels of the lines that end in the row below.
What the result exports is row 0; the host is the last row. A line never passes a row but through a place of its
own there, so no line can cross a box.

- A component's lines to others run as one stem that forks: in each row that they pass, it has one place.
- Lines to a block of the host, and from the exports to a component, join instead: the target has the place.

So there are at most as many places as boxes times rows, however many lines there are, and whatever a line merges
with leads from or to the same box.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from itertools import groupby, pairwise
from math import isqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_SMALLEST_ROW = 4  # boxes that a row may have in the smallest picture
_SWEEPS = 12
_STEM_WIDTH = 10.0


@dataclass(frozen=True, slots=True)
class Box:
    """Something with a size."""

    key: str
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Line:
    """A line from one box to another, with or without a label (a box of its own, whose key names the line)."""

    source: str
    target: str
    label: Box | None = None


@dataclass(slots=True, eq=False)
class Place:
    """A place in a row: a box's, a label's, or that of a stem passing by (`box` is None)."""

    rank: int
    width: float
    box: Box | None = None
    is_label: bool = False
    forks: bool = False  # of a stem: it leads to several labels, and not to one box
    above: list[Place] = field(default_factory=list)
    below: list[Place] = field(default_factory=list)
    position: int = 0  # in its row
    x: float = 0.0  # of its middle

    @property
    def height(self) -> float:
        """Of what stands in it."""
        return self.box.height if self.box is not None else 0.0


def layers(keys: Sequence[str], links: Iterable[tuple[str, str]]) -> dict[str, int]:
    """A layer for each of `keys`, below all those that link to it; no layer is much wider than the whole is high.

    Where there is no room, those with the fewest layers below them wait. `links` (from, to) have no circle.
    """
    sources: dict[str, set[str]] = {key: set() for key in keys}
    targets: dict[str, set[str]] = {key: set() for key in keys}
    for source, target in links:
        sources[target].add(source)
        targets[source].add(target)
    depth: dict[str, int] = {}
    for key in TopologicalSorter({key: sorted(targets[key]) for key in keys}).static_order():
        depth[key] = 1 + max((depth[target] for target in targets[key]), default=0)
    widest = max(_SMALLEST_ROW, isqrt(len(keys)))
    waiting = sorted(range(len(keys)), key=lambda i: (-depth[keys[i]], i))
    layer: dict[str, int] = {}
    current = 0
    while waiting:
        ready = [i for i in waiting if all(layer.get(source, current) < current for source in sources[keys[i]])]
        for i in ready[:widest]:
            layer[keys[i]] = current
        waiting = [i for i in waiting if keys[i] not in layer]
        current += 1
    return layer


def make_rows(ranks: Mapping[str, int], boxes: Sequence[Box], lines: Sequence[Line]) -> list[list[Place]]:
    """The rows of a picture, each with its places in order, linked to those in the rows above and below.

    Lines with a label fork on their way, lines without one join.
    """
    rows: list[list[Place]] = [[] for _ in range(1 + max(ranks.values()))]
    places: dict[tuple[str, int], Place] = {}

    def place(key: str, rank: int) -> Place:
        found = places.get((key, rank))
        if found is None:
            found = places[key, rank] = Place(rank, _STEM_WIDTH)
            rows[rank].append(found)
        return found

    for box in boxes:
        found = place(box.key, ranks[box.key])
        found.box, found.width = box, box.width
    for line in lines:
        start, end = ranks[line.source], ranks[line.target]
        if line.label is None:
            chain = [place(line.source, start), *(place(line.target, rank) for rank in range(start + 1, end + 1))]
        else:
            label = Place(end - 1, line.label.width, line.label, is_label=True)
            rows[end - 1].append(label)
            stem = [place(line.source, rank) for rank in range(start, end - 1)]
            for passing in stem[1:]:
                passing.forks = True
            chain = [*stem, label, place(line.target, end)]
        for upper, lower in pairwise(chain):
            if lower not in upper.below:
                upper.below.append(lower)
                lower.above.append(upper)
    _order(rows)
    return rows


def _order(rows: list[list[Place]]) -> None:
    """Put each row in an order with few crossings: sweeps by barycentre, the best of which is kept."""
    for row in rows:
        _number(row)
        row.sort(key=_above_barycentre)
        row[:] = [place for _, tied in groupby(row, _above_barycentre) for place in _forks_in_the_middle([*tied])]
        _number(row)
    best, fewest = [list(row) for row in rows], count_crossings(rows)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        downwards = sweep % 2 == 0
        for row in rows if downwards else reversed(rows):
            row.sort(key=lambda place: _barycentre(place, place.above if downwards else place.below))
            _number(row)
        _swap_neighbours(rows)
        crossings = count_crossings(rows)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
    rows[:] = best
    for row in rows:
        _number(row)


def _number(row: Sequence[Place]) -> None:
    for position, place in enumerate(row):
        place.position = position


def _forks_in_the_middle(tied: Sequence[Place]) -> list[Place]:
    """Places that hang on the same: a stem that forks further down is in their middle, for an even picture."""
    forks = [place for place in tied if place.forks]
    others = [place for place in tied if not place.forks]
    half = (len(others) + 1) // 2
    return [*others[:half], *forks, *others[half:]]


def _above_barycentre(place: Place) -> float:
    return _barycentre(place, place.above)


def _barycentre(place: Place, neighbours: Sequence[Place]) -> float:
    if not neighbours:
        return float(place.position)
    return sum(neighbour.position for neighbour in neighbours) / len(neighbours)


def _swap_neighbours(rows: Sequence[list[Place]]) -> None:
    for row in rows:
        for i in range(len(row) - 1):
            left, right = row[i], row[i + 1]
            as_is = _pair_crossings(left.above, right.above) + _pair_crossings(left.below, right.below)
            swapped = _pair_crossings(right.above, left.above) + _pair_crossings(right.below, left.below)
            if swapped < as_is:
                row[i], row[i + 1] = right, left
                right.position, left.position = i, i + 1


def _pair_crossings(left: Sequence[Place], right: Sequence[Place]) -> int:
    return sum(1 for a in left for b in right if a.position > b.position)


def count_crossings(rows: Sequence[Sequence[Place]]) -> int:
    """How many pairs of lines cross between the rows."""
    total = 0
    for row in rows:
        seen: list[int] = []
        for upper in row:
            for position in sorted(lower.position for lower in upper.below):
                total += len(seen) - bisect_right(seen, position)
            for lower in upper.below:
                insort(seen, lower.position)
    return total
