"""Where something is in a TOML document."""

from __future__ import annotations

import pytest

from wpkg.documents.toml_lines import line_of

TEXT = '''# a policy
name = "x"  # [trust]
a.b = 1

[trust]
version = 1
text = """
[trust.keys]
version = 2
"""
[trust.keys.acme]
path = "acme.pub"
[ trust . keys . "b c" ]
path = "b.pub"

[[trust.rule]]
match = "a"
[[ trust.rule ]]
match = [
  "b", # ]
  "c",
]
inline = { one = { two = 3 } }
[trust.rule.below]
deep = 1
[[trust.rule.more]]
x = 1
[[trust.rule.more]]
x = 2
[[trust.rule]]
match = "d"
[[trust.rule.more]]
x = 3
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("name", 2),
        ("a.b", 3),
        ("a", 3),
        ("trust", 5),
        ("trust.version", 6),
        ("trust.text", 7),
        ("trust.keys", 11),
        ("trust.keys.acme", 11),
        ("trust.keys.acme.path", 12),
        ('trust.keys."b c".path', 14),
        ("trust.rule", 16),
        ("trust.rule[0]", 16),
        ("trust.rule[0].match", 17),
        ("trust.rule[0].missing", 16),
        ("trust.rule[1].match", 19),
        ("trust.rule[1].match[1]", 19),
        ("trust.rule[1].inline.one.two", 23),
        ("trust.rule[1].inline.one", 23),
        ("trust.rule[1].below.deep", 25),
        ("trust.rule[1].more[0].x", 27),
        ("trust.rule[1].more[1].x", 29),
        ("trust.rule[2].match", 31),
        ("trust.rule[2].more[0].x", 33),
        ("trust.missing.further", 5),
        ("trus", None),
        ("nothing", None),
    ],
)
def test_a_path_is_on(path: str, line: int | None) -> None:
    assert line_of(TEXT, path) == line


def test_a_statement_without_end_is_not_looked_into_for_ever() -> None:
    assert line_of("a = 1\n[" + "\n" * 100_000, "b") is None


@pytest.mark.parametrize("text", ["", "# only this", "\n\n"])
def test_nothing_is_nowhere(text: str) -> None:
    assert line_of(text, "a") is None
