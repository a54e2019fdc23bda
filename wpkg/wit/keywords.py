"""The words that WIT keeps for itself; as an identifier each is written with a `%` (WIT.md, "Keywords")."""

from __future__ import annotations

KEYWORDS = frozenset(
    """
    _ as async bool borrow char constructor enum error-context export f32 f64 flags float32 float64 from func
    future import include interface list map option own package record resource result s16 s32 s64 s8 static
    stream string tuple type u16 u32 u64 u8 use variant with world
    """.split()  # noqa: SIM905 - read as a list of words
)


def escaped(identifier: str) -> str:
    """`identifier` as it is written in WIT."""
    return f"%{identifier}" if identifier in KEYWORDS else identifier
