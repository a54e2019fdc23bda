from __future__ import annotations

import pytest

from wpkg.compose.order import Circle, in_order

NEEDS = {"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": [], "e": ["a"]}


def test_everything_comes_after_what_it_needs_and_once() -> None:
    assert in_order(["a"], NEEDS.__getitem__) == ["d", "b", "c", "a"]
    assert in_order(["c", "e"], NEEDS.__getitem__) == ["d", "c", "b", "a", "e"]
    assert in_order([], NEEDS.__getitem__) == []


def test_a_circle_is_shown_without_the_way_to_it() -> None:
    needs = {"x": ["a"], "a": ["b"], "b": ["c"], "c": ["a"]}
    with pytest.raises(Circle) as caught:
        in_order(["x"], needs.__getitem__)
    assert caught.value.path == ("a", "b", "c", "a")


def test_what_needs_itself_is_a_circle() -> None:
    with pytest.raises(Circle) as caught:
        in_order([1], lambda key: [key])
    assert caught.value.path == (1, 1)


def test_chains_may_be_long() -> None:
    length = 100_000
    assert in_order([0], lambda key: [key + 1] if key < length else []) == list(range(length, -1, -1))
