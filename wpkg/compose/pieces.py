"""A component to be written, as pieces: bytes, and places in the inputs that are copied as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.component.sections import COMPONENT_SECTION, section_header

if TYPE_CHECKING:
    from collections.abc import Iterable


class Slice(Struct, frozen=True):
    """Bytes `start` to `end` of the component of `node`."""

    node: str
    start: int
    end: int


Piece = bytes | Slice


def embedded(node: str, size: int) -> tuple[Piece, Piece]:
    """The section that holds the component of `node` as it is."""
    return section_header(COMPONENT_SECTION, size), Slice(node, 0, size)


def piece_size(piece: Piece) -> int:
    """How long a piece is, in bytes."""
    return piece.end - piece.start if isinstance(piece, Slice) else len(piece)


def pieces_size(pieces: Iterable[Piece]) -> int:
    """How long pieces are together, in bytes."""
    return sum(map(piece_size, pieces))


def joined(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """The same bytes in fewer pieces: neighbours become one."""
    result: list[Piece] = []
    for piece in pieces:
        last = result[-1] if result else None
        if (
            isinstance(piece, Slice)
            and isinstance(last, Slice)
            and (piece.node, piece.start) == (last.node, last.end)
        ):
            result[-1] = Slice(piece.node, last.start, piece.end)
        elif isinstance(piece, bytes) and isinstance(last, bytes):
            result[-1] = last + piece
        else:
            result.append(piece)
    return tuple(result)
