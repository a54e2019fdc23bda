"""Which types of a scope somebody outside can name (Explainer, "External Visibility of Types").

Records, variants, enums, flags and resources need a name that an import or export gave them; other types do not,
but their members do. A name belongs to the identity that the import or export created, not to what that stands
for. Imported types are named for imports and exports, exported ones for later exports.
"""

from __future__ import annotations

from collections import ChainMap
from typing import TYPE_CHECKING, TypeAlias

from wpkg.component.describe import describe
from wpkg.component.errors import MalformedComponent
from wpkg.component.types import (
    AnyType,
    ComponentType,
    CoreModule,
    EnumType,
    ExternType,
    Flags,
    FuncType,
    InstanceType,
    Primitive,
    Record,
    Resource,
    TypeBound,
    Variant,
    created,
    members,
    strip,
)

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from wpkg.component.substitute import Work

_Known: TypeAlias = "MutableMapping[int, AnyType]"  # id -> kept alive

_NAMED = (Record, Variant, EnumType, Flags, Resource)


class Visibility:
    """The named types of one component or component type."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._for_imports: dict[int, AnyType] = {}
        self._for_exports: dict[int, AnyType] = {}

    def add_import(self, text: str, extern: ExternType) -> None:
        """Name what an import names. Raises: MalformedComponent where it uses what has no name."""
        self._add(extern, self._for_imports, f"import '{text}'")
        self._register(extern, self._for_exports)

    def add_export(self, text: str, extern: ExternType) -> None:
        """Name what an export names. Raises: MalformedComponent where it uses what has no name."""
        self._add(extern, self._for_exports, f"export '{text}'")

    def _register(self, extern: ExternType, known: _Known) -> None:
        """Name the types of what was checked already."""
        if isinstance(extern, InstanceType):
            self._work.spend(len(extern.exports))
            for export in extern.exports.values():
                self._register(export, known)
        elif isinstance(extern, TypeBound):
            _name(extern, known)

    def _add(self, extern: ExternType, known: _Known, says: str) -> None:
        match extern:
            case InstanceType():
                self._work.spend(len(extern.exports))
                for export in extern.exports.values():
                    self._add(export, known, says)
            case FuncType():
                self._check(extern, known, says)
            case TypeBound():
                self._check_definition(extern.type, known, says)
                _name(extern, known)
            case ComponentType() | CoreModule():
                return  # closed: they refer to nothing outside

    def _check_definition(self, value: AnyType, known: _Known, says: str) -> None:
        """Raises: MalformedComponent when what `value` consists of, not it itself, needs a name and has none."""
        found = strip(value)
        if isinstance(found, InstanceType):
            within: _Known = ChainMap({}, known)  # what the type itself exports has a name there
            for export in found.exports.values():
                self._add(export, within, says)
        else:
            self._check_members(found, known, says)

    def _check_members(self, value: AnyType, known: _Known, says: str) -> None:
        for member in members(value):
            if member is not None and not isinstance(member, Primitive):
                self._check(member, known, says)

    def _check(self, value: AnyType, known: _Known, says: str) -> None:
        """Raises: MalformedComponent when `value` or a member of it needs a name and has none."""
        if isinstance(value, Primitive) or id(value) in known:
            return
        identity = created(value)
        if id(identity) in known:
            return
        found = strip(identity)
        if isinstance(found, _NAMED):
            raise MalformedComponent(
                f"{says} uses {describe(identity)}, a type that no import or export before it gives a name"
            )
        self._check_members(found, known, says)
        known[id(value)] = value  # names are only ever added, so it stays as it is


def _name(bound: TypeBound, known: _Known) -> None:
    known[id(bound.type)] = bound.type
    identity = created(bound.type)
    known[id(identity)] = identity
