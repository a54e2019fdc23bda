"""HTML as values: every text is escaped, every element is closed, because there is no other way to make one.

Characters that are not to be seen (controls, and those that turn the direction of text around) are shown as what
they are: a name that reads differently from how it is spelled must not.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

_VOID = frozenset({"input", "link", "meta", "br", "wbr"})
# Code points that are no characters, which HTML forbids: the last two of each plane, and some of the first.
_NO_CHARACTERS = "\ufdd0-\ufdef" + "".join(chr(end) + chr(end + 1) for end in range(0x1FFFE, 0x110000, 0x10000))
# Controls but tab and line feed, and what Unicode says of bidirectional text, joiners and marks without a width.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\uffff"
    f"{_NO_CHARACTERS}]"
)


_BREAKS = re.compile(r"(?<=[:/@_-])(?=[^:/@_-])|(?<=\.)(?=[A-Za-z])")
_UNBROKEN = re.compile(r"(?s).{1,16}")  # characters; wider columns leave no room for others on a telephone


class Html:
    """A piece of HTML that is well-formed."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


Node: TypeAlias = "Html | str | Iterable[Node] | None"
"""What may stand in an element: HTML, a text that is escaped, nothing, or several of them."""


def visible(text: str) -> str:
    """`text` with a code in place of every character that cannot be seen."""
    return _UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def escape(node: Node) -> str:
    """A node as HTML."""
    if node is None:
        return ""
    if isinstance(node, Html):
        return node.text
    if isinstance(node, str):
        return html.escape(visible(node), quote=False)
    return "".join(escape(item) for item in node)


def tag(name: str, /, *children: Node, **attributes: str | bool | None) -> Html:
    """An element. `class_` is written for `class`, `aria_label` for `aria-label`; None leaves one out."""
    written = []
    for key, value in attributes.items():
        label = key.removesuffix("_").replace("_", "-")
        if value is True:
            written.append(f" {label}")
        elif value is not None and value is not False:
            written.append(f' {label}="{html.escape(visible(value), quote=True)}"')
    head = f"<{name}{''.join(written)}>"
    return Html(head if name in _VOID else f"{head}{escape(children)}</{name}>")


def table(headings: Iterable[str], rows: Iterable[Iterable[Node]], caption: str) -> Html:
    """A table whose first column names each row. It scrolls by itself where the screen is narrow."""
    body = []
    for cells in rows:
        first, *rest = (breakable(cell) if isinstance(cell, str) else cell for cell in cells)
        body.append(tag("tr", tag("th", first, scope="row"), [tag("td", cell) for cell in rest]))
    return tag(
        "div",
        tag(
            "table",
            tag("caption", caption),
            tag("thead", tag("tr", [tag("th", heading, scope="col") for heading in headings])),
            tag("tbody", body),
        ),
        class_="scroll",
        tabindex="0",
        role="region",
        aria_label=caption,
    )


def facts(pairs: Iterable[tuple[str, Node]]) -> Html:
    """A list of names and what they stand for; pairs with nothing to say are left out."""
    shown = [(name, value) for name, value in pairs if value not in (None, "", [])]
    return tag("dl", [tag("div", tag("dt", name), tag("dd", value)) for name, value in shown])


def code(text: str, *, is_breakable: bool = True) -> Html:
    """Text as it is typed; it may be broken after punctuation, and in the middle where the style says so."""
    return tag("code", _broken(_BREAKS.split(text)) if is_breakable else text)


def breakable(text: str) -> Node:
    """Text that may be broken after punctuation, but not within a version, and in the middle of what is too long.

    What is in a table needs it: the least width of a column is that of the longest thing that cannot be broken.
    """
    return _broken([part for whole in _BREAKS.split(text) for part in _UNBROKEN.findall(whole)])


def _broken(parts: list[str]) -> Node:
    return [[part, tag("wbr")] for part in parts[:-1]], parts[-1] if parts else ""
