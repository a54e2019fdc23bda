"""A document laid out: two spaces a level, one statement or member a line, short rows in one line.

Every comment stays, and so does one empty line where there are some. What is laid out already stays as it is, and
what the document says does not change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.wac.parser import DocumentParser
from wpkg.wac.tree import Group, Leaf, Shape, tree_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wpkg.wac.tree import Comment
    from wpkg.wit.errors import Source

WIDTH = 100  # of a line, where it can be helped
_INDENT = "  "
_ENDS_STATEMENT = frozenset({"interface", "world", "resource", "record", "variant", "flags", "enum", "with"})
_TIGHT_BEFORE = frozenset(",;)]>.:[<+@")
_TIGHT_AFTER = frozenset("([<.@+")


def format_document(source: Source) -> str:
    """The text of a document as it should look. Raises: InvalidWit, InvalidDocument."""
    parser = DocumentParser(source)
    parser.document()
    top = tree_of(source, parser.paths)
    _settle(top)
    writer = _Writer()
    writer.statements(top, top_level=True)
    return writer.text()


def _settle(items: Sequence[Leaf | Group]) -> None:
    """Move comments before ',' and ';' behind them, and find what fits into one line."""
    for i, item in enumerate(items):
        if isinstance(item, Group):
            _settle(item.inside)
            item.flat = _flat_width(item)
        elif item.text in (",", ";") and i:
            previous = _last_leaf(items[i - 1])
            item.after = [*previous.after, *item.before, *item.after]
            item.before = []
            previous.after = []


def _last_leaf(item: Leaf | Group) -> Leaf:
    return item.closing if isinstance(item, Group) else item


def _first_leaf(item: Leaf | Group) -> Leaf:
    return item.opening if isinstance(item, Group) else item


def _flat_width(group: Group) -> int | None:
    """How wide brackets with all that is in them are in one line; None where they cannot be in one."""
    if group.shape in (Shape.BLOCK, Shape.LIST) or group.opening.after or group.closing.before:
        return None
    inside = _without_last_comma(group.inside)
    width = 2 + (2 if inside and _padded(group) else 0)
    previous = group.opening
    for i, item in enumerate(inside):
        first, last = _first_leaf(item), _last_leaf(item)
        commented = first.before or (last.after and item is not group.inside[-1]) or last.after
        flat = item.flat if isinstance(item, Group) else len(item.text)
        if flat is None or commented:
            return None
        width += flat + (1 if i and _spaced(previous, first) else 0)
        previous = last
    return width


def _padded(group: Group) -> bool:
    return group.opening.text == "{" and group.head != "use"


def _without_last_comma(items: Sequence[Leaf | Group]) -> Sequence[Leaf | Group]:
    last = items[-1] if items else None
    has_comma = isinstance(last, Leaf) and last.text == "," and not last.before and not last.after
    return items[:-1] if has_comma else items


def _spaced(left: Leaf, right: Leaf) -> bool:
    """Whether a space stands between two tokens of one line."""
    if right.text in _TIGHT_BEFORE or left.text in _TIGHT_AFTER:
        return False
    if right.text == "(":
        return not left.is_word or left.text == "export"
    if right.text == "...":
        return left.text in ("{", ",")
    if right.text == "{":
        return left.text != "."
    return left.text != "..." or not right.is_word


class _Writer:
    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line: list[str] = []
        self._column = 0
        self._level = 0
        self._continued = 0  # levels more, in the lines of a statement after its first
        self._previous = Leaf("", is_word=False)

    def text(self) -> str:
        """All that was written."""
        return "".join(f"{line}\n" for line in self._lines)

    # --- lines -------------------------------------------------------------------------------------

    def _newline(self) -> None:
        if self._line:
            self._lines.append("".join(self._line))
            self._line.clear()
            self._column = 0

    def _empty_line(self) -> None:
        if self._lines and self._lines[-1]:
            self._lines.append("")

    def _put(self, text: str, *, spaced: bool) -> None:
        if not self._line:
            indent = _INDENT * (self._level + self._continued)
            self._line.append(indent)
            self._column = len(indent)
        elif spaced:
            self._line.append(" ")
            self._column += 1
        self._line.append(text)
        self._column += len(text)

    def _comments_before(self, comments: Sequence[Comment], *, first: bool) -> None:
        for i, comment in enumerate(comments):
            if not self._line and comment.apart and not (first and i == 0):
                self._empty_line()
            alone = not self._line
            self._put(comment.text, spaced=True)
            if comment.is_line or (alone and comment.ends_line):
                self._break(in_statement=not alone)

    def _comments_after(self, comments: Sequence[Comment], *, in_statement: bool) -> None:
        for comment in comments:
            if not self._line and comment.apart:
                self._empty_line()
            self._put(comment.text, spaced=True)
            if comment.is_line:
                self._break(in_statement=in_statement)

    def _break(self, *, in_statement: bool) -> None:
        self._newline()
        if in_statement:
            self._continued = 1

    # --- tokens ------------------------------------------------------------------------------------

    def _leaf(self, leaf: Leaf, *, first: bool = False, spaced: bool | None = None, ends: bool = False) -> None:
        """A token with its comments. `first` in its brackets; `ends` a statement or member."""
        at_start = not self._line and not self._continued
        self._comments_before(leaf.before, first=first)
        if not leaf.text:
            return
        if at_start and not self._line and leaf.apart and not (first and not leaf.before):
            self._empty_line()
        after_comment = bool(leaf.before) and not leaf.before[-1].is_line
        wanted = _spaced(self._previous, leaf) if spaced is None else spaced
        self._put(leaf.text, spaced=wanted or after_comment)
        self._previous = leaf
        self._comments_after(leaf.after, in_statement=not ends)

    def _sequence(self, items: Sequence[Leaf | Group], *, first: bool, ends: bool = True) -> None:
        """A statement or member, or where it does not end there, a part of one."""
        for i, item in enumerate(items):
            if isinstance(item, Group):
                self._group(item, first=first and i == 0, ends=ends and i == len(items) - 1)
            else:
                self._leaf(item, first=first and i == 0, ends=ends and item.text in (",", ";"))

    def _group(self, group: Group, *, first: bool, ends: bool) -> None:
        inside = group.inside
        self._leaf(group.opening, first=first, ends=group.shape is not Shape.INLINE)
        if group.shape is Shape.INLINE:
            self._sequence(_without_last_comma(inside), first=False, ends=False)
            self._leaf(group.closing, spaced=False, ends=ends)
            return
        if not inside and not group.opening.after and not group.closing.before:
            self._leaf(group.closing, spaced=False, ends=ends)
            return
        if group.flat is not None and self._column - 1 + group.flat < WIDTH:
            rest = _without_last_comma(inside)
            padded = _padded(group)
            for i, item in enumerate(rest):
                spaced = padded if i == 0 else None
                if isinstance(item, Group):
                    self._group(item, first=False, ends=False)
                else:
                    self._leaf(item, spaced=spaced)
            self._leaf(group.closing, spaced=padded, ends=ends)
            return
        level, continued = self._level, self._continued
        self._newline()
        self._level, self._continued = level + continued + 1, 0
        if group.shape is Shape.BLOCK:
            self.statements(inside)
        else:
            self._members(inside)
        self._comments_before(group.closing.before, first=not inside)
        self._newline()
        group.closing.before = []
        self._level, self._continued = level, continued
        self._leaf(group.closing, spaced=False, ends=ends, first=True)

    def _members(self, items: Sequence[Leaf | Group]) -> None:
        """The members of a list, each with its comma."""
        member: list[Leaf | Group] = []
        first = True
        for item in items:
            if isinstance(item, Leaf) and item.text == ",":
                self._member(member, item, first=first)
                member, first = [], False
            else:
                member.append(item)
        if member:
            last = _last_leaf(member[-1])
            comma = Leaf("," if last.text != "..." else "", is_word=False, after=last.after)
            last.after = []
            self._member(member, comma, first=first)

    def _member(self, member: Sequence[Leaf | Group], comma: Leaf, *, first: bool) -> None:
        self._sequence(member, first=first)
        self._continued = 0
        if comma.text:
            self._leaf(comma, ends=True)
        else:
            self._comments_after(comma.after, in_statement=False)
        self._newline()

    # --- statements --------------------------------------------------------------------------------

    def statements(self, items: Sequence[Leaf | Group], *, top_level: bool = False) -> None:
        """Statements, each in its line or lines."""
        start, count = 0, 0
        for i, item in enumerate(items):
            following = items[i + 1] if i + 1 < len(items) else None
            if not self._ends_statement(item, following):
                continue
            if top_level and count == 1:
                leaf = _first_leaf(items[start])
                leaf.apart = leaf.apart or not leaf.before
                if leaf.before:
                    leaf.before[0].apart = True
            self._statement(items[start : i + 1], first=count == 0)
            start, count = i + 1, count + 1
        if start < len(items):
            self._statement(items[start:], first=count == 0)

    def _ends_statement(self, item: Leaf | Group, following: Leaf | Group | None) -> bool:
        if isinstance(item, Leaf):
            return item.text == ";"
        then = following.text if isinstance(following, Leaf) else ""
        return item.opening.text == "{" and item.head in _ENDS_STATEMENT and then != ";"

    def _statement(self, items: Sequence[Leaf | Group], *, first: bool) -> None:
        gates = 0
        while isinstance(items[gates], Leaf) and _first_leaf(items[gates]).text == "@":
            self._sequence(items[gates : gates + 3], first=first and gates == 0)
            self._newline()
            gates += 3
        self._sequence(items[gates:], first=first and gates == 0)
        self._newline()
        self._continued = 0
