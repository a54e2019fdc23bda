"""What every page has: head, header with the search, main, footer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_shim.page.html import Html, escape, tag
from registry_shim.page.paths import HOME, ICON, SEARCH, STYLE

if TYPE_CHECKING:
    from registry_shim.page.html import Node


def document(registry: str, title: str, *content: Node, searched: str = "") -> bytes:
    """A whole page. `content` begins with its h1; `searched` stands in the search field."""
    page = tag(
        "html",
        tag(
            "head",
            tag("meta", charset="utf-8"),
            tag("title", f"{title} · {registry}" if title != registry else title),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("meta", name="color-scheme", content="light dark"),
            tag("link", rel="stylesheet", href=STYLE),
            tag("link", rel="icon", href=ICON, type="image/svg+xml"),
        ),
        tag(
            "body",
            tag("a", "Skip to the content", class_="skip", href="#content"),
            tag("header", tag("a", registry, href=HOME), _search(searched)),
            tag("main", content, id="content"),
            tag("footer", tag("p", "registry-shim · ", tag("a", "search by interface", href=SEARCH))),
        ),
        lang="en",
    )
    return f"<!DOCTYPE html>\n{escape(page)}\n".encode()


def _search(searched: str) -> Html:
    return tag(
        "form",
        tag(
            "label",
            tag("span", "Search names and descriptions"),
            tag("input", type="search", name="q", value=searched, placeholder="Search names"),
        ),
        tag("button", "Search", type="submit"),
        class_="inline",
        role="search",
        aria_label="Whole registry",
        action=SEARCH,
        method="get",
    )


def plural(count: int, noun: str) -> str:
    """'1 version', '2 versions'."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
