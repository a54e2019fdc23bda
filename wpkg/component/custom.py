"""Custom sections: what a component says of itself beside its definitions. Nobody has validated them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.component.cursor import MAX_NAME_LENGTH, Cursor
from wpkg.component.decode import sections
from wpkg.component.definitions import Sort
from wpkg.component.errors import MalformedComponent

if TYPE_CHECKING:
    from wpkg.component.definitions import ComponentDef

NAME_SECTION = "component-name"
MAX_CUSTOM_SIZE = 16 * 1024 * 1024  # bytes; a longer one is not looked at
_CUSTOM = 0x00
_HEADER = 5 + MAX_NAME_LENGTH  # bytes: the length of the name, and the name


def custom_section(data: memoryview, component: ComponentDef, name: str) -> bytes | None:
    """The body of the first custom section `name` of a component in `data`; None where there is none to read."""
    for identifier, start, end in sections(data, component.start, component.end):
        if identifier == _CUSTOM and end - start <= MAX_CUSTOM_SIZE:
            cursor = Cursor(bytes(data[start : min(end, start + _HEADER)]), start)
            if cursor.name() == name:
                return bytes(data[start + cursor.position : end])
    return None


class Names:
    """What the name section calls a component and the components in it, by index. Empty where it is damaged.

    Binary.md, "Name Section" at 6d28164: subsection 0 is the component's own name, 1 a map of names for a sort.
    """

    def __init__(self, section: bytes | None) -> None:
        self.own: str | None = None
        self.components: dict[int, str] = {}
        try:
            self._read(Cursor(section or b""))
        except MalformedComponent:
            self.own, self.components = None, {}

    def _read(self, cursor: Cursor) -> None:
        while not cursor.at_end:
            kind = cursor.byte()
            body = Cursor(cursor.take(cursor.u32()))
            if kind == 0:
                self.own = body.name()
            elif kind == 1 and body.byte() == Sort.COMPONENT.value[0]:
                for _ in range(body.count()):
                    index = body.u32()
                    self.components[index] = body.name()
