"""Core types, as far as a component says them (core spec 3.0, 2.3; Explainer, "Core Type Definitions").

The types of core modules that exist stand in their code, which is never read: what comes from there is unknown,
None, and fits everywhere. So are types of the GC proposal, whose equality needs whole recursive groups.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wpkg.component.errors import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

I32, I64, F32, F64 = b"\x7f", b"\x7e", b"\x7d", b"\x7c"
_NAMES = {
    I32: "i32",
    I64: "i64",
    F32: "f32",
    F64: "f64",
    b"\x7b": "v128",
    b"\x70": "funcref",
    b"\x6f": "externref",
}

_NUMBERS = frozenset({I32, I64, F32, F64, b"\x7b"})

CoreValue = bytes
"""A core value type that names no other type, by its bytes."""


@dataclass(frozen=True, slots=True)
class CoreFuncType:
    """`core:functype`."""

    params: tuple[CoreValue, ...]
    results: tuple[CoreValue, ...]

    def __str__(self) -> str:
        params, results = (" ".join(_NAMES.get(v, v.hex()) for v in vs) for vs in (self.params, self.results))
        return f"({params}) -> ({results})"


@dataclass(frozen=True, slots=True)
class Limits:
    """`limits`, with what a memory or table adds to them."""

    minimum: int
    maximum: int | None
    shared: bool
    is_64: bool
    page_size: int | None  # log2 of bytes, None where nothing is said

    def will_do_for(self, wanted: Limits) -> bool:
        """Whether something with these limits can be used where `wanted` is asked for."""
        flags = (self.shared, self.is_64, self.page_size or 16)
        if flags != (wanted.shared, wanted.is_64, wanted.page_size or 16) or self.minimum < wanted.minimum:
            return False
        return wanted.maximum is None or (self.maximum is not None and self.maximum <= wanted.maximum)


@dataclass(frozen=True, slots=True)
class CoreFunc:
    """A core function."""

    type: CoreFuncType | None


@dataclass(frozen=True, slots=True)
class CoreTable:
    """A core table; `element` is None for a reference to a defined type."""

    element: CoreValue | None
    limits: Limits


@dataclass(frozen=True, slots=True)
class CoreMemory:
    """A core memory."""

    limits: Limits


@dataclass(frozen=True, slots=True)
class CoreGlobal:
    """A core global; `type` is None for a reference to a defined type."""

    type: CoreValue | None
    mutable: bool


@dataclass(frozen=True, slots=True)
class CoreTag:
    """A core tag."""

    type: CoreFuncType | None


CoreExtern = CoreFunc | CoreTable | CoreMemory | CoreGlobal | CoreTag


@dataclass(frozen=True, slots=True)
class CoreModuleType:
    """What a core module imports, by module and name, and exports."""

    imports: Mapping[tuple[str, str], CoreExtern]
    exports: Mapping[str, CoreExtern]


def describe_core(extern: CoreExtern) -> str:
    """`extern` in words."""
    match extern:
        case CoreFunc(type=func):
            return f"a core function {func or ''}".rstrip()
        case CoreTable():
            return "a core table"
        case CoreMemory():
            return "a core memory"
        case CoreGlobal():
            return "a core global"
        case CoreTag():
            return "a core tag"


def core_extern_fits(given: CoreExtern, wanted: CoreExtern) -> bool:
    """Whether `given` can be used where `wanted` is asked for (core spec 3.0, 3.3.15)."""
    match given, wanted:
        case CoreFunc(), CoreFunc():
            return _same(given.type, wanted.type)
        case CoreTag(), CoreTag():
            return _same(given.type, wanted.type)
        case CoreTable(), CoreTable():
            return _same(given.element, wanted.element) and given.limits.will_do_for(wanted.limits)
        case CoreMemory(), CoreMemory():
            return given.limits.will_do_for(wanted.limits)
        case CoreGlobal(), CoreGlobal():
            if given.mutable != wanted.mutable:
                return False
            # What may not change may be of a subtype, which numbers do not have.
            return _same(given.type, wanted.type) or (not given.mutable and wanted.type not in _NUMBERS)
        case _:
            return False


def _same(given: object, wanted: object) -> bool:
    return given is None or wanted is None or given == wanted


def core_module_mismatch(given: CoreModuleType, wanted: CoreModuleType) -> tuple[str, str, str] | None:
    """Where `given` will not do for `wanted`, what is wanted and what is given; None when it will do.

    Imports the other way round, then exports, as between components.
    """
    for (module, name), needed in given.imports.items():
        offered = wanted.imports.get((module, name))
        if offered is None or not core_extern_fits(offered, needed):
            found = "nothing" if offered is None else describe_core(offered)
            return f"import {quoted(module)} {quoted(name)}", found, describe_core(needed)
    for name, promised in wanted.exports.items():
        exported = given.exports.get(name)
        if exported is None or not core_extern_fits(exported, promised):
            found = "nothing" if exported is None else describe_core(exported)
            return f"export {quoted(name)}", describe_core(promised), found
    return None
