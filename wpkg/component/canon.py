"""Canonical definitions as written (Binary.md, "Canonical Definitions"); what they mean is `check_canon`'s.

Entries of the section have no length, so each has to be read to get past it. This part of the format still moves
(component-model#716): an opcode that is not known ends the reading of the section, which is an error only if a
function that it may have defined is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.component.definitions import CanonDef, CanonOption, LiftDef, UnreadCanonsDef
from wpkg.component.read_core_types import read_core_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from wpkg.component.core_types import CoreValue
    from wpkg.component.cursor import Cursor
    from wpkg.component.definitions import Options, Ref

LIFT, LOWER = 0x00, 0x01

# What follows each opcode: i index · o options · f flag byte · v core value type · r results
_IMMEDIATES = {
    0x02: "i", 0x03: "i", 0x04: "i",  # resource.new, drop, rep
    0x05: "", 0x06: "f",  # task.cancel, subtask.cancel
    0x09: "ro",  # task.return
    0x0A: "vi", 0x0B: "vi",  # context.get, set
    0x0C: "f", 0x0D: "",  # thread.yield, subtask.drop
    0x0E: "i", 0x0F: "io", 0x10: "io", 0x11: "if", 0x12: "if", 0x13: "i", 0x14: "i",  # stream.*
    0x15: "i", 0x16: "io", 0x17: "io", 0x18: "if", 0x19: "if", 0x1A: "i", 0x1B: "i",  # future.*
    0x1C: "o", 0x1D: "o", 0x1E: "",  # error-context.*
    0x1F: "", 0x20: "fi", 0x21: "fi", 0x22: "", 0x23: "",  # waitable-set.*, waitable.join
    0x24: "", 0x25: "",  # backpressure.inc, dec
    0x26: "", 0x27: "ii", 0x28: "",  # thread.index, new-indirect, resume-later
    0x29: "f", 0x2A: "f", 0x2B: "f", 0x2C: "f", 0x2D: "f",  # thread.suspend and kin
    0x40: "fi", 0x41: "fii", 0x42: "f",  # thread.spawn-*, available-parallelism
}  # fmt: skip
_OPTIONS = {option.value: option for option in CanonOption}
_OPTIONS_WITH_INDEX = frozenset(
    {
        CanonOption.MEMORY,
        CanonOption.REALLOC,
        CanonOption.POST_RETURN,
        CanonOption.CALLBACK,
        CanonOption.CORE_TYPE,
    }
)

Entry = tuple[int, LiftDef | CanonDef | UnreadCanonsDef]
"""An entry and its offset."""


def read_canon_section(cursor: Cursor, read_ref: Callable[[], Ref]) -> list[Entry]:
    """The entries of a section, ended by an UnreadCanonsDef where an opcode is not known."""
    entries: list[Entry] = []
    for _ in range(cursor.u32()):
        at = cursor.offset
        opcode = cursor.byte()
        if opcode == LIFT:
            cursor.expect(0x00, "lift")
            entries.append((at, LiftDef(cursor.u32(), _options(cursor), cursor.u32())))
        elif opcode == LOWER:
            cursor.expect(0x00, "lower")
            entries.append((at, CanonDef(opcode, (cursor.u32(),), _options(cursor))))
        elif (immediates := _IMMEDIATES.get(opcode)) is not None:
            entries.append((at, _canon(cursor, opcode, immediates, read_ref)))
        else:
            return [*entries, (at, UnreadCanonsDef(opcode))]
    cursor.finish("the canon section")
    return entries


def _canon(cursor: Cursor, opcode: int, immediates: str, read_ref: Callable[[], Ref]) -> CanonDef:
    indices: list[int] = []
    options: Options = ()
    value: CoreValue | None = None
    result: Ref | None = None
    for kind in immediates:
        if kind == "i":
            indices.append(cursor.u32())
        elif kind == "o":
            options = _options(cursor)
        elif kind == "f":
            cursor.flag()
        elif kind == "v":
            value = read_core_value(cursor)
        elif cursor.byte() == 0x00:
            result = read_ref()
        else:
            cursor.expect(0x00, "no results")
    return CanonDef(opcode, tuple(indices), options, value, result)


def _options(cursor: Cursor) -> Options:
    def option() -> tuple[CanonOption, int]:
        opcode = cursor.byte()
        found = _OPTIONS.get(opcode)
        if found is None:
            raise cursor.fail(f"unknown canonical option {opcode:02x}")
        return found, cursor.u32() if found in _OPTIONS_WITH_INDEX else 0

    return cursor.vector(option)
