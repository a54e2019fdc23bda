"""Custom sections, wherever in a component they are: its own, those of nested components and of core modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.component.cursor import MAX_NAME_LENGTH, Cursor
from wpkg.component.decode import sections
from wpkg.component.decode_types import MAX_DEPTH
from wpkg.component.errors import MalformedComponent
from wpkg.component.sections import COMPONENT_SECTION

if TYPE_CHECKING:
    from collections.abc import Iterator

PRODUCERS = "producers"
_CUSTOM = 0x00
_MODULE = 0x01
_MAX_HEAD = 5 + MAX_NAME_LENGTH  # bytes: the length and the name


def find_custom_sections(data: memoryview, name: str) -> Iterator[memoryview]:
    """What each custom section called `name` holds, in the order of the file, nothing copied.

    `data` is a component that `read_component` has taken; core modules are stepped through section by section.

    Raises: MalformedComponent, for what is wrong inside a core module too.
    """
    return _find(data, 0, len(data), name, 0)


def _find(data: memoryview, start: int, end: int, name: str, depth: int) -> Iterator[memoryview]:
    if depth > MAX_DEPTH:
        raise MalformedComponent(f"components are nested more than {MAX_DEPTH} deep", start)
    in_component = data[start + 4] == 0x0D  # version of the preamble; modules have 1
    for identifier, body, after in sections(data, start, end):
        if identifier == _CUSTOM:
            head = Cursor(bytes(data[body : min(after, body + _MAX_HEAD)]), body)
            if head.name() == name:
                yield data[body + head.position : after]
        elif in_component and identifier in (_MODULE, COMPONENT_SECTION):
            yield from _find(data, body, after, name, depth + 1)


def read_producers(data: memoryview) -> dict[str, str]:
    """Tool -> version of everything that says it has made or processed a component or a part of it.

    By the `producers` sections (tool-conventions `ProducersSection.md`); of two versions of one tool, both.
    Nothing of it is checked: it is what is written there.

    Raises: MalformedComponent.
    """
    versions: dict[str, set[str]] = {}
    for section in find_custom_sections(data, PRODUCERS):
        cursor = Cursor(bytes(section))
        for _ in range(cursor.count()):
            is_tool = cursor.name() != "language"
            for _ in range(cursor.count()):
                tool, version = cursor.name(), cursor.name()
                if is_tool:
                    versions.setdefault(tool, set()).add(version)
    return {tool: ", ".join(sorted(found)) for tool, found in sorted(versions.items())}
