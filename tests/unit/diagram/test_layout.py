from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.diagram import plans
from tests.unit.diagram.picture import flaws, read_picture
from wpkg.diagram.layout import Content, lay_out
from wpkg.diagram.model import Diagram, HostImport
from wpkg.diagram.ranks import Box, Line, Place, count_crossings, layers, make_rows
from wpkg.diagram.svg import svg_of

links = st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=60).map(
    lambda pairs: sorted(
        {(str(min(p)), str(max(p))) for p in pairs if p[0] != p[1]}, key=lambda p: (int(p[0]), int(p[1]))
    )
)
KEYS = [str(i) for i in range(20)]


@given(links)
def test_those_who_import_are_above_and_no_row_is_too_wide(pairs: list[tuple[str, str]]) -> None:
    layer = layers(KEYS, pairs)
    assert all(layer[source] < layer[target] for source, target in pairs)
    assert sorted(layer) == sorted(KEYS)
    assert set(layer.values()) == set(range(max(layer.values()) + 1))
    assert max(len([k for k in KEYS if layer[k] == n]) for n in range(len(KEYS))) <= 4


def test_those_on_whom_nothing_waits_go_down_first() -> None:
    layer = layers(["root", "a", "b", "c", "d", "e", "f"], [*(("root", k) for k in "abcde"), ("e", "f")])
    assert layer == {"root": 0, "e": 1, "a": 1, "b": 1, "c": 1, "d": 2, "f": 2}


def test_a_large_picture_has_wider_rows() -> None:
    layer = layers([str(i) for i in range(101)], [("0", str(i)) for i in range(1, 101)])
    assert max(layer.values()) == 10


def crossings_by_definition(rows: list[list[Place]]) -> int:
    total = 0
    for row in rows:
        pairs = [(i, lower.position) for i, upper in enumerate(row) for lower in upper.below]
        total += sum((a - c) * (b - d) < 0 for (a, b), (c, d) in itertools.combinations(pairs, 2))
    return total


def rows_of(pairs: list[tuple[str, str]], keys: list[str] = KEYS) -> list[list[Place]]:
    boxes = [Box(key, 10, 10) for key in keys]
    ranks = {key: 2 * n + 1 for key, n in layers(keys, pairs).items()}
    return make_rows(ranks, boxes, [Line(a, b, Box(f"{a}-{b}", 10, 10)) for a, b in pairs])


@given(links)
def test_crossings_are_counted_right_and_places_stay_few(pairs: list[tuple[str, str]]) -> None:
    rows = rows_of(pairs)
    assert count_crossings(rows) == crossings_by_definition(rows)
    assert [place.position for row in rows for place in row] == [i for row in rows for i in range(len(row))]
    assert sum(place.box is None for row in rows for place in row) <= len(KEYS) * len(rows)
    assert sum(place.box is not None for row in rows for place in row) == len(KEYS) + len(pairs)


def test_what_can_be_drawn_without_crossings_is() -> None:
    # two columns whose lower halves are given the other way round, in three rows
    pairs = [("0", "5"), ("1", "4"), ("5", "8"), ("4", "9"), ("0", "8"), ("1", "9")]
    assert count_crossings(rows_of(pairs)) == 0


def test_few_of_many_crossings_are_left() -> None:
    # each of the four lower ones hangs on two neighbours of a ring: it cannot do without, the given order has more
    pairs = [(str(i), str(j)) for i in range(4) for j in (7 - i, 7 - (i + 1) % 4)]
    assert count_crossings(rows_of(pairs)) <= 3


def test_neighbours_change_places_where_that_helps() -> None:
    pairs = [("0", "1"), ("0", "2"), ("1", "3"), ("1", "4"), ("1", "5"), ("2", "3"), ("2", "4"), ("4", "6")]
    assert count_crossings(rows_of(pairs, KEYS[:7])) <= 2  # with barycentres alone there are three


def test_a_chain_is_a_straight_line() -> None:
    boxes = [Box("top", 50, 20), Box("a", 80, 20), Box("b", 120, 20), Box("c", 60, 20), Box("host", 200, 20)]
    lines = [
        Line("top", "a"),
        Line("a", "b", Box("ab", 70, 20)),
        Line("b", "c", Box("bc", 90, 20)),
        Line("c", "host"),
    ]
    layout = lay_out(Content(boxes[:1], boxes[1:4], boxes[4:], lines))
    assert {x for path in layout.paths for x, _ in path.points} == {layout.paths[0].points[0][0]}
    assert [path.is_end for path in layout.paths] == [True, False, True, False, True, True]
    ys = [layout.boxes[key].y for key in ("top", "a", "ab", "b", "bc", "c", "host")]
    assert ys == sorted(ys)


def test_a_line_that_passes_rows_does_so_straight() -> None:
    chain = [("a", "b"), ("b", "c"), ("c", "d"), ("d", "e")]
    boxes = [Box(key, 60 + 31 * i, 20) for i, key in enumerate("abcde")]
    lines = [Line(a, b, Box(f"{a}-{b}", 40 + 17 * i, 20)) for i, (a, b) in enumerate([*chain, ("a", "e")])]
    layout = lay_out(Content([], boxes, [], lines))
    (passing,) = [path for path in layout.paths if len({y for _, y in path.points}) > 5]
    assert len({x for x, _ in passing.points[1:-1]}) <= 2  # beside the rows; where it ends is another's business


def test_a_box_is_as_high_as_its_highest_column() -> None:
    names = [f"wasi:a/{'long-' * 5}{chr(97 + i)}@0.2.0" for i in range(9)] + ["wasi:b/x@0.2.0"]
    diagram = plans.generated([(0, 1)], 2, 0, 1)
    host = tuple(HostImport(name, (("c0", name),)) for name in names)
    picture = read_picture(svg_of(Diagram(diagram.components, diagram.edges, host, (), (), ())))
    (block,) = picture.of("host")
    first, second = ([p for _, p in block.texts if p.x == x] for x in sorted({p.x for _, p in block.texts}))
    assert len(first) > len(second)
    assert flaws(picture) == []


def test_many_packages_of_the_host_stand_in_columns() -> None:
    diagram = plans.generated([(0, 1)], 2, 0, 1)
    names = [f"wasi:p{p}/interface-{i}@0.2.0" for p in range(13) for i in range(1 + 20 // (p + 1))]
    host = tuple(HostImport(name, (("c0", name), ("c1", name))) for name in names)
    picture = read_picture(svg_of(Diagram(diagram.components, diagram.edges, host, diagram.exports, (), ())))
    assert flaws(picture) == []
    (block,) = picture.of("host")
    columns = {place.x for _, place in block.texts}
    assert len(columns) == 4
    assert block.rect.height < 20 * 15
    assert " ".join(block.text.split()).count("interface-") == len(names)
