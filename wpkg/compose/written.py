"""A composition that somebody wrote down, in which nothing is left to inference but what types demand.

What demands is the same as of a plan that was inferred: imports of the host are merged, types of worlds are passed
on, and interfaces whose types the exports mention are exported too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.component.types import TypeBound
from wpkg.compose.errors import CircularTypes, ExportConflict, ImportConflict
from wpkg.compose.graph import Defined, Exported, Item, Node, Plan, StatedImport
from wpkg.compose.linker import Linker
from wpkg.compose.mentions import mentioned
from wpkg.compose.order import Circle, in_order
from wpkg.names.extern_name import uniqueness_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wpkg.compose.graph import Residual


class Written(Struct, frozen=True):
    """A composition as it is written: every instance after those that it needs."""

    nodes: tuple[Node, ...]
    arguments: Mapping[tuple[str, str], Item]  # node and import -> what satisfies it; the rest is the host's
    imports: tuple[StatedImport, ...]
    exports: tuple[Exported, ...]
    defined: tuple[Defined, ...] = ()


def plan_written(written: Written) -> Plan:
    """The plan that a written composition is. Raises: CompositionError."""
    linker = Linker((), written.arguments, written.defined)
    for stated in written.imports:
        linker.host.state(stated)
    for node in written.nodes:
        linker.add(node)
    exports = _owners_first(linker, written.exports)
    residuals = linker.host.ordered(_near_first(written))
    _check_names(residuals)
    makers = (each.item.node for each in reversed(exports))
    first = next((maker for maker in makers if maker is not None), None)
    return Plan(
        nodes=written.nodes,
        root=first or (written.nodes[-1].name if written.nodes else ""),
        connections=tuple(linker.connections),
        residuals=tuple(residuals),
        passed_types=tuple(linker.passed_types),
        instances={name: instance.exports for name, instance in linker.instances.items()},
        reexports=tuple(linker.reexports(exports)),
        unused=(),
        near_misses=(),
        left=frozenset(importer for residual in residuals for importer in residual.importers),
        stated_again=frozenset(linker.stated_again),
        taken=tuple(linker.taken),
        stated_exports=tuple(exports),
        defined=written.defined,
    )


def _check_names(residuals: Sequence[Residual]) -> None:
    """Raises: ImportConflict when two imports of the result would have one name."""
    taken: dict[str, str] = {}
    for residual in residuals:
        key = uniqueness_key(residual.name)
        if key in taken:
            raise ImportConflict(residual.name, taken[key])
        taken[key] = residual.name


def _owners_first(linker: Linker, exports: Sequence[Exported]) -> list[Exported]:
    """The exports, each after those whose types it mentions, else as written. Raises: ExportConflict."""
    taken: dict[str, Exported] = {}
    for exported in exports:
        other = taken.setdefault(uniqueness_key(exported.name), exported)
        if other is not exported:
            raise ExportConflict(exported.name, (other.item.origin, exported.item.origin))
    by_owner = {(each.item.node, *each.item.path): each for each in reversed(exports) if len(each.item.path) == 1}
    types = {
        extern.type: each
        for each in reversed(exports)
        if isinstance(extern := linker.type_of(each.item), TypeBound)
    }

    def needs(exported: Exported) -> list[Exported]:
        found = [
            types.get(identity) or by_owner.get(linker.owner(identity) or (None, ""))
            for identity in mentioned(linker.type_of(exported.item))
        ]
        return [each for each in found if each is not None and each is not exported]

    try:
        return in_order(exports, needs)
    except Circle as circle:
        raise CircularTypes([each.name for each in circle.path]) from circle


def _near_first(written: Written) -> list[Node]:
    """The nodes by which imports of the host are ordered: those that none needs, then what these need."""
    exporters: dict[str, dict[str, None]] = {node.name: {} for node in written.nodes}
    for node in written.nodes:
        for name in node.component.imports:
            item = written.arguments.get((node.name, name))
            if item is not None and item.node is not None:
                exporters[node.name][item.origin] = None
    needed = {exporter for each in exporters.values() for exporter in each}
    found = dict.fromkeys(node.name for node in written.nodes if node.name not in needed)
    pending = list(found)
    for name in pending:
        new = [exporter for exporter in exporters[name] if exporter not in found]
        found.update(dict.fromkeys(new))
        pending += new
    by_name = {node.name: node for node in written.nodes}
    return [by_name[name] for name in found]
