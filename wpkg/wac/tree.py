"""The tokens of a document with its comments, and with what stands in brackets as one: what is laid out.

A comment belongs to the token before it where it begins on that token's line and only a new line follows, else to
the token behind it. The names of packages, in which `:` and `/` join, are one token each.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from wpkg.wit.lexer import Kind, comments_between, tokenize

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wpkg.wit.errors import Source, Span

_ENDS_LINE = re.compile(r"[ \t\r]*(?:\n|\Z)")
_CLOSING = {"{": "}", "(": ")", "[": "]", "<": ">"}
_BLOCKS = frozenset({"interface", "world", "resource"})
_LISTS = frozenset({"record", "variant", "flags", "enum"})
_HEADS = _BLOCKS | _LISTS | {"new", "use", "with"}


class Shape(Enum):
    """How the inside of brackets is laid out."""

    BLOCK = "one statement a line"
    LIST = "one member a line"
    ROW = "in one line where that is short enough, else one member a line"
    INLINE = "as part of the line"


@dataclass(slots=True, eq=False)
class Comment:
    """A comment as it is written. `apart`: an empty line stands before it."""

    text: str
    apart: bool
    ends_line: bool  # what follows stands on another line

    @property
    def is_line(self) -> bool:
        """Whether nothing can follow on its line."""
        return self.text.startswith("//")


@dataclass(slots=True, eq=False)
class Leaf:
    """A token. `apart`: an empty line stands directly before it."""

    text: str
    is_word: bool
    before: list[Comment] = field(default_factory=list)
    after: list[Comment] = field(default_factory=list)
    apart: bool = False


@dataclass(slots=True, eq=False)
class Group:
    """What stands in brackets. `flat` is how wide it is in one line, None where it cannot be in one."""

    opening: Leaf
    shape: Shape
    head: str  # the word that says what the brackets are for
    inside: list[Leaf | Group] = field(default_factory=list)
    closing: Leaf = field(default_factory=lambda: Leaf("", is_word=False))
    flat: int | None = None


def tree_of(source: Source, paths: Iterable[Span]) -> list[Leaf | Group]:
    """The tokens of a document that is well-formed; the last is empty and has the comments at the end."""
    top: list[Leaf | Group] = []
    open_groups: list[Group] = []
    for leaf in _leaves(source, paths):
        siblings = open_groups[-1].inside if open_groups else top
        if leaf.text in _CLOSING:
            head = _head(leaf.text, siblings)
            group = Group(leaf, _shape(leaf.text, head), head)
            siblings.append(group)
            open_groups.append(group)
        elif open_groups and leaf.text == _CLOSING[open_groups[-1].opening.text]:
            open_groups.pop().closing = leaf
        else:
            siblings.append(leaf)
    return top


def _head(bracket: str, before: list[Leaf | Group]) -> str:
    if bracket == "(":
        return before[-1].text if before and isinstance(before[-1], Leaf) else ""
    if bracket == "{":
        for item in reversed(before):
            named = (
                item is before[-1] and isinstance(item, Leaf) and item.text == "new"
            )  # an interface or type of that name
            if isinstance(item, Leaf) and item.text in _HEADS and not named:
                return item.text
    return ""


def _shape(bracket: str, head: str) -> Shape:
    if head in _BLOCKS:
        return Shape.BLOCK
    if head in _LISTS:
        return Shape.LIST
    if bracket == "{" or (bracket == "(" and head in ("func", "constructor")):
        return Shape.ROW
    return Shape.INLINE


def _leaves(source: Source, paths: Iterable[Span]) -> list[Leaf]:
    ends = {span.start: span.end for span in paths}
    leaves: list[Leaf] = []
    position, path_end = 0, 0
    for token in tokenize(source):
        comments = comments_between(source, position, token.span.start)
        in_path = token.span.start < path_end
        if in_path:
            leaves[-1].text += token.text
            leaves[-1].before += _comments(source, position, comments)
        else:
            path_end = ends.get(token.span.start, path_end)
            leaf = Leaf(token.text, token.kind is Kind.WORD)
            after = leaves[-1] if leaves else None
            rest = _comments(source, position, comments)
            while after is not None and rest and _is_trailing(source, position, comments):
                after.after.append(rest.pop(0))
                position = comments.pop(0).end
            leaf.before = rest
            leaf.apart = _apart(source, comments[-1].end if comments else position, token.span.start)
            if rest:
                rest[-1].ends_line = "\n" in source.text[comments[-1].end : token.span.start]
            leaves.append(leaf)
        position = token.span.end
    return leaves


def _is_trailing(source: Source, position: int, comments: list[Span]) -> bool:
    """Whether the first comment begins on the line on which `position` is, and ends it."""
    if "\n" in source.text[position : comments[0].start]:
        return False
    if len(comments) > 1:
        between = source.text[comments[0].end : comments[1].start]
        return "\n" in between
    return _ENDS_LINE.match(source.text, comments[0].end) is not None


def _comments(source: Source, position: int, spans: list[Span]) -> list[Comment]:
    found: list[Comment] = []
    for i, span in enumerate(spans):
        text = source.text[span.start : span.end].rstrip()
        apart = _apart(source, position, span.start)
        following = spans[i + 1].start if i + 1 < len(spans) else span.end
        found.append(Comment(text, apart, "\n" in source.text[span.end : following]))
        position = span.end
    return found


def _apart(source: Source, start: int, end: int) -> bool:
    return source.text.count("\n", start, end) > 1
