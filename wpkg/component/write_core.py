"""Core modules that are written by hand: a memory with data in it, and functions of a few instructions.

WebAssembly core specification 2.0, "Binary Format". Every module has the export `memory`, and `realloc`, which
gives out what lies behind the data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.component import write
from wpkg.component.abi import I32, CoreSignature, MemoryImage, aligned
from wpkg.component.sections import MODULE_PREAMBLE, leb, section

if TYPE_CHECKING:
    from collections.abc import Mapping

MEMORY, REALLOC = "memory", "realloc"
DATA_START = 16  # bytes; what is below is nobody's
_PAGE = 65536  # bytes

UNREACHABLE = b"\x00"
END = b"\x0b"
BLOCK, LOOP, IF = b"\x02\x40", b"\x03\x40", b"\x04\x40"  # without a result
RETURN = b"\x0f"
LOAD, LOAD_BYTE = b"\x28\x02", b"\x2d\x00"  # the offset follows
EQUAL, DIFFERENT, ADD = b"\x46", b"\x47", b"\x6a"

_TOP = 0  # the global that says from where on memory is free
_SUBTRACT, _AND, _SHIFT_LEFT, _SHIFT_RIGHT, _GREATER = b"\x6b", b"\x71", b"\x74", b"\x76", b"\x4b"
_MEMORY_SIZE, _MEMORY_GROW, _MEMORY_COPY = b"\x3f\x00", b"\x40\x00", b"\xfc\x0a\x00\x00"


def const(value: int) -> bytes:
    """`i32.const`."""
    return b"\x41" + write.signed_leb(value if value < 1 << 31 else value - (1 << 32))


def local(index: int) -> bytes:
    """`local.get`."""
    return b"\x20" + leb(index)


def set_local(index: int) -> bytes:
    """`local.set`."""
    return b"\x21" + leb(index)


def branch(depth: int) -> bytes:
    """`br`."""
    return b"\x0c" + leb(depth)


def branch_if(depth: int) -> bytes:
    """`br_if`."""
    return b"\x0d" + leb(depth)


class CoreFunction(Struct, frozen=True):
    """A function: its signature, its instructions without the end, its locals besides (all i32)."""

    signature: CoreSignature
    code: bytes
    locals: int = 0


def free_all(image: MemoryImage) -> bytes:
    """Instructions that take back what `realloc` has given out."""
    return const(_heap(image)) + _set_top()


def core_module(functions: Mapping[str, CoreFunction], image: MemoryImage, *, allocates: bool) -> bytes:
    """A module with these functions as exports. Without `allocates`, its `realloc` traps."""
    realloc = CoreFunction(CoreSignature((I32,) * 4, (I32,)), _realloc() if allocates else UNREACHABLE, locals=1)
    every = {REALLOC: realloc, **functions}
    signatures = list(dict.fromkeys(function.signature for function in every.values()))
    pages = aligned(max(_heap(image), 1), _PAGE) // _PAGE
    exports = [write.name(MEMORY) + b"\x02\x00"]
    exports += [write.name(name) + b"\x00" + leb(i) for i, name in enumerate(every)]
    body = [
        section(0x01, write.vector([_func_type(signature) for signature in signatures])),
        section(0x03, write.vector([leb(signatures.index(function.signature)) for function in every.values()])),
        section(0x05, b"\x01\x00" + leb(pages)),
        section(0x06, b"\x01" + bytes([I32, 1]) + const(_heap(image)) + END),
        section(0x07, write.vector(exports)),
        section(0x0A, write.vector([_code(function) for function in every.values()])),
    ]
    if image.data:
        data = leb(len(image.data)) + bytes(image.data)
        body.append(section(0x0B, b"\x01\x00" + const(image.start) + END + data))
    return MODULE_PREAMBLE + b"".join(body)


def _heap(image: MemoryImage) -> int:
    return aligned(image.end, 16)


def _func_type(signature: CoreSignature) -> bytes:
    params, results = bytes(signature.params), bytes(signature.results)
    return b"\x60" + leb(len(params)) + params + leb(len(results)) + results


def _code(function: CoreFunction) -> bytes:
    declared = b"\x01" + leb(function.locals) + bytes([I32]) if function.locals else b"\x00"
    body = declared + function.code + END
    return leb(len(body)) + body


def _top() -> bytes:
    return b"\x23" + leb(_TOP)


def _set_top() -> bytes:
    return b"\x24" + leb(_TOP)


def _realloc() -> bytes:
    """(old, old size, alignment, new size) -> address: the next free one; what was at the old one is copied."""
    old, old_size, to, new_size, found = map(local, range(5))
    available = _MEMORY_SIZE + const(16) + _SHIFT_LEFT
    pages = _top() + available + _SUBTRACT + const(_PAGE - 1) + ADD + const(16) + _SHIFT_RIGHT
    return b"".join(
        (
            _top() + to + ADD + const(1) + _SUBTRACT + const(0) + to + _SUBTRACT + _AND + set_local(4),
            found + new_size + ADD + _set_top(),
            _top() + available + _GREATER + IF,
            pages + _MEMORY_GROW + const(-1) + EQUAL + IF + UNREACHABLE + END,
            END,
            old_size + IF + found + old + old_size + _MEMORY_COPY + END,
            found,
        )
    )
