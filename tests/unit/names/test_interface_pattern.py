from __future__ import annotations

import pytest

from wpkg.names.interface_pattern import InterfacePattern, InvalidInterfacePattern


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("*", "wasi:cli/run@0.2.0", True),
        ("*", "log", True),
        ("wasi:*", "wasi:cli/run@0.2.0", True),
        ("wasi:*", "wasix:cli/run@0.2.0", False),
        ("wasi:*", "wasi", False),
        ("wasi:sockets/*", "wasi:sockets/tcp@0.2.0", True),
        ("wasi:sockets/*", "wasi:sockets-x/tcp@0.2.0", False),
        ("wasi:sockets/tcp", "wasi:sockets/tcp@0.2.0", True),
        ("wasi:sockets/tcp", "wasi:sockets/tcp", True),
        ("wasi:sockets/tcp", "wasi:sockets/tcp-create-socket@0.2.0", False),
        ("wasi:sockets/tcp@0.2.0", "wasi:sockets/tcp@0.2.0", True),
        ("wasi:sockets/tcp@0.2.0", "wasi:sockets/tcp@0.2.3", False),
        ("log", "log", True),
        ("log", "logs", False),
    ],
)
def test_a_pattern_is_about_whole_words(pattern: str, name: str, matches: bool) -> None:  # noqa: FBT001
    assert InterfacePattern.parse(pattern).matches(name) is matches


@pytest.mark.parametrize("text", ["", "wasi:sock*/tcp", "wasi:cli/terminal-*", "wasi:", "**", "wasi:cli", "a b"])
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(InvalidInterfacePattern, match="is not a pattern of imports"):
        InterfacePattern.parse(text)
