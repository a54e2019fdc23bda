"""Primitive values of the binary format: bytes, LEB128 integers, names, vectors (core spec 3.0, 5.2).

A cursor never reads past its end, never allocates by a number that it has read, and reports where it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from wpkg.component.errors import MalformedComponent

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

MAX_NAME_LENGTH = 100_000  # bytes; wasmparser's limit for strings
_S33_BITS = 33


class Cursor:
    """A position in `data`. `base` is the offset of `data` in the outermost component, for messages."""

    __slots__ = ("_base", "_data", "_end", "position")

    def __init__(self, data: bytes, base: int = 0) -> None:
        self._data = data
        self._base = base
        self._end = len(data)
        self.position = 0

    @property
    def offset(self) -> int:
        """The position in the outermost component."""
        return self._base + self.position

    @property
    def at_end(self) -> bool:
        """Whether everything was read."""
        return self.position == self._end

    def fail(self, message: str) -> MalformedComponent:
        """The error that says `message` of this position."""
        return MalformedComponent(message, self.offset)

    def byte(self) -> int:
        """The next byte."""
        position = self.position
        if position >= self._end:
            raise self.fail("unexpected end")
        self.position = position + 1
        return self._data[position]

    def peek(self) -> int:
        """The next byte, left where it is."""
        if self.position >= self._end:
            raise self.fail("unexpected end")
        return self._data[self.position]

    def u32(self) -> int:
        """An unsigned LEB128 integer of at most 32 bits."""
        position = self.position  # what nearly all are, one byte, without a call
        if position >= self._end:
            raise self.fail("unexpected end")
        self.position = position + 1
        first = self._data[position]
        if first < 0x80:
            return first
        value, shift = first & 0x7F, 7
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
            if shift > 28:
                raise self.fail("integer representation too long")
        if value >> 32:
            raise self.fail("integer too large")
        return value

    def s33(self) -> int:
        """A signed LEB128 integer of at most 33 bits."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
            if shift > 28:
                raise self.fail("integer representation too long")
        if byte & 0x40:
            value -= 1 << shift
        if not -(1 << (_S33_BITS - 1)) <= value < (1 << (_S33_BITS - 1)):
            raise self.fail("integer too large")
        return value

    def flag(self) -> bool:
        """A byte that is 00 or 01."""
        value = self.byte()
        if value > 1:
            raise self.fail(f"expected 00 or 01, found {value:02x}")
        return value == 1

    def expect(self, value: int, what: str) -> None:
        """Read the byte `value`, which stands for `what`."""
        found = self.byte()
        if found != value:
            raise self.fail(f"expected {value:02x} ({what}), found {found:02x}")

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        end = self.position + count
        if end > self._end:
            raise self.fail("unexpected end")
        taken = self._data[self.position : end]
        self.position = end
        return taken

    def short_aliases(self, limit: int) -> list[tuple[int, int, int, str]]:
        """Aliases of core exports that follow, at most `limit`, as long as they are short, without calls.

        Of each where it starts, its core sort, instance and name. There are over a thousand of these in an
        ordinary component, and hardly others.
        """
        data, position = self._data, self.position
        found: list[tuple[int, int, int, str]] = []
        try:
            while len(found) < limit and data[position] == 0x00 and data[position + 2] == 0x01:
                instance, length = data[position + 3], data[position + 4]
                end = position + 5 + length
                if instance >= 0x80 or length >= 0x80 or end > self._end:
                    break
                found.append((position, data[position + 1], instance, data[position + 5 : end].decode("ascii")))
                position = end
        except (IndexError, UnicodeDecodeError):
            pass  # whoever reads on finds out what is there
        self.position = position
        return found

    def since(self, start: int) -> bytes:
        """What was read from the position `start` on."""
        return self._data[start : self.position]

    def name(self) -> str:
        """A length and that many bytes of UTF-8."""
        start = self.position + 1
        length = self._data[start - 1] if start <= self._end else 0x80
        if length >= 0x80:  # more than one byte of length, which is rare
            length = self.u32()
            if length > MAX_NAME_LENGTH:
                raise self.fail(f"a name of {length} bytes is over the limit of {MAX_NAME_LENGTH}")
            start = self.position
        end = start + length
        if end > self._end:
            raise self.fail("unexpected end")
        self.position = end
        try:
            return self._data[start:end].decode()
        except UnicodeDecodeError as error:
            raise self.fail("malformed UTF-8 encoding") from error

    def short_entries(self) -> list[tuple[str, int, int]] | None:
        """A vector of ASCII names, each with a byte and an index of at most two bytes, without calls.

        There are over a thousand of these in an ordinary component. None, and nothing read, where an entry is
        longer, or something is wrong, which whoever reads them one by one finds out.
        """
        data, position = self._data, self.position + 1
        found: list[tuple[str, int, int]] = []
        try:
            count = data[position - 1]
            if count >= 0x80:
                count, position = count & 0x7F | data[position] << 7, position + 1
                if count >= 0x4000:
                    return None
            for _ in range(count):
                end = position + 1 + data[position]
                name, code, index = data[position + 1 : end], data[end], data[end + 1]
                if data[position] >= 0x80 or not name.isascii():
                    return None
                position = end + 2
                if index >= 0x80:
                    index, position = index & 0x7F | data[position] << 7, position + 1
                    if index >= 0x4000:
                        return None
                found.append((name.decode("ascii"), code, index))
        except IndexError:
            return None
        self.position = position
        return found

    def vector(self, read: Callable[[], T]) -> tuple[T, ...]:
        """A count and that many of what `read` reads; each takes at least a byte."""
        return tuple([read() for _ in range(self.count())])

    def count(self) -> int:
        """How many items follow, each of which takes at least a byte."""
        count = self.u32()
        if count > self._end - self.position:
            raise self.fail(f"{count} items cannot fit into what is left")
        return count

    def optional(self, read: Callable[[], T]) -> T | None:
        """`00`, or `01` and what `read` reads."""
        return read() if self.flag() else None

    def finish(self, what: str) -> None:
        """Raises: MalformedComponent when something of `what` is left."""
        if not self.at_end:
            raise self.fail(f"{what} is longer than what it holds")
