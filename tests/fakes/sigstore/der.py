"""As much of a DER writer (X.690) as time stamps and certificate extensions need."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


def element(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    digits = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(digits)]) + digits + content


def integer(value: int) -> bytes:
    return element(0x02, value.to_bytes(value.bit_length() // 8 + 1))


def octets(value: bytes) -> bytes:
    return element(0x04, value)


def null() -> bytes:
    return element(0x05, b"")


def identifier(dotted: str) -> bytes:
    first, second, *others = map(int, dotted.split("."))
    content = bytearray()
    for arc in (first * 40 + second, *others):
        digits = [arc & 0x7F]
        while arc := arc >> 7:
            digits.append(arc & 0x7F | 0x80)
        content += bytes(reversed(digits))
    return element(0x06, bytes(content))


def utf8(text: str) -> bytes:
    return element(0x0C, text.encode())


def time(value: datetime) -> bytes:
    return element(0x18, value.strftime("%Y%m%d%H%M%SZ").encode())


def sequence(*members: bytes) -> bytes:
    return element(0x30, b"".join(members))


def set_of(*members: bytes, tag: int = 0x31) -> bytes:
    return element(tag, b"".join(sorted(members)))


def tagged(number: int, content: bytes) -> bytes:
    return element(0xA0 | number, content)
