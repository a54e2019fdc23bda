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
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wpkg.component.types import (
        AnyType,
        ExternType,
        Identity,
    )


def provided(extern: ExternType) -> Iterator[tuple[str, Identity]]:
    """The identities that an item gives a name to, with that name: its type exports; a type itself, with ''."""
    if isinstance(extern, TypeBound):
        yield "", extern.type
    elif isinstance(extern, InstanceType):
        for name, export in extern.exports.items():
            if isinstance(export, TypeBound):
                yield name, export.type


def mentioned(extern: ExternType) -> Iterator[Identity]:
    """The identities that an item refers to and does not itself name, in order, each once.

    Chains are followed one step: of `use types.{r}`, the `r` of `types`. What occurs often is looked into once.
    """
    own = set(_named_in(extern, {})) if isinstance(extern, InstanceType) else set()
    seen: dict[int, AnyType] = {}
    for identity in _in_extern(extern, seen):
        if identity not in own:
            yield identity


def _named_in(extern: ExternType, seen: dict[int, ExternType]) -> Iterator[Identity]:
    """The identities that an item gives names to, at any depth."""
    if isinstance(extern, TypeBound):
        yield extern.type
    elif isinstance(extern, InstanceType) and id(extern) not in seen:
        seen[id(extern)] = extern
        for export in extern.exports.values():
            yield from _named_in(export, seen)


def _in_extern(extern: ExternType, seen: dict[int, AnyType]) -> Iterator[Identity]:
    match extern:
        case InstanceType():
            for export in extern.exports.values():
                yield from _in_extern(export, seen)
        case TypeBound(type=Alias() as alias):
            yield from _in_type(alias.target, seen)
        case TypeBound() | CoreModule():
            return
        case _:
            yield from _in_type(extern, seen)


def _in_type(entry: AnyType, seen: dict[int, AnyType]) -> Iterator[Identity]:
    """The identities in a type; an identity stands for itself, what it stands for is not looked at."""
    if isinstance(entry, Primitive) or id(entry) in seen:
        return
    seen[id(entry)] = entry
    if isinstance(entry, (Alias, Resource)):
        yield entry
    elif isinstance(entry, InstanceType):
        yield from _in_extern(entry, seen)
    elif isinstance(entry, ComponentType):
        for extern in (*entry.imports.values(), *entry.exports.values()):
            yield from _in_extern(extern, seen)
    else:
        members: list[AnyType] = []
        entry.map(members.append)
        for member in members:
            yield from _in_type(member, seen)
