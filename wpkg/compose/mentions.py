"""Which identities a type mentions: what `use` chains, re-exports and split resources are found by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.component.types import (
    Alias,
    AnyType,
    ComponentType,
    CoreModule,
    ExternType,
    Identity,
    InstanceType,
    Primitive,
    Resource,
    TypeBound,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


def provided(extern: ExternType) -> Iterator[tuple[str, Identity]]:
    """The identities that an item gives a name to, with that name: its type exports."""
    if isinstance(extern, InstanceType):
        for name, export in extern.exports.items():
            if isinstance(export, TypeBound):
                yield name, export.type


def mentioned(extern: ExternType) -> Iterator[Identity]:
    """The identities that an item refers to and does not itself name, in order, each time they occur.

    Chains are followed one step: of `use types.{r}`, the `r` of `types`.
    """
    own = {identity for _, identity in provided(extern)}
    match extern:
        case InstanceType():
            for export in extern.exports.values():
                yield from (identity for identity in _direct(export) if identity not in own)
        case _:
            yield from _direct(extern)


def _direct(extern: ExternType) -> Iterator[Identity]:
    match extern:
        case TypeBound(type=Alias() as alias):
            yield from _in_type(alias.target)
        case TypeBound() | CoreModule():
            return
        case _:
            yield from _in_type(extern)


def _in_type(entry: AnyType) -> Iterator[Identity]:
    """The identities in a type; an identity stands for itself, what it stands for is not looked at."""
    if isinstance(entry, (Alias, Resource)):
        yield entry
    elif isinstance(entry, InstanceType):
        yield from mentioned(entry)
    elif isinstance(entry, ComponentType):
        for extern in (*entry.imports.values(), *entry.exports.values()):
            yield from mentioned(extern)
    elif not isinstance(entry, Primitive):
        found: list[AnyType] = []

        def collect(member: AnyType) -> AnyType:
            found.append(member)
            return member

        entry.map(collect)
        for member in found:
            yield from _in_type(member)
