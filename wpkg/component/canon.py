"""Canonical definitions (Binary.md, "Canonical Definitions").

Entries of the section have no length, so each has to be read to get past it. Only `lift` makes a component
function; every other one makes a core function. This part of the format still moves (component-model#716):
an opcode that is not known ends the reading of the section, which is an error only if a function that it
may have defined is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.component.definitions import LiftDef, UnreadCanonsDef

if TYPE_CHECKING:
    from wpkg.component.cursor import Cursor

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
_OPTIONS_WITH_INDEX = frozenset({0x03, 0x04, 0x05, 0x07, 0x08})
_LAST_OPTION = 0x09


def read_canon_section(cursor: Cursor) -> list[LiftDef | UnreadCanonsDef]:
    """The lifts of a section, in order, ended by an UnreadCanonsDef where an opcode is not known."""
    lifts: list[LiftDef | UnreadCanonsDef] = []
    for _ in range(cursor.u32()):
        opcode = cursor.byte()
        if opcode == 0x00:
            cursor.expect(0x00, "lift")
            cursor.u32()
            _options(cursor)
            lifts.append(LiftDef(cursor.u32()))
        elif opcode == 0x01:
            cursor.expect(0x00, "lower")
            cursor.u32()
            _options(cursor)
        elif (immediates := _IMMEDIATES.get(opcode)) is not None:
            _skip(cursor, immediates)
        else:
            return [*lifts, UnreadCanonsDef(opcode)]
    cursor.finish("the canon section")
    return lifts


def _skip(cursor: Cursor, immediates: str) -> None:
    for kind in immediates:
        if kind == "i":
            cursor.u32()
        elif kind == "o":
            _options(cursor)
        elif kind == "f":
            cursor.flag()
        elif kind == "v":
            cursor.byte()
        else:
            _results(cursor)


def _results(cursor: Cursor) -> None:
    if cursor.byte() == 0x00:
        cursor.s33()
    else:
        cursor.expect(0x00, "no results")


def _options(cursor: Cursor) -> None:
    for _ in range(cursor.u32()):
        option = cursor.byte()
        if option in _OPTIONS_WITH_INDEX:
            cursor.u32()
        elif option > _LAST_OPTION:
            raise cursor.fail(f"unknown canonical option {option:02x}")
