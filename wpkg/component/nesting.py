"""Which components and core modules a component has in it, and what they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.component.custom import NAME_SECTION, Names, custom_section
from wpkg.component.definitions import (
    ComponentDef,
    CoreModuleDef,
    ExportDef,
    ImportDef,
    InstanceAlias,
    OuterAlias,
    Sort,
)

if TYPE_CHECKING:
    from wpkg.component.definitions import Definition


class Part(Struct, frozen=True):
    """A component: bytes `start` to `end` of the outermost one. `modules` and `components` are directly in it."""

    name: str | None  # what the component around it calls it, else what it calls itself
    start: int
    end: int
    modules: tuple[tuple[int, int], ...]  # start and end of each
    components: tuple[Part, ...]

    @property
    def size(self) -> int:
        """How long it is, in bytes."""
        return self.end - self.start

    @property
    def module_size(self) -> int:
        """How long its core modules are together, in bytes."""
        return sum(end - start for start, end in self.modules)


def read_parts(data: memoryview, component: ComponentDef, name: str | None = None) -> Part:
    """What is in `component`, which was decoded from `data`; so it is nested no deeper than that allows."""
    names = Names(custom_section(data, component, NAME_SECTION))
    components: list[Part] = []
    index = 0
    for definition, _ in component.definitions:
        if isinstance(definition, ComponentDef):
            components.append(read_parts(data, definition, names.components.get(index)))
        index += _is_component(definition)
    modules = tuple([(d.start, d.end) for d, _ in component.definitions if isinstance(d, CoreModuleDef)])
    return Part(name or names.own, component.start, component.end, modules, tuple(components))


def _is_component(definition: Definition) -> bool:
    """Whether it takes a place in the index space of components."""
    match definition:
        case ComponentDef():
            return True
        case ImportDef(desc=desc):
            return desc.sort is Sort.COMPONENT
        case ExportDef(sort=sort) | InstanceAlias(sort=sort) | OuterAlias(sort=sort):
            return sort is Sort.COMPONENT
        case _:
            return False
