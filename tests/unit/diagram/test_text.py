from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wpkg.diagram.text import fit, text_width, two_lines, wrap

WIDTH = 120.0
words = st.lists(
    st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=40), min_size=1, max_size=30
)


@pytest.mark.parametrize(
    # measured: Chromium, Liberation Sans 100 px
    ("text", "bold", "measured"),
    [
        ("wasi:filesystem@0.2.6", False, 996.29),
        ("messaging-harness", True, 939.26),
        ("The quick brown fox JUMPS over 0123456789 (lazy) dogs_!", False, 2668.07),
        ("The quick brown fox JUMPS over 0123456789 (lazy) dogs_!", True, 2806.49),
    ],
)
def test_text_is_at_least_as_wide_as_a_browser_draws_it(text: str, *, bold: bool, measured: float) -> None:
    assert measured <= text_width(text, 100, bold=bold) <= measured * 1.121


@given(text=st.text(min_size=1, max_size=60), bold=st.booleans())
def test_what_is_fitted_fits_and_keeps_both_ends(text: str, *, bold: bool) -> None:
    short = fit(text, 11, WIDTH, bold=bold)
    assert text_width(short, 11, bold=bold) <= WIDTH
    head, cut, tail = short.partition("…")
    assert short == text or (bool(cut) and text.startswith(head) and text.endswith(tail))


@given(words)
def test_wrapped_lines_fit_and_lose_nothing(items: list[str]) -> None:
    lines = wrap(items, 11, WIDTH)
    assert all(text_width(line, 11) <= WIDTH for line in lines)
    assert " ".join(lines) == " ".join(
        fit(item, 11, WIDTH - text_width(",", 11)) + ("," if i + 1 < len(items) else "")
        for i, item in enumerate(items)
    )


@given(words, st.integers(1, 4))
def test_what_is_left_out_is_counted(items: list[str], most: int) -> None:
    lines = wrap(items, 11, WIDTH, most)
    assert len(lines) <= most
    assert all(text_width(line, 11) <= WIDTH for line in lines)
    if len(wrap(items, 11, WIDTH)) <= most:
        assert lines == wrap(items, 11, WIDTH)


def test_the_count_is_right() -> None:
    items = [f"interface-{i}" for i in range(30)]
    lines = wrap(items, 11, WIDTH, 2)
    shown = ", ".join(line.removesuffix(",") for line in lines).split(", ")
    assert shown[-1] == f"+{30 - (len(shown) - 1)} more"
    assert shown[:-1] == items[: len(shown) - 1]


@given(st.text(st.characters(categories=["L", "P"]), min_size=1, max_size=80))
def test_two_lines_fit(text: str) -> None:
    lines = two_lines(text, 13, WIDTH, bold=True)
    assert 1 <= len(lines) <= 2
    assert all(text_width(line, 13, bold=True) <= WIDTH for line in lines)
    assert len(lines) == 1 or text.startswith(lines[0])


def test_a_name_is_broken_after_its_namespace() -> None:
    assert two_lines("some-organisation:some-component", 13, 160, bold=True) == [
        "some-organisation:",
        "some-component",
    ]
