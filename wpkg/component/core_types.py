"""Core types, read only to get past them (Binary.md, "Core Definitions"; core spec 3.0, 5.3).

A component type can declare core types without giving their length, so their grammar has to be known. What
they mean does not matter to a composer; modules are compared by these bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wpkg.component.cursor import Cursor

_MODULE_TYPE = 0x50
_SHARED = 0x65
_EXACT = 0x62
_REF_TYPES = (0x63, 0x64)


def skip_core_type(cursor: Cursor) -> None:
    """Go past one `core:type`: a module type, or a recursive type group."""
    opcode = cursor.peek()
    if opcode == _MODULE_TYPE:
        cursor.byte()
        cursor.vector(lambda: _module_declaration(cursor))
    elif opcode == 0x00:
        cursor.byte()
        if cursor.peek() != _MODULE_TYPE:
            raise cursor.fail("expected a non-final sub type after 00")
        _sub_type(cursor)
    else:
        _recursive_type(cursor)


def _module_declaration(cursor: Cursor) -> None:
    kind = cursor.byte()
    if kind == 0x00:
        cursor.name()
        cursor.name()
        _core_extern(cursor)
    elif kind == 0x01:
        _recursive_type(cursor)
    elif kind == 0x02:
        cursor.expect(0x10, "the sort of an outer alias in a module type")
        cursor.expect(0x01, "the target of an outer alias in a module type")
        cursor.u32()
        cursor.u32()
    elif kind == 0x03:
        cursor.name()
        _core_extern(cursor)
    else:
        raise cursor.fail(f"unknown module declaration {kind:02x}")


def _core_extern(cursor: Cursor) -> None:
    kind = cursor.byte()
    if kind in (0x00, 0x20):  # func, exact func
        cursor.u32()
    elif kind == 0x01:
        _value_type(cursor)
        _limits(cursor)
    elif kind == 0x02:
        _limits(cursor)
    elif kind == 0x03:
        _value_type(cursor)
        cursor.flag()
    elif kind == 0x04:
        cursor.expect(0x00, "the attribute of a tag")
        cursor.u32()
    else:
        raise cursor.fail(f"unknown core extern type {kind:02x}")


def _limits(cursor: Cursor) -> None:
    flags = cursor.byte()
    if flags & ~0x0F:
        raise cursor.fail(f"unknown limits flags {flags:02x}")
    _u64(cursor)
    if flags & 0x01:
        _u64(cursor)
    if flags & 0x08:
        cursor.u32()


def _u64(cursor: Cursor) -> None:
    for _ in range(10):  # ceil(64 / 7) bytes
        if cursor.byte() < 0x80:
            return
    raise cursor.fail("integer representation too long")


def _heap_type(cursor: Cursor) -> None:
    if cursor.peek() in (_SHARED, _EXACT):
        cursor.byte()
    cursor.s33()


def _value_type(cursor: Cursor) -> None:
    opcode = cursor.byte()
    if opcode in _REF_TYPES:
        _heap_type(cursor)
    elif opcode == _SHARED:
        cursor.byte()


def _storage_type(cursor: Cursor) -> None:
    _value_type(cursor)  # packed types, 77 and 78, have a byte of their own too
    cursor.flag()


def _recursive_type(cursor: Cursor) -> None:
    if cursor.peek() == 0x4E:
        cursor.byte()
        cursor.vector(lambda: _sub_type(cursor))
    else:
        _sub_type(cursor)


def _sub_type(cursor: Cursor) -> None:
    if cursor.peek() in (0x50, 0x4F):
        cursor.byte()
        cursor.vector(cursor.u32)
    if cursor.peek() == _SHARED:
        cursor.byte()
    for descriptor in (0x4C, 0x4D):
        if cursor.peek() == descriptor:
            cursor.byte()
            cursor.u32()
    kind = cursor.byte()
    if kind == 0x60:
        cursor.vector(lambda: _value_type(cursor))
        cursor.vector(lambda: _value_type(cursor))
    elif kind == 0x5F:
        cursor.vector(lambda: _storage_type(cursor))
    elif kind == 0x5E:
        _storage_type(cursor)
    elif kind == 0x5D:
        _heap_type(cursor)
    else:
        raise cursor.fail(f"unknown core type {kind:02x}")
