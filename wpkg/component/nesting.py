"""Which components and core modules a component has in it, and what they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

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
    from collections.abc import Callable

    from wpkg.component.definitions import Definition

MAX_TREE_DEPTH = 16  # of components in components that are shown; each level is hashed again

Digest = TypeVar("Digest")


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


class Contents(Struct, Generic[Digest], frozen=True):
    """A component and the components in it. `modules` are its own core modules, `module_size` in bytes.

    `hidden` is how many components are in it that are nested too deeply to be shown.
    """

    name: str | None
    digest: Digest
    size: int  # bytes
    modules: int
    module_size: int
    components: tuple[Contents[Digest], ...]
    hidden: int


def contents_of(
    data: memoryview, part: Part, digest_of: Callable[[memoryview], Digest], depth: int = 0
) -> Contents[Digest]:
    """The tree below `part` of `data`, `depth` levels down, with the digest of each component."""
    shown = part.components if depth < MAX_TREE_DEPTH else ()
    return Contents(
        part.name,
        digest_of(data[part.start : part.end]),
        part.size,
        len(part.modules),
        part.module_size,
        tuple(contents_of(data, inner, digest_of, depth + 1) for inner in shown),
        0 if depth < MAX_TREE_DEPTH else _count(part),
    )


def _count(part: Part) -> int:
    return len(part.components) + sum(map(_count, part.components))
