"""How the binary format frames things: preambles, sections, lengths (Binary.md, "Component Definitions")."""

from __future__ import annotations

COMPONENT_PREAMBLE = b"\0asm\x0d\0\x01\0"
MODULE_PREAMBLE = b"\0asm\x01\0\0\0"
COMPONENT_SECTION = 0x04  # its body is a component


def leb(value: int) -> bytes:
    """`value` as unsigned LEB128."""
    out = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        out.append(low | 0x80 if value else low)
        if not value:
            return bytes(out)


def section(identifier: int, body: bytes) -> bytes:
    """A section with its header."""
    return section_header(identifier, len(body)) + body


def section_header(identifier: int, size: int) -> bytes:
    """What precedes the `size` bytes of a section's body."""
    return bytes([identifier]) + leb(size)
