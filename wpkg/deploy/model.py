"""What is to be deployed: components by digest, what each needs, and which is linked to which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from wpkg.component.types import (
    Borrow,
    FuncType,
    FutureType,
    InstanceType,
    Own,
    Resource,
    StreamType,
    TypeBound,
    members,
    strip,
)
from wpkg.names.extern_name import parse_extern_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wpkg.component.types import (
        AnyType,
        EvaluatedFunc,
        ExternType,
    )
    from wpkg.names.extern_name import InterfaceName
    from wpkg.project.manifest_table import ManifestSettings


class Wanted(Struct, frozen=True):
    """An import of a component that somebody has to satisfy."""

    name: str  # the extern name
    interface: InterfaceName | None  # what it is or implements; None for a function
    obstacle: str | None = None  # why it cannot be linked over a lattice

    @property
    def label(self) -> str | None:
        """Its name where that is not the interface's: it says which of several is meant."""
        return self.name if self.interface is not None and str(self.interface) != self.name else None


class Unit(Struct, frozen=True):
    """A component that is deployed. `image` names it by digest."""

    name: str  # in the manifest
    package: str  # for people
    image: str
    imports: tuple[Wanted, ...]
    exports: tuple[str, ...]


class UnitLink(Struct, frozen=True):
    """An import of one unit, served by another, or by a service outside (`service`)."""

    importer: str
    wanted: Wanted
    exporter: str
    export: str
    link_name: str | None
    is_service: bool = False


class Deployment(Struct, frozen=True):
    """Everything; the unit that the project publishes is the first."""

    name: str
    version: str
    units: tuple[Unit, ...]
    links: tuple[UnitLink, ...]
    settings: ManifestSettings
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def main(self) -> Unit:
        """What the project publishes."""
        return self.units[0]


def wanted_import(name: str, interface: str, extern: ExternType) -> Wanted:
    """The import `name`, of `interface`."""
    return Wanted(name, parse_extern_name(interface), lattice_obstacle(extern))


def lattice_obstacle(extern: ExternType) -> str | None:
    """What of an interface no lattice can carry: resources, streams, futures; None where nothing is in the way."""
    if not isinstance(extern, InstanceType):
        return None
    for name, item in extern.exports.items():
        if isinstance(item, TypeBound) and isinstance(strip(item.type), Resource):
            return f"the resource '{name}'"
        if isinstance(item, FuncType) and (what := _carried(item)) is not None:
            return f"{what} in '{name}'"
    return None


def _carried(function: EvaluatedFunc) -> str | None:
    pending: list[AnyType] = [function]
    seen: dict[int, AnyType] = {}
    while pending:
        found = strip(pending.pop())
        if id(found) in seen:
            continue
        seen[id(found)] = found
        if isinstance(found, (Own, Borrow)):
            return "a resource"
        if isinstance(found, (StreamType, FutureType)):
            return "a stream" if isinstance(found, StreamType) else "a future"
        pending += [member for member in members(found) if member is not None]
    return None
