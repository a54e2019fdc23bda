"""Which identities a type mentions: what `use` chains, re-exports and split resources are found by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.component.types import (
    Alias,
    ComponentType,
    CoreModule,
    InstanceType,
    Primitive,
    Resource,
    TypeBound,
    members,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wpkg.component.types import AnyType, ExternType, Identity


def provided(extern: ExternType) -> Iterator[tuple[str, Identity]]:
    """The identities that an item gives a name to, with that name: its type exports; a type itself, with ''."""
    if isinstance(extern, TypeBound):
        yield "", extern.type
    elif isinstance(extern, InstanceType):
        for name, export in extern.exports.items():
            if isinstance(export, TypeBound):
                yield name, export.type


def mentioned(extern: ExternType) -> Sequence[Identity]:
    """The identities that an item refers to and does not itself name, in order, each once.

    Chains are followed one step: of `use types.{r}`, the `r` of `types`. What occurs often is looked into once.
    """
    own: set[Identity] = set()
    if isinstance(extern, InstanceType):
        _name_in(extern, own, {})
    found: list[Identity] = []
    _mention_in_extern(extern, found, {})
    return [identity for identity in found if identity not in own]


def _name_in(extern: ExternType, found: set[Identity], seen: dict[int, ExternType]) -> None:
    """Add the identities that an item gives names to, at any depth."""
    if isinstance(extern, TypeBound):
        found.add(extern.type)
    elif isinstance(extern, InstanceType) and id(extern) not in seen:
        seen[id(extern)] = extern
        for export in extern.exports.values():
            _name_in(export, found, seen)


def _mention_in_extern(extern: ExternType, found: list[Identity], seen: dict[int, AnyType]) -> None:
    match extern:
        case InstanceType():
            for export in extern.exports.values():
                _mention_in_extern(export, found, seen)
        case TypeBound(type=Alias() as alias):
            _mention_in_type(alias.target, found, seen)
        case TypeBound() | CoreModule():
            return
        case _:
            _mention_in_type(extern, found, seen)


def _mention_in_type(entry: AnyType, found: list[Identity], seen: dict[int, AnyType]) -> None:
    """Add the identities in a type; an identity stands for itself, what it stands for is not looked at."""
    if isinstance(entry, Primitive) or id(entry) in seen:
        return
    seen[id(entry)] = entry
    if isinstance(entry, (Alias, Resource)):
        found.append(entry)
    elif isinstance(entry, InstanceType):
        _mention_in_extern(entry, found, seen)
    elif isinstance(entry, ComponentType):
        for extern in (*entry.imports.values(), *entry.exports.values()):
            _mention_in_extern(extern, found, seen)
    else:
        for member in members(entry):
            if member is not None:
                _mention_in_type(member, found, seen)
