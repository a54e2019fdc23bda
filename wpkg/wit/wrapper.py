"""Interfaces and worlds as definitions: component types that binary packages export (WIT.md, "Package Format").

A wrapper exports, under its whole name, one interface (an instance) or one world (a component). It imports the
interfaces whose types the interface uses, of which it says the types and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.component.types import ComponentType, InstanceType, TypeBound
from wpkg.wit.order import needed_first

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wpkg.wit.packages import WitInterface, WitWorld


def wrap_interface(name: str, interfaces: Mapping[str, WitInterface]) -> ComponentType:
    """The component type that defines the interface `name`."""
    *used, _ = needed_first([name], lambda other: interfaces[other].uses)
    imports = {other: _types_of(interfaces[other].type) for other in used}
    exported = interfaces[name].type
    created = tuple(identity for each in (*imports.values(), exported) for identity in each.created)
    return ComponentType(imports, {name: exported}, created)


def _types_of(instance: InstanceType) -> InstanceType:
    types = {name: extern for name, extern in instance.exports.items() if isinstance(extern, TypeBound)}
    return InstanceType(types, instance.created)


def wrap_world(world: WitWorld) -> ComponentType:
    """The component type that defines `world`."""
    described = ComponentType(
        world.type.imports,
        world.type.exports,
        world.type.created,
        {name: said for name, said in world.attributes.items() if name in world.type.imports},
        {name: said for name, said in world.attributes.items() if name in world.type.exports},
    )
    return ComponentType({}, {world.name: described})
