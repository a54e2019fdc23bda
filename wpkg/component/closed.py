"""Which resources a type refers to without bringing them along (Explainer, "Outer Aliases", "Type Checking").

A component stands for itself: a type with such a resource can neither be carried into one by an outer alias, nor
be part of its imports or exports unless those name the resource.
"""

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
    strip,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wpkg.component.substitute import Work
    from wpkg.component.types import (
        AnyType,
        ExternType,
    )


def free_resources(externs: Iterable[ExternType], work: Work) -> set[Resource]:
    """The resources that `externs` refer to and do not bring along. Raises: MalformedComponent, see Work."""
    return _free([extern.type if isinstance(extern, TypeBound) else extern for extern in externs], work)


def free_resources_of(entry: AnyType, work: Work) -> set[Resource]:
    """The same of one type."""
    return _free([entry], work)


def _free(found: list[AnyType | CoreModule], work: Work) -> set[Resource]:
    mentioned: set[Resource] = set()
    brought: set[object] = set()
    seen: dict[int, object] = {}  # id -> kept alive
    while found:
        entry = found.pop()
        if isinstance(entry, (Primitive, CoreModule)) or id(entry) in seen:
            continue
        work.spend(1)
        seen[id(entry)] = entry
        if isinstance(entry, Resource):
            mentioned.add(entry)
        elif isinstance(entry, Alias):
            found.append(entry.target)
        elif isinstance(entry, (InstanceType, ComponentType)):
            brought.update(entry.created)
            found += _parts(entry)
        else:
            found += [member for member in members(entry) if member is not None]
    return {resource for resource in mentioned if resource not in brought}


def _parts(entry: InstanceType | ComponentType) -> Iterator[AnyType | CoreModule]:
    externs = list(entry.exports.values())
    if isinstance(entry, ComponentType):
        externs += entry.imports.values()
    for extern in externs:
        yield extern.type if isinstance(extern, TypeBound) else extern


def named_resources(externs: Iterable[ExternType], work: Work) -> set[Resource]:
    """The resources that `externs` give a name to, at any depth of instances."""
    named: set[Resource] = set()
    left = list(externs)
    while left:
        extern = left.pop()
        work.spend(1)
        if isinstance(extern, InstanceType):
            left += extern.exports.values()
        elif isinstance(extern, TypeBound):
            found = strip(extern.type)
            if isinstance(found, Resource):
                named.add(found)
    return named
