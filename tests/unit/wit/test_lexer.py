from __future__ import annotations

import pytest

from wpkg.wit.errors import Source, WitSyntaxError
from wpkg.wit.lexer import Kind, string_value, tokenize


def texts(text: str) -> list[str]:
    return [token.text for token in tokenize(Source("t.wit", text))[:-1]]


def test_words_and_operators() -> None:
    assert texts("a: func(x-1: %list<u8>)->b;") == [
        "a", ":", "func", "(", "x-1", ":", "%list", "<", "u8", ">", ")", "->", "b", ";",
    ]  # fmt: skip


def test_an_arrow_ends_a_word() -> None:
    assert texts("func()->a foo->bar") == ["func", "(", ")", "->", "a", "foo", "->", "bar"]


def test_spans_are_where_the_words_are() -> None:
    source = Source("t.wit", "ab /* x */ cd\n  ef")
    spans = [token.span for token in tokenize(source)]
    assert [source.text[s.start : s.end] for s in spans] == ["ab", "cd", "ef", ""]
    assert [source.position(s.start) for s in spans] == [(1, 1), (1, 12), (2, 3), (2, 5)]


def test_comments_nest_and_are_left_out() -> None:
    assert texts("a /* b /* c */ d */ e // f\n g") == ["a", "e", "g"]


def test_documentation_goes_to_what_follows() -> None:
    tokens = tokenize(Source("t.wit", "/// one\n/// two\na /** three\n */ b // no\n c /**/ d"))
    assert [(token.text, token.docs) for token in tokens[:-1]] == [
        ("a", ("one", "two")),
        ("b", ("three",)),
        ("c", ()),
        ("d", ()),
    ]


def test_a_byte_order_mark_is_stepped_over() -> None:
    assert texts("\ufeffa") == ["a"]


@pytest.mark.parametrize(
    ("text", "said", "column"),
    [
        ("a /* b /* c */", "a comment is not closed", 3),
        ('a "b', "a string does not end on its line", 3),
        ("a # b", "the character '#' is not part of WIT", 3),
        ("a \x07", "the character U+0007 is not allowed", 3),
        ("// \u202e b", "the character U+202E is not allowed", 4),
        ("a \u0149", "the character U+0149 is not allowed", 3),
    ],
)
def test_what_is_no_token(text: str, said: str, column: int) -> None:
    with pytest.raises(WitSyntaxError, match=said.replace("+", "\\+")) as caught:
        tokenize(Source("t.wit", text))
    assert (caught.value.file, caught.value.line, caught.value.column) == ("t.wit", 1, column)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (r'"a"', "a"),
        (r'"\t\n\r\"\'\\"', "\t\n\r\"'\\"),
        (r'"\41\u{42}\u{1_f600}"', "AB\U0001f600"),
        (r'"\e2\98\83"', "☃"),
    ],
)
def test_strings(written: str, value: str) -> None:
    assert string_value(tokenize(Source("t.wit", written))[0]) == value


@pytest.mark.parametrize("written", [r'"\q"', r'"\u{d800}"', r'"\u{110000}"', r'"\u{}"', r'"\u{1__0}"', r'"\ff"'])
def test_what_is_no_string(written: str) -> None:
    token = tokenize(Source("t.wit", written))[0]
    assert token.kind is Kind.STRING
    with pytest.raises(WitSyntaxError, match="a string "):
        string_value(token)


def test_the_line_is_shown_with_marks_under_the_word() -> None:
    source = Source("t.wit", "first\n\tnext  word here\nlast")
    token = tokenize(source)[2]
    assert token.span.underlined() == "\tnext  word here\n\t      ^^^^"


def test_of_a_long_line_the_part_that_matters_is_shown() -> None:
    source = Source("t.wit", "a " * 5000 + "word " + "b " * 5000)
    token = tokenize(source)[5000]
    shown, marks = token.span.underlined().splitlines()
    assert len(shown) <= 100
    assert shown[marks.index("^") : marks.rindex("^") + 1] == "word"
