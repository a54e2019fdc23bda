"""On which line of a TOML document something is, for messages about it. Parsers do not say.

The document is one that could be read. A statement is a header or a key with its value, which may take several
lines: a line is added to it until it can be read by itself.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST = 200  # lines of a statement that is looked into


def line_of(text: str, path: str) -> int | None:
    """The line, from 1, where `path` (`trust.rule[0].match`) begins, or what it would be in; None for neither."""
    around: tuple[int, int | None] = (0, None)  # how much of the path, and the line
    for where, line in _statements(text):
        if where == path or _is_in(where, path):
            return line
        if _is_in(path, where):
            around = max(around, (len(where), line), key=lambda found: found[0])
    return around[1]


def place_of(name: str, text: str, context: Sequence[str]) -> str:
    """Where an error with `context` lies in the file `name` with this `text`: with its line, where it has one."""
    line = line_of(text, context[0]) if context else None
    return name if line is None else f"{name}:{line}"


def _is_in(path: str, outer: str) -> bool:
    return path.startswith((f"{outer}.", f"{outer}["))


def _statements(text: str) -> Iterator[tuple[str, int]]:
    """The path of each header and key, and its line."""
    table = ""
    counts: dict[str, int] = {}
    pending: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        pending.append(line)
        try:
            keys = _keys(tomllib.loads("\n".join(pending)))
        except tomllib.TOMLDecodeError:
            if len(pending) > _LONGEST:
                return
            continue
        start, pending = number - len(pending) + 1, []
        stripped = line.strip()
        if not keys:
            continue
        if start == number and stripped.startswith("[["):
            table = _whole(keys, counts)
            counts[table] = counts.get(table, -1) + 1
            table = f"{table}[{counts[table]}]"
            yield table, start
        elif start == number and stripped.startswith("["):
            table = _whole(keys, counts)
            yield table, start
        else:
            yield f"{table}.{_joined(keys)}" if table else _joined(keys), start


def _keys(document: dict[str, Any]) -> list[str]:
    """The keys down to what a statement says, and further into an inline table of one key."""
    keys: list[str] = []
    value: object = document
    while isinstance(value, dict) and len(value) == 1:
        ((key, value),) = value.items()
        keys.append(key)
    return keys


def _shown(key: str) -> str:
    return key if _BARE.fullmatch(key) else f'"{key}"'


def _joined(keys: list[str]) -> str:
    return ".".join(map(_shown, keys))


def _whole(keys: list[str], counts: dict[str, int]) -> str:
    """The path of a header; what is below an array of tables is in the last of them."""
    path = ""
    for index, key in enumerate(keys):
        path = f"{path}.{_shown(key)}" if path else _shown(key)
        if path in counts and index < len(keys) - 1:
            path = f"{path}[{counts[path]}]"
    return path
