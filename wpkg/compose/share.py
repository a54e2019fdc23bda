"""Identical core modules embedded once (docs/composition.md, "Sharing modules").

A core module that occurs more than once, at whatever depth, becomes a module of the composition itself; each place
where it stood becomes an outer alias of it (Binary.md, `alias`). An alias takes the same place in the index space
of core modules, so nothing else changes but the sizes of the components around it.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.component import write
from wpkg.component.decode import sections
from wpkg.component.definitions import Sort
from wpkg.component.sections import COMPONENT_PREAMBLE, COMPONENT_SECTION, section, section_header
from wpkg.compose.pieces import Piece, Slice, joined, pieces_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wpkg.compose.graph import Plan

_MODULE_SECTION = 0x01
_ALIAS_SECTION = 0x06
_WORTH_SHARING = 64  # bytes; an alias takes up to 12


class Sharing(Struct, frozen=True):
    """The modules that move to the composition, and the components without them."""

    hoisted: tuple[Piece, ...]  # the sections of the shared modules, in the order of their indices
    count: int  # of shared modules
    saved: int  # bytes that are not embedded again
    rewritten: Mapping[str, tuple[Piece, ...]]  # node -> pieces of its component, for those that change


class _Module(Struct, frozen=True):
    """A core module in an input: bytes `start` to `end`, and what they are."""

    node: str
    start: int
    end: int


def share_modules(plan: Plan, data: Mapping[str, memoryview]) -> Sharing:
    """Which core modules of the plan's components are the same, and the components with them shared.

    `data` are the components' bytes by the names of their nodes. Only modules of equal length are hashed.
    """
    names = list({node.content: node.name for node in reversed(plan.nodes)}.values())[::-1]
    by_length: dict[int, list[_Module]] = defaultdict(list)
    for name in names:
        for module in _modules(name, data[name], 0, len(data[name])):
            by_length[module.end - module.start].append(module)
    by_content: dict[bytes, list[_Module]] = defaultdict(list)
    for length, modules in by_length.items():
        if length >= _WORTH_SHARING and len(modules) > 1:
            for module in modules:
                content = hashlib.sha256(data[module.node][module.start : module.end]).digest()
                by_content[content].append(module)
    repeated = [modules for modules in by_content.values() if len(modules) > 1]
    rank = {name: i for i, name in enumerate(names)}
    repeated.sort(key=lambda modules: (rank[modules[0].node], modules[0].start))
    shared = {(m.node, m.start): index for index, modules in enumerate(repeated) for m in modules}
    hoisted: list[Piece] = []
    for first, *_ in repeated:
        hoisted += [
            section_header(_MODULE_SECTION, first.end - first.start),
            Slice(first.node, first.start, first.end),
        ]
    affected = {node for node, _ in shared}
    return Sharing(
        joined(hoisted),
        len(repeated),
        sum((len(modules) - 1) * (modules[0].end - modules[0].start) for modules in repeated),
        {
            name: joined(_without(name, data[name], 0, len(data[name]), 1, shared))
            for name in names
            if name in affected
        },
    )


def _modules(node: str, data: memoryview, start: int, end: int) -> Iterator[_Module]:
    for identifier, body, after in sections(data, start, end):
        if identifier == _MODULE_SECTION:
            yield _Module(node, body, after)
        elif identifier == COMPONENT_SECTION:
            yield from _modules(node, data, body, after)


def _without(
    node: str, data: memoryview, start: int, end: int, depth: int, shared: Mapping[tuple[str, int], int]
) -> Iterator[Piece]:
    """The component at `start`, `depth` components deep, its shared modules replaced by aliases."""
    position = start + len(COMPONENT_PREAMBLE)
    yield Slice(node, start, position)
    for identifier, body, after in sections(data, start, end):
        if identifier == _MODULE_SECTION and (node, body) in shared:
            alias = write.outer_alias(Sort.CORE_MODULE, depth, shared[node, body])
            yield section(_ALIAS_SECTION, b"\x01" + alias)
        elif identifier == COMPONENT_SECTION:
            inside = joined(_without(node, data, body, after, depth + 1, shared))
            if inside == (Slice(node, body, after),):
                yield Slice(node, position, after)
            else:
                yield section_header(COMPONENT_SECTION, pieces_size(inside))
                yield from inside
        else:
            yield Slice(node, position, after)
        position = after
