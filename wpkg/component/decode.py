"""From bytes to definitions (Binary.md): sections and their entries; those of types are in `decode_types`.

Lazy: core modules are stepped over by their length and never copied. Every declared size is compared with what is
there before anything is made of it.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from wpkg.component.canon import read_canon_section
from wpkg.component.cursor import MAX_NAME_LENGTH, Cursor
from wpkg.component.decode_types import MAX_DEPTH, TypeReader
from wpkg.component.definitions import (
    CORE_ITEM_SORTS,
    ComponentDef,
    CoreInlineInstanceDef,
    CoreInstanceAlias,
    CoreInstantiateDef,
    CoreModuleDef,
    ExportDef,
    InlineInstanceDef,
    InstantiateDef,
    Located,
)
from wpkg.component.errors import MalformedComponent, UnsupportedComponent
from wpkg.component.read_core_types import read_core_type
from wpkg.component.sections import COMPONENT_PREAMBLE, MODULE_PREAMBLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from wpkg.component.definitions import (
        Definition,
        ExternName,
        Sort,
    )

KNOWN_SECTIONS = 2048  # that are kept in mind; a component of componentize-py has 500
MAX_KNOWN_SECTION = 16 * 1024  # bytes
_MAX_CUSTOM_NAME = 5 + MAX_NAME_LENGTH  # bytes: the length and the name
_CORE_SORTS = {sort.value[1]: sort for sort in CORE_ITEM_SORTS}


def decode_component(data: memoryview) -> ComponentDef:
    """The definitions of the component that fills `data`. Raises: MalformedComponent, UnsupportedComponent."""
    return _component(data, 0, len(data), 0)


def sections(data: memoryview, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The sections of the component at `start`, preamble included: id, and start and end of the body."""
    position = start + len(COMPONENT_PREAMBLE)
    while position < end:
        identifier = data[position]
        size, body = _section_size(data, position + 1, end)
        if size > end - body:
            raise MalformedComponent(f"section {identifier:#04x} of {size} bytes ends beyond the file", position)
        yield identifier, body, body + size
        position = body + size


def _section_size(data: memoryview, position: int, end: int) -> tuple[int, int]:
    size = shift = 0
    while True:
        if position >= end:
            raise MalformedComponent("unexpected end", position)
        byte = data[position]
        position += 1
        size |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
        if shift > 28:
            raise MalformedComponent("integer representation too long", position)
    if size >> 32:
        raise MalformedComponent("integer too large", position)
    return size, position


def _component(data: memoryview, start: int, end: int, depth: int) -> ComponentDef:
    if data[start : start + len(COMPONENT_PREAMBLE)] != COMPONENT_PREAMBLE:
        raise MalformedComponent("expected the preamble of a component", start)
    if depth > MAX_DEPTH:
        raise MalformedComponent(f"components are nested more than {MAX_DEPTH} deep", start)
    definitions: list[Located] = []
    for identifier, body, after in sections(data, start, end):
        if identifier == 0x04:
            definitions.append(Located(_component(data, body, after, depth + 1), body))
        elif identifier == 0x01:
            if data[body : body + len(MODULE_PREAMBLE)] != MODULE_PREAMBLE:
                raise MalformedComponent("expected the preamble of a core module", body)
            definitions.append(Located(CoreModuleDef(body, after), body))
        elif identifier == 0x00:
            _check_custom(data, body, after)
        else:
            definitions += _read_section(identifier, bytes(data[body:after]), body)
    return ComponentDef(start, end, tuple(definitions))


def _read_section(identifier: int, body: bytes, offset: int) -> list[Located]:
    """What a section that stands at `offset` defines. Tools write the same sections into many files."""
    if len(body) > MAX_KNOWN_SECTION:
        return _Section(Cursor(body, offset)).read(identifier)
    try:
        known = _known_section(identifier, body)
    except MalformedComponent:
        _Section(Cursor(body, offset)).read(identifier)  # which says where in the file it is
        raise
    make = tuple.__new__
    return [make(Located, (definition, offset + at)) for definition, at in known]


@functools.lru_cache(maxsize=KNOWN_SECTIONS)
def _known_section(identifier: int, body: bytes) -> Sequence[Located]:
    return _Section(Cursor(body, 0)).read(identifier)


def _check_custom(data: memoryview, body: int, end: int) -> None:
    """Raises: MalformedComponent when a custom section has no name; what it holds is not looked at."""
    Cursor(bytes(data[body : min(end, body + _MAX_CUSTOM_NAME)]), body).name()


class _Section(TypeReader):
    """Reads the entries of one section."""

    def read(self, identifier: int) -> list[Located]:
        """What section `identifier` defines, in order."""
        match identifier:
            case 0x02:
                return self._entries(self._core_instance)
            case 0x03:
                return self._entries(lambda: read_core_type(self._cursor))
            case 0x05:
                return self._entries(self._instance)
            case 0x06:
                return self._aliases()
            case 0x07:
                return self._entries(self._type)
            case 0x08:
                return self._canons()
            case 0x09:
                raise UnsupportedComponent("the component has a start function, a feature that nobody ships yet")
            case 0x0A:
                return self._entries(self._import)
            case 0x0B:
                return self._entries(self._export)
            case 0x0C:
                raise UnsupportedComponent("the component has value definitions, a feature that nobody ships yet")
            case _:
                raise self._cursor.fail(f"unknown section {identifier:#04x}")

    def _entries(self, read: Callable[[], Definition]) -> list[Located]:
        cursor = self._cursor
        base = cursor.offset - cursor.position
        entries: list[Located] = []
        make = tuple.__new__  # Located(…) without the call between: there are thousands of entries
        for _ in range(cursor.count()):
            at = base + cursor.position
            entries.append(make(Located, (read(), at)))
        cursor.finish("a section")
        return entries

    def _aliases(self) -> list[Located]:
        cursor = self._cursor
        base = cursor.offset - cursor.position
        entries: list[Located] = []
        make = tuple.__new__  # as above
        left = cursor.count()
        while left > len(entries):
            for at, code, instance, name in cursor.short_aliases(left - len(entries)):
                sort = _CORE_SORTS.get(code)
                if sort is None:
                    cursor.position = at
                    break
                entries.append(make(Located, (make(CoreInstanceAlias, (sort, instance, name)), base + at)))
            if left > len(entries):
                at = base + cursor.position
                entries.append(Located(self._alias(), at))
        cursor.finish("a section")
        return entries

    def _canons(self) -> list[Located]:
        return [Located(definition, at) for at, definition in read_canon_section(self._cursor, self._ref)]

    def _core_instance(self) -> CoreInstantiateDef | CoreInlineInstanceDef:
        cursor = self._cursor
        kind = cursor.byte()
        if kind == 0x00:
            return CoreInstantiateDef(cursor.u32(), cursor.vector(self._core_argument))
        if kind == 0x01:
            entries = cursor.short_entries()
            if entries is None:
                return CoreInlineInstanceDef(cursor.vector(self._core_export))
            return CoreInlineInstanceDef(
                tuple([(name, self._core_sort(code), index) for name, code, index in entries])
            )
        raise cursor.fail(f"unknown core instance expression {kind:02x}")

    def _core_argument(self) -> tuple[str, int]:
        cursor = self._cursor
        name = cursor.name()
        cursor.expect(0x12, "core instance")
        return name, cursor.u32()

    def _core_export(self) -> tuple[str, Sort, int]:
        cursor = self._cursor
        return cursor.name(), self._core_sort(cursor.byte()), cursor.u32()

    def _core_sort(self, code: int) -> Sort:
        sort = _CORE_SORTS.get(code)
        if sort is None:
            raise self._cursor.fail(f"unknown core sort {code:02x}")
        return sort

    def _instance(self) -> InstantiateDef | InlineInstanceDef:
        cursor = self._cursor
        kind = cursor.byte()
        if kind == 0x00:
            return InstantiateDef(cursor.u32(), cursor.vector(self._argument))
        if kind == 0x01:
            return InlineInstanceDef(cursor.vector(self._inline_export))
        raise cursor.fail(f"unknown instance expression {kind:02x}")

    def _argument(self) -> tuple[str, Sort, int]:
        return self._cursor.name(), self._sort(), self._cursor.u32()

    def _inline_export(self) -> tuple[ExternName, Sort, int]:
        return self._extern_name(), self._sort(), self._cursor.u32()

    def _export(self) -> ExportDef:
        cursor = self._cursor
        name, sort, index = self._extern_name(), self._sort(), cursor.u32()
        return ExportDef(name, sort, index, cursor.optional(self._extern_desc))
