"""HTML as text: what may stand in a table."""

from __future__ import annotations

import pytest

from registry_shim.page.html import breakable, escape


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("", ""),
        ("short", "short"),
        ("wasi:http/types@0.2.0", "wasi:|http/|types@|0.2.0"),
        ("0.2.0-rc.1", "0.2.0-|rc.1"),
        ("registry.example.com", "registry.|example.|com"),
        ("a" * 40, f"{'a' * 16}|{'a' * 16}|{'a' * 8}"),
        ("<b>", "&lt;b&gt;"),
    ],
)
def test_where_text_may_be_broken(text: str, broken: str) -> None:
    assert escape(breakable(text)) == broken.replace("|", "<wbr>")
