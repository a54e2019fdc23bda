"""Which types of a scope somebody outside can name (Explainer, "External Visibility of Types").

Records, variants, enums, flags and resources need a name that an import or export gave them; other types do not,
but their members do. A name belongs to the identity that the import or export created, not to what that stands
for. Imported types are named for imports and exports, exported ones for later exports.
"""

from __future__ import annotations

from collections import ChainMap
from typing import TYPE_CHECKING, TypeAlias

from wpkg.component.describe import describe
from wpkg.component.errors import MalformedComponent, quoted
from wpkg.component.types import (
    EnumType,
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
    from wpkg.component.types import (
        AnyType,
        ExternType,
    )

_Known: TypeAlias = "MutableMapping[int, AnyType]"  # id -> kept alive

_NAMED = (Record, Variant, EnumType, Flags, Resource)


class Visibility:
    """The named types of one component or component type."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._for_imports: _Known = {}
        self._for_exports: _Known = ChainMap({}, self._for_imports)

    def add_import(self, text: str, extern: ExternType) -> None:
        """Name what an import names. Raises: MalformedComponent where it uses what has no name."""
        self._add(extern, self._for_imports, "import", text)

    def add_export(self, text: str, extern: ExternType) -> None:
        """Name what an export names. Raises: MalformedComponent where it uses what has no name."""
        self._add(extern, self._for_exports, "export", text)

    def _add(self, extern: ExternType, known: _Known, *says: str) -> None:
        if isinstance(extern, InstanceType):
            self._work.spend(len(extern.exports))
            for export in extern.exports.values():
                self._add(export, known, *says)
        elif isinstance(extern, FuncType):
            self._check_members(extern, known, *says)
        elif isinstance(extern, TypeBound):
            self._check_definition(extern.type, known, *says)
            _name(extern, known)
        # Components and modules are closed: they refer to nothing outside.

    def _check_definition(self, value: AnyType, known: _Known, *says: str) -> None:
        """Raises: MalformedComponent when what `value` consists of, not it itself, needs a name and has none."""
        found = strip(value)
        if isinstance(found, InstanceType):
            within: _Known = ChainMap({}, known)  # what the type itself exports has a name there
            for export in found.exports.values():
                self._add(export, within, *says)
        else:
            self._check_members(found, known, *says)

    def _check_members(self, value: AnyType, known: _Known, *says: str) -> None:
        """Raises: MalformedComponent when a member of `value` needs a name and has none, or a member of that."""
        for member in members(value):
            if member is None or isinstance(member, Primitive) or id(member) in known:
                continue
            identity = created(member)
            if id(identity) in known:
                continue
            found = strip(identity)
            if isinstance(found, _NAMED):
                kind, text = says
                raise MalformedComponent(
                    f"{kind} {quoted(text)} uses {describe(identity)}, a type that no import or export before it "
                    "gives a name"
                )
            self._check_members(found, known, *says)
            known[id(member)] = member  # names are only ever added, so it stays as it is


def _name(bound: TypeBound, known: _Known) -> None:
    known[id(bound.type)] = bound.type
    identity = created(bound.type)
    known[id(identity)] = identity
