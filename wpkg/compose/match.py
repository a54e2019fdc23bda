"""Who could satisfy which import, by name; and in which order instances can exist.

An import looks for an export of its own name, then for one on its semver track with a higher version (the higher
stands in for the lower), then for one of the interface that it implements. What the root exports is never
offered: that would be a circle.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.component.definitions import Attribute
from wpkg.component.types import Alias, FuncType, InstanceType, Resource, TypeBound
from wpkg.compose.errors import AmbiguousImport, DependencyCycle, InvalidChoice, RootNotClear
from wpkg.compose.graph import NearMiss, Node, Reason
from wpkg.compose.order import Circle, in_order
from wpkg.names.extern_name import higher_name, is_canonical, parse_extern_name, track_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wpkg.component.types import Attributes, ExternType
    from wpkg.compose.graph import Residual
    from wpkg.names.choice import Choice

HOST = "host"  # what a choice names to leave an import to the host; a component of that name comes first


class Wire(Struct, frozen=True):
    """An import and who satisfies it. Where names do not say by which export, types will.

    `exports` are the possible ones, None being the exporting instance itself. The first `ranked` are tried one
    after the other; of the rest exactly one has to fit.
    """

    importer: str
    name: str
    exporter: str
    exports: tuple[str | None, ...]
    reason: Reason
    ranked: int = 1


class Offers:
    """The exports of some nodes, by name, by semver track and by interface."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self._by_name: dict[str, list[tuple[Node, str]]] = defaultdict(list)
        self._by_track: dict[str, list[tuple[Node, str]]] = defaultdict(list)
        self._by_interface: dict[str, list[tuple[Node, str]]] = defaultdict(list)
        for node in nodes:
            for export in node.component.exports:
                self._by_name[export].append((node, export))
                self._by_track[track_key(export)].append((node, export))
                interface = exported_interface(node, export)
                if interface is not None:
                    self._by_interface[unversioned(interface)].append((node, export))

    def candidates(self, importer: Node, name: str) -> list[Wire]:
        """What could satisfy an import; a better kind of match shuts out the others."""
        exact = [
            Wire(importer.name, name, node.name, (export,), Reason.SAME_NAME)
            for node, export in self._by_name.get(name, ())
            if node is not importer
        ]
        return exact or self._on_track(importer, name) or self._implementing(importer, name)

    def _on_track(self, importer: Node, name: str) -> list[Wire]:
        best: dict[str, str] = {}
        for node, export in self._by_track.get(track_key(name), ()):
            if node is not importer and export != name and stands_in(export, name):
                best[node.name] = higher_name(best.get(node.name, export), export)
        return [Wire(importer.name, name, who, (export,), Reason.SAME_TRACK) for who, export in best.items()]

    def _implementing(self, importer: Node, name: str) -> list[Wire]:
        """Exports of the interface that import or export has a label of its own for (Explainer, `implements`)."""
        wanted = imported_interface(importer, name)
        if wanted is None:
            return []
        found: dict[str, str] = {}
        for node, export in self._by_interface.get(unversioned(wanted), ()):
            offered = exported_interface(node, export)
            labelled = wanted != name or offered != export
            if node is importer or offered is None or not labelled or not stands_in(offered, wanted):
                continue
            known = found.get(node.name)
            if known is None or higher_name(exported_interface(node, known) or known, offered) == offered:
                found[node.name] = export
        return [Wire(importer.name, name, who, (export,), Reason.IMPLEMENTS) for who, export in found.items()]

    def near_misses(self, importer: Node, name: str) -> list[NearMiss]:
        """Exports of the interface that is imported, under names that do not match, and why they do not."""
        wanted = imported_interface(importer, name)
        if wanted is None:
            return []
        return [
            NearMiss(importer.name, name, node.name, export, _why_not(offered, wanted))
            for node, export in self._by_interface.get(unversioned(wanted), ())
            if node is not importer and (offered := exported_interface(node, export)) is not None
        ]


def imported_interface(node: Node, name: str) -> str | None:
    """The interface that an import is of: what it implements, or its name; None for a plain name."""
    return _interface(name, node.component.import_attributes)


def exported_interface(node: Node, name: str) -> str | None:
    """The same of an export."""
    return _interface(name, node.component.export_attributes)


def asked_interface(residual: Residual) -> str:
    """The interface that an import of the result is of: what its label implements, else its name."""
    return _interface(residual.name, {residual.name: tuple(residual.attributes)}) or residual.name


def _interface(name: str, attributes: Attributes) -> str | None:
    for attribute, value in attributes.get(name, ()):
        if attribute is Attribute.IMPLEMENTS:
            return value
    return name if parse_extern_name(name) is not None else None


def unversioned(interface: str) -> str:
    """The name of an interface without its version."""
    name = parse_extern_name(interface)
    return name.unversioned if name is not None else interface


def stands_in(offered: str, wanted: str) -> bool:
    """Whether the interface `offered` may stand for `wanted`: the same, or a higher one on its track.

    A canonical version (`@0.2`) is any on its track, so there the types alone decide.
    """
    if offered == wanted:
        return True
    if track_key(offered) != track_key(wanted):
        return False
    return higher_name(wanted, offered) == offered or is_canonical(offered) or is_canonical(wanted)


def _why_not(offered: str, wanted: str) -> str:
    ours, theirs = (parse_extern_name(name) for name in (wanted, offered))
    versions = tuple(name.version if name is not None else "" for name in (ours, theirs))
    if not versions[1]:
        return "the export has no version"
    if not versions[0]:
        return "the import has no version"
    if track_key(offered) == track_key(wanted) != wanted:
        return "the export's version is lower"
    return "the versions are not compatible"


def choose_root(nodes: Sequence[Node], root: str | None) -> str:
    """The node whose exports the result has: `root`, or the only one whose exports no other imports.

    Raises: RootNotClear, InvalidChoice, DependencyCycle.
    """
    if root is not None:
        if all(node.name != root for node in nodes):
            named = ", ".join(f"'{node.name}'" for node in nodes)
            raise InvalidChoice(f"the root '{root}' is not among the components {named}")
        return root
    offers = Offers(nodes)
    wires = [wire for node in nodes for name in importable(node) for wire in offers.candidates(node, name)]
    needed = {wire.exporter for wire in wires}
    free = [node.name for node in nodes if node.name not in needed]
    if len(free) == 1:
        return free[0]
    if free:
        raise RootNotClear(free)
    instantiation_order(nodes, [node.name for node in nodes], wires)
    raise AssertionError("every component is needed by another, and there is no circle")


def connect(nodes: Sequence[Node], root: str, choices: Sequence[Choice]) -> list[Wire]:
    """The wires, import by import. Raises: AmbiguousImport, InvalidChoice."""
    _check_choices(nodes, choices)
    chosen = {(choice.importer, choice.name): choice for choice in choices}
    by_name = {node.name: node for node in nodes}
    offers = Offers(node for node in nodes if is_offered(node, root))
    wires: list[Wire] = []
    for node in nodes:
        for name in importable(node):
            choice = chosen.get((node.name, name)) or chosen.get((None, name))
            if choice is not None and choice.exporter != node.name:
                if choice.exporter in by_name:
                    wires.append(_chosen(node, name, choice, by_name[choice.exporter]))
                continue
            candidates = offers.candidates(node, name)
            if len(candidates) > 1:
                raise AmbiguousImport(node.name, name, [wire.exporter for wire in candidates])
            wires += candidates
    return wires


def _chosen(node: Node, name: str, choice: Choice, exporter: Node) -> Wire:
    exports = exporter.component.exports
    if choice.export is not None:
        if choice.export not in exports:
            raise InvalidChoice(
                f"'{choice.export}' of '{exporter.name}' was chosen for import '{name}' of '{node.name}', "
                f"but '{exporter.name}' does not export it",
                hint=f"it exports {', '.join(exports)}" if exports else "it exports nothing",
            )
        return Wire(node.name, name, exporter.name, (choice.export,), Reason.CHOSEN)
    named = [wire.exports[0] for wire in Offers([exporter]).candidates(node, name)]
    options = (*named, None, *(export for export in exports if export not in named))
    return Wire(node.name, name, exporter.name, options, Reason.CHOSEN, len(named) + 1)


def _check_choices(nodes: Sequence[Node], choices: Sequence[Choice]) -> None:
    by_name = {node.name: node for node in nodes}
    components = f"the components are {', '.join(by_name)}"
    seen: set[tuple[str | None, str]] = set()
    for choice in choices:
        if choice.importer is not None and choice.importer not in by_name:
            raise InvalidChoice(
                f"there is a choice for import '{choice.name}' of '{choice.importer}', "
                "which is not among the components",
                hint=components,
            )
        importers = [by_name[choice.importer]] if choice.importer is not None else list(nodes)
        if all(choice.name not in node.component.imports for node in importers):
            who = f"'{choice.importer}' does not import it" if choice.importer else "no component imports it"
            near = [
                name
                for node in importers
                for name in node.component.imports
                if unversioned(name) == unversioned(choice.name)
            ]
            raise InvalidChoice(
                f"there is a choice for import '{choice.name}', but {who}",
                hint=f"what is imported is '{near[0]}'" if near else None,
            )
        if choice.exporter not in by_name and choice.exporter != HOST:
            raise InvalidChoice(
                f"'{choice.exporter}' is chosen for import '{choice.name}', and is not among the components",
                hint=components,
            )
        if (choice.importer, choice.name) in seen:
            raise InvalidChoice(f"there are two choices for import '{choice.name}'")
        seen.add((choice.importer, choice.name))
        asking = [node.name for node in importers if choice.name in node.component.imports]
        if asking == [choice.exporter]:
            raise InvalidChoice(
                f"'{choice.exporter}' is chosen for its own import '{choice.name}', which must exist before it",
                hint="name another component, or 'host'",
            )


def is_offered(node: Node, root: str) -> bool:
    """Whether the exports of `node` are for anybody who imports them: what is generated is for one component."""
    return node.name != root and node.generated is None


def importable(node: Node) -> list[str]:
    """The imports that an export can satisfy: all but types that an instance in sight provides (`use`)."""
    return [name for name, extern in node.component.imports.items() if _can_be_exported(extern)]


def _can_be_exported(extern: ExternType) -> bool:
    if isinstance(extern, TypeBound):
        used = isinstance(extern.type, Alias) and isinstance(extern.type.target, (Alias, Resource))
        return not used
    return isinstance(extern, (InstanceType, FuncType))


def reached_from(root: str, nodes: Sequence[Node], wires: Sequence[Wire]) -> list[Node]:
    """The nodes that `root` needs, itself first, near ones before far ones, else in the order of imports."""
    exporters: dict[str, dict[str, None]] = {node.name: {} for node in nodes}
    for wire in wires:
        exporters[wire.importer][wire.exporter] = None
    found = {root: None}
    pending = [root]
    for name in pending:
        new = [exporter for exporter in exporters[name] if exporter not in found]
        found.update(dict.fromkeys(new))
        pending += new
    by_name = {node.name: node for node in nodes}
    return [by_name[name] for name in found]


def instantiation_order(nodes: Sequence[Node], starts: Sequence[str], wires: Sequence[Wire]) -> list[Node]:
    """The nodes that `starts` need, providers first, else in the order of imports. Raises: DependencyCycle."""
    by_name = {node.name: node for node in nodes}
    needs: dict[str, dict[str, str]] = {node.name: {} for node in nodes}  # in the order of the node's imports
    for wire in wires:
        needs[wire.importer].setdefault(wire.exporter, wire.name)
    try:
        order = in_order(starts, needs.__getitem__)
    except Circle as circle:
        path = circle.path
        through = ["", *(needs[path[i]][path[i + 1]] for i in range(len(path) - 1))]
        raise DependencyCycle(list(zip(path, through, strict=True))) from circle
    return [by_name[name] for name in order]
