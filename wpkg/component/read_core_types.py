"""Core types as written (Binary.md, "Core Definitions"; core spec 3.0, 5.3).

Of a type that names others by index, and of those of the GC proposal, only the length matters; they become None.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wpkg.component.core_types import CoreFuncType, CoreGlobal, CoreMemory, CoreTable, CoreValue, Limits

if TYPE_CHECKING:
    from wpkg.component.cursor import Cursor

_MODULE_TYPE = 0x50
_SHARED = 0x65
_EXACT = 0x62
_NULLABLE = 0x63
_REF_TYPES = (_NULLABLE, 0x64)
_PLAIN_VALUES = frozenset({*range(0x68, 0x76), *range(0x7B, 0x80)})
_PACKED = (0x77, 0x78)
_MAX_PAGES = 1 << 16  # of a memory with 32-bit addresses and pages of 64 KiB


@dataclass(frozen=True, slots=True)
class CoreFuncDesc:
    """A core function or tag of the type at `index`."""

    index: int
    is_tag: bool


CoreDesc = CoreFuncDesc | CoreTable | CoreMemory | CoreGlobal


@dataclass(frozen=True, slots=True)
class CoreGroupDef:
    """One or more core types; None stands for one that is not looked into."""

    types: tuple[CoreFuncType | None, ...]


@dataclass(frozen=True, slots=True)
class CoreImportDecl:
    """An import in a module type."""

    module: str
    name: str
    desc: CoreDesc


@dataclass(frozen=True, slots=True)
class CoreExportDecl:
    """An export in a module type."""

    name: str
    desc: CoreDesc


@dataclass(frozen=True, slots=True)
class CoreTypeAlias:
    """An alias of a core type; `count` 0 is the module type itself."""

    count: int
    index: int


@dataclass(frozen=True, slots=True)
class ModuleTypeDef:
    """`core:moduletype`."""

    declarations: tuple[CoreImportDecl | CoreExportDecl | CoreTypeAlias | CoreGroupDef, ...]


CoreTypeDef = CoreGroupDef | ModuleTypeDef


def read_core_type(cursor: Cursor) -> CoreTypeDef:
    """One `core:type`: a module type, or a recursive group of types."""
    opcode = cursor.peek()
    if opcode == _MODULE_TYPE:
        cursor.byte()
        return ModuleTypeDef(cursor.vector(lambda: _module_declaration(cursor)))
    if opcode == 0x00:
        cursor.byte()
        if cursor.peek() != _MODULE_TYPE:
            raise cursor.fail("expected a non-final sub type after 00")
        return CoreGroupDef((_sub_type(cursor),))
    return _recursive_group(cursor)


def read_core_value(cursor: Cursor) -> CoreValue | None:
    """A core value type, None for one that names a defined type."""
    start = cursor.position
    opcode = cursor.byte()
    if opcode in _REF_TYPES:
        heap = _heap_type(cursor)
        if heap >= 0:
            return None
        if opcode == _NULLABLE and cursor.position == start + 2:
            return cursor.since(start + 1)  # the short form of the same type
    elif opcode == _SHARED:
        cursor.byte()
    elif opcode not in _PLAIN_VALUES:
        raise cursor.fail(f"unknown core value type {opcode:02x}")
    return cursor.since(start)


def _module_declaration(cursor: Cursor) -> CoreImportDecl | CoreExportDecl | CoreTypeAlias | CoreGroupDef:
    kind = cursor.byte()
    if kind == 0x00:
        return CoreImportDecl(cursor.name(), cursor.name(), _core_extern(cursor))
    if kind == 0x01:
        return _recursive_group(cursor)
    if kind == 0x02:
        cursor.expect(0x10, "the sort of an outer alias in a module type")
        cursor.expect(0x01, "the target of an outer alias in a module type")
        return CoreTypeAlias(cursor.u32(), cursor.u32())
    if kind == 0x03:
        return CoreExportDecl(cursor.name(), _core_extern(cursor))
    raise cursor.fail(f"unknown module declaration {kind:02x}")


def _core_extern(cursor: Cursor) -> CoreDesc:
    kind = cursor.byte()
    if kind in (0x00, 0x20):  # func, exact func
        return CoreFuncDesc(cursor.u32(), is_tag=False)
    if kind == 0x01:
        return CoreTable(read_core_value(cursor), _limits(cursor))
    if kind == 0x02:
        limits = _limits(cursor)
        if limits.shared and limits.maximum is None:
            raise cursor.fail("a shared memory without a maximum size")
        if not limits.is_64 and limits.page_size is None and max(limits.minimum, limits.maximum or 0) > _MAX_PAGES:
            raise cursor.fail(f"a memory of more than {_MAX_PAGES} pages")
        return CoreMemory(limits)
    if kind == 0x03:
        return CoreGlobal(read_core_value(cursor), cursor.flag())
    if kind == 0x04:
        cursor.expect(0x00, "the attribute of a tag")
        return CoreFuncDesc(cursor.u32(), is_tag=True)
    raise cursor.fail(f"unknown core extern type {kind:02x}")


def _limits(cursor: Cursor) -> Limits:
    flags = cursor.byte()
    if flags & ~0x0F:
        raise cursor.fail(f"unknown limits flags {flags:02x}")
    minimum = _u64(cursor)
    maximum = _u64(cursor) if flags & 0x01 else None
    page_size = cursor.u32() if flags & 0x08 else None
    if maximum is not None and maximum < minimum:
        raise cursor.fail("limits whose maximum is below the minimum")
    return Limits(minimum, maximum, bool(flags & 0x02), bool(flags & 0x04), page_size)


def _u64(cursor: Cursor) -> int:
    value = 0
    for shift in range(0, 70, 7):  # ceil(64 / 7) bytes
        byte = cursor.byte()
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >> 64:
                raise cursor.fail("integer too large")
            return value
    raise cursor.fail("integer representation too long")


def _heap_type(cursor: Cursor) -> int:
    if cursor.peek() in (_SHARED, _EXACT):
        cursor.byte()
    return cursor.s33()


def _storage_type(cursor: Cursor) -> None:
    if cursor.peek() in _PACKED:
        cursor.byte()
    else:
        read_core_value(cursor)
    cursor.flag()


def _recursive_group(cursor: Cursor) -> CoreGroupDef:
    if cursor.peek() == 0x4E:
        cursor.byte()
        types = cursor.vector(lambda: _sub_type(cursor))
        return CoreGroupDef(types if len(types) == 1 else (None,) * len(types))
    return CoreGroupDef((_sub_type(cursor),))


def _sub_type(cursor: Cursor) -> CoreFuncType | None:
    is_plain = True
    if cursor.peek() in (0x50, 0x4F):
        cursor.byte()
        cursor.vector(cursor.u32)
        is_plain = False
    if cursor.peek() == _SHARED:
        cursor.byte()
        is_plain = False
    for descriptor in (0x4C, 0x4D):
        if cursor.peek() == descriptor:
            cursor.byte()
            cursor.u32()
            is_plain = False
    kind = cursor.byte()
    if kind == 0x60:
        func = _func_type(cursor)
        return func if is_plain else None
    if kind == 0x5F:
        cursor.vector(lambda: _storage_type(cursor))
    elif kind == 0x5E:
        _storage_type(cursor)
    elif kind == 0x5D:
        _heap_type(cursor)
    else:
        raise cursor.fail(f"unknown core type {kind:02x}")
    return None


def _func_type(cursor: Cursor) -> CoreFuncType | None:
    sides: list[tuple[CoreValue, ...]] = []
    is_known = True
    for _ in range(2):
        values = cursor.vector(lambda: read_core_value(cursor))
        known = tuple([value for value in values if value is not None])
        is_known = is_known and len(known) == len(values)
        sides.append(known)
    return CoreFuncType(sides[0], sides[1]) if is_known else None
