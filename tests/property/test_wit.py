from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.wit.cases import LIB, VALID
from tests.wit import packages
from wpkg.errors import WpkgError
from wpkg.wit.binary import read_wit_package
from wpkg.wit.errors import InvalidWit, Source
from wpkg.wit.keywords import KEYWORDS
from wpkg.wit.parser import parse_document
from wpkg.wit.resolve import resolve_packages

if TYPE_CHECKING:
    from collections.abc import Callable

WORDS = st.sampled_from(
    [*sorted(KEYWORDS), "a", "b", "types", "%list", "x-1", "1.2.3", "0", "//", "/*", "*/", "///", "\n", '"s"', '"', *list("=,:;(){}<>*/.@+-"), "->", "since", "version", "feature", "unstable", "\u202e", "é"]
)  # fmt: skip
TEXTS = st.one_of(st.text(), st.lists(WORDS, max_size=60).map(" ".join), st.lists(WORDS, max_size=60).map("".join))


def check(error: InvalidWit, source: Source) -> None:
    if error.span is not None and error.span.source is source:
        assert 0 <= error.span.start <= error.span.end <= len(source.text)
        assert error.line is not None
        assert 1 <= error.line <= source.text.count("\n") + 1
        shown, marks = (error.hint or "").split("\n")[-2:]
        assert "^" in marks
        assert len(marks) <= len(shown) + 1


@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_any_text_is_wit_or_an_error_that_says_where(text: str) -> None:
    source = Source("t.wit", text)
    try:
        parse_document(source)
    except InvalidWit as error:
        check(error, source)


@st.composite
def changed(draw: st.DrawFn) -> str:
    """A good package with a piece taken out, doubled, or replaced by a word."""
    text = draw(st.sampled_from([given[0] for given in VALID.values()]))
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(len(text), start + 30)))
    return text[:start] + draw(st.sampled_from(["", text[start:end] * 2, draw(WORDS), " "])) + text[end:]


@settings(max_examples=400, deadline=None)
@given(changed())
def test_any_package_is_resolved_or_an_error_that_says_where(text: str) -> None:
    source = Source("w.wit", text)
    try:
        resolve_packages((source,), [(Source("lib.wit", LIB),)])
    except InvalidWit as error:
        check(error, source)


NAMES = st.sampled_from(
    ["t0", "t1", "t2", "r", "u8", "list<t0>", "option<t1>", "borrow<r>", "own<t2>", "result<r>"]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(NAMES, NAMES), min_size=3, max_size=3), NAMES)
def test_types_refer_to_each_other_in_any_way_or_are_refused(pairs: list[tuple[str, str]], result: str) -> None:
    types = "".join(f"record t{i} {{ a: {one}, b: {other} }} " for i, (one, other) in enumerate(pairs))
    try:
        packages(
            f"package a:b; interface i {{ resource r; {types} f: func() -> {result}; }} world w {{ import i; }}"
        )
    except InvalidWit as error:
        assert error.span is not None


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 10_000))
def test_any_bytes_are_a_wit_package_or_bad_input(junk: bytes, at: int) -> None:
    from tests.wit import binary_package

    good = binary_package(*VALID["transitive imports"])
    for data in (b"\0asm\x0d\0\x01\0" + junk, good[: at % len(good)] + junk + good[at % len(good) + len(junk) :]):
        try:
            resolve_packages(read_wit_package("p.wasm", memoryview(data)))
        except WpkgError as error:
            assert error.exit_code == 2


def calls(run: Callable[[], object]) -> int:
    """How many functions, ours and built in, `run` calls: the same on every machine."""
    count = 0

    def count_call(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count_call)
    try:
        run()
    except InvalidWit:
        pass
    finally:
        sys.setprofile(before)
    return count


SHAPES: dict[str, Callable[[int], str]] = {
    "functions": lambda n: "package a:b; interface i { " + "".join(f"fn{i}: func(a: u8); " for i in range(n)) + "} world w { import i; }",
    "types": lambda n: "package a:b; interface i { " + "".join(f"record r{i} {{ a: u8 }} " for i in range(n)) + "}",
    "uses": lambda n: "package a:b; interface i { " + "".join(f"type t{i} = u8; " for i in range(n)) + "} interface j { use i.{" + ", ".join(f"t{i}" for i in range(n)) + "}; } world w { export j; }",
    "interfaces": lambda n: "package a:b; " + "".join(f"interface i{i} {{ f: func(); }} " for i in range(n)) + "world w { " + "".join(f"import i{i}; " for i in range(n)) + "}",
    "open comments": lambda n: "/*" * n,
    "comments": lambda n: "package a:b; " + "// x\n/* y */" * n,
    "open strings": lambda n: '"a\n' * n,
    "words": lambda n: "a-" * n,
    "colons": lambda n: "package a:b; world w { import " + "a:" * n,
    "gates": lambda n: "package a:b; interface i { " + "@since(version = 1.0.0)" * n,
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_twice_the_text_is_twice_the_work(shape: str) -> None:
    def work(n: int) -> Callable[[], object]:
        return lambda: packages(SHAPES[shape](n))

    small, large = calls(work(300)), calls(work(600))
    assert large < 2.3 * small + 100
