"""What a picture of a composition shows, apart from how it is drawn.

Everything is sorted by name, the root first: neither the order in which components were given nor their digests
have a say in where something is drawn. Names come from outside; here they become text that can be drawn.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from wpkg.names.amount import size_text
from wpkg.names.extern_name import parse_extern_name
from wpkg.names.package_name import InvalidName
from wpkg.names.version import InvalidVersion, Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wpkg.compose.graph import Plan

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_MOST_HOST_BLOCKS = 4
_SHORT_DIGEST = 12


class ComponentBox(Struct, frozen=True):
    """A component that takes part. `name` is what it is called in the plan, `label` what the picture says."""

    name: str
    label: str
    version: str | None
    digest: str | None  # None where it is left out
    size: int | None  # bytes; None where it is left out

    @property
    def full_label(self) -> str:
        """The label with the version, if there is one."""
        return f"{self.label}@{self.version}" if self.version is not None else self.label

    @property
    def details(self) -> tuple[str, ...]:
        """Version, size and digest as people read them, as far as they are known."""
        digest = self.digest.partition(":")[2][:_SHORT_DIGEST] if self.digest is not None else None
        size = size_text(self.size) if self.size is not None else None
        return tuple(detail for detail in (self.version, size, digest) if detail is not None)


class Interface(Struct, frozen=True):
    """An import that is satisfied inside: its name, and that of the export; None for the instance as a whole."""

    name: str
    export: str | None

    @property
    def text(self) -> str:
        """It in one line, in full."""
        if self.export is None:
            return drawable(f"{self.name} (the instance itself)")
        return drawable(self.name if self.name == self.export else f"{self.name} (exported as {self.export})")


class Edge(Struct, frozen=True):
    """All that one component imports from another."""

    importer: str
    exporter: str
    interfaces: tuple[Interface, ...]

    @property
    def groups(self) -> tuple[PackageGroup, ...]:
        """The interfaces by package."""
        return grouped(interface.name for interface in self.interfaces)

    @property
    def text(self) -> str:
        """The interfaces in full, one a line."""
        return "\n".join(interface.text for interface in self.interfaces)


class HostImport(Struct, frozen=True):
    """An import of the result, and the components that it is for (with the name that each has for it)."""

    name: str
    importers: tuple[tuple[str, str], ...]


class LinkedImport(Struct, frozen=True):
    """An import of the result that a dependency serves at run time; `link_name` and `target` as in RuntimeLink."""

    name: str
    dependency: str
    export: str
    link_name: str | None
    target: str | None
    importers: tuple[tuple[str, str], ...]

    @property
    def provider(self) -> str:
        """What the picture calls the dependency."""
        target = f", service {self.target}" if self.target is not None else ""
        name = f", link {self.link_name}" if self.link_name is not None else ""
        return drawable(f"{self.dependency}{target}{name}")


class Export(Struct, frozen=True):
    """An export of the result. One that is not the root's is exported again because others speak of its types."""

    name: str
    component: str


class PackageGroup(Struct, frozen=True):
    """Extern names of one package: `wasi:io@0.2.6` and its interfaces. Plain names have no package."""

    package: str | None
    names: tuple[str, ...]

    @property
    def text(self) -> str:
        """It in one line: `wasi:io@0.2.6: error, poll, streams`."""
        names = ", ".join(self.names)
        return names if self.package is None else f"{self.package}: {names}"


class HostBlock(Struct, frozen=True):
    """What the same components import from outside: from the host, or linked at run time, from `provider`."""

    importers: tuple[str, ...]
    groups: tuple[PackageGroup, ...]
    provider: str | None = None


class ExportBlock(Struct, frozen=True):
    """What the result exports of one component."""

    component: str
    groups: tuple[PackageGroup, ...]


class Diagram(Struct, frozen=True):
    """A composition, ready to be drawn. The root is the first component."""

    components: tuple[ComponentBox, ...]
    edges: tuple[Edge, ...]
    host: tuple[HostImport, ...]
    exports: tuple[Export, ...]
    passed_types: tuple[tuple[str, str], ...]  # component and the name of a type that its world imports
    unused: tuple[tuple[str, str], ...]  # names and labels of components that nothing needs
    links: tuple[LinkedImport, ...] = ()

    @property
    def root(self) -> ComponentBox:
        """The component whose exports the composition has."""
        return self.components[0]

    @property
    def title(self) -> str:
        """What the picture is of, in one line."""
        if len(self.components) == 1:
            return f"Component {self.root.label}"
        return f"Composition of {self.root.label} and {_counted(len(self.components) - 1, 'other component')}"

    def label(self, name: str) -> str:
        """What the picture calls the component `name`."""
        return next(component.label for component in self.components if component.name == name)

    @property
    def host_blocks(self) -> tuple[HostBlock, ...]:
        """The imports from the host by who imports them: what many share comes first.

        Where that would make many blocks, it is one for all, linked with everyone who imports something of it.
        """
        order = {component.name: i for i, component in enumerate(self.components)}

        def names_of(wanted: HostImport | LinkedImport) -> tuple[str, ...]:
            return tuple(sorted({who for who, _ in wanted.importers}, key=order.__getitem__))

        by_importers: dict[tuple[str, ...], list[str]] = {}
        for wanted in self.host:
            by_importers.setdefault(names_of(wanted), []).append(wanted.name)
        linked: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        for link in self.links:
            linked.setdefault((link.provider, names_of(link)), []).append(link.name)
        links = [HostBlock(who, grouped(names), provider) for (provider, who), names in sorted(linked.items())]
        if len(by_importers) > _MOST_HOST_BLOCKS:
            everyone = sorted({who for importers in by_importers for who in importers}, key=order.__getitem__)
            return (HostBlock(tuple(everyone), grouped(wanted.name for wanted in self.host)), *links)
        ordered = sorted(by_importers.items(), key=lambda item: (-len(item[0]), [order[name] for name in item[0]]))
        return (*(HostBlock(importers, grouped(names)) for importers, names in ordered), *links)

    @property
    def host_caption(self) -> str:
        """What the blocks of the host are called together."""
        return "imported from the host, or linked at run time" if self.links else "imported from the host"

    @property
    def export_blocks(self) -> tuple[ExportBlock, ...]:
        """The exports by the component that makes them, the root's first."""
        return tuple(
            ExportBlock(component.name, grouped(names))
            for component in self.components
            if (names := [export.name for export in self.exports if export.component == component.name])
        )

    @property
    def description(self) -> str:
        """What there is to see, in words."""
        label = {component.name: component.label for component in self.components}
        said = [f"Components: {', '.join(label.values())}."]
        for edge in self.edges:
            names = edge.text.replace("\n", ", ")
            said.append(f"{label[edge.importer]} imports {names} from {label[edge.exporter]}.")
        if self.host:
            said.append(f"Imported from the host: {', '.join(drawable(wanted.name) for wanted in self.host)}.")
        said += [f"Linked at run time: {drawable(link.name)} to {link.provider}." for link in self.links]
        if self.exports:
            said.append(f"Exports: {', '.join(drawable(export.name) for export in self.exports)}.")
        return " ".join(said)

    def without_digests(self) -> Diagram:
        """The same without what changes with every build: digests and sizes."""
        return replace(
            self, components=tuple(replace(component, digest=None, size=None) for component in self.components)
        )


def diagram_of(plan: Plan, versions: Mapping[str, str] | None = None) -> Diagram:
    """What a picture of `plan` shows. `versions` are those of components whose names do not tell them."""
    names = [node.name for node in plan.nodes]
    labels = _labels([*names, *plan.unused])
    boxes = []
    for node in plan.nodes:
        label, version = _split_version(labels[node.name])
        version = version or (versions or {}).get(node.name)
        boxes.append(ComponentBox(node.name, label, version, str(node.digest), node.size))
    boxes.sort(key=lambda box: (box.name != plan.root, box.label, box.version or "", box.name))
    rank = {box.name: i for i, box in enumerate(boxes)}

    bundles: dict[tuple[str, str], list[Interface]] = {}
    for found in plan.connections:
        bundles.setdefault((found.importer, found.exporter), []).append(Interface(found.name, found.export))
    edges = [
        Edge(importer, exporter, tuple(sorted(interfaces, key=lambda interface: interface.name)))
        for (importer, exporter), interfaces in bundles.items()
    ]
    exports = [Export(each.name, made_by) for each in plan.exported if (made_by := each.item.node) is not None]
    return Diagram(
        components=tuple(boxes),
        edges=tuple(sorted(edges, key=lambda edge: (rank[edge.importer], rank[edge.exporter]))),
        host=tuple(
            HostImport(residual.name, tuple(sorted(residual.importers, key=lambda i: (rank[i[0]], i[1]))))
            for residual in sorted(plan.host_imports, key=lambda residual: residual.name)
        ),
        exports=tuple(sorted(exports, key=lambda export: (rank[export.component], export.name))),
        passed_types=tuple(
            sorted(((p.importer, p.name) for p in plan.passed_types), key=lambda p: (rank[p[0]], p[1]))
        ),
        unused=tuple(sorted(((name, labels[name]) for name in plan.unused), key=lambda u: (u[1], u[0]))),
        links=_links(plan, rank),
    )


def _links(plan: Plan, rank: Mapping[str, int]) -> tuple[LinkedImport, ...]:
    importers = {residual.name: residual.importers for residual in plan.residuals}
    links = [
        LinkedImport(
            link.name,
            link.dependency,
            link.export,
            link.link_name,
            link.target,
            tuple(sorted(importers[link.name], key=lambda i: (rank[i[0]], i[1]))),
        )
        for link in plan.links
    ]
    return tuple(sorted(links, key=lambda link: (link.dependency, link.link_name or "", link.name)))


def grouped(names: Iterable[str]) -> tuple[PackageGroup, ...]:
    """Extern names by package, sorted; plain names, which have none, at the end."""
    parts = sorted({_package_of(name) for name in names}, key=lambda part: (part[0] is None, part))
    return tuple(
        PackageGroup(package, tuple(interface for _, interface in members))
        for package, members in groupby(parts, key=lambda part: part[0])
    )


def drawable(text: str) -> str:
    """`text` with a replacement for each character that cannot be drawn, or that would change how others are.

    Control characters, lone surrogates (XML 1.0, "Characters") and marks that turn the writing direction.
    """
    return "".join(c if c.isprintable() else _REPLACEMENT for c in text)


def _package_of(name: str) -> tuple[str | None, str]:
    try:
        parsed = parse_extern_name(name)
    except InvalidName:  # a name of a later specification, such as `url=<…>`: shown as it is
        parsed = None
    if parsed is None:
        return None, drawable(name)
    version = f"@{parsed.version}" if parsed.version else ""
    return f"{parsed.namespace}:{parsed.package}{version}", parsed.interface


def _labels(names: Sequence[str]) -> dict[str, str]:
    """What to call each component: of a path, only as much of its end as tells it from the others.

    A picture for a README is the same wherever the files lie.
    """
    parts = {name: name.strip("/").split("/") for name in names}
    labels = {}
    for name in names:
        for count in range(1, len(parts[name]) + 1):
            end = parts[name][-count:]
            if not any(other != name and parts[other][-count:] == end for other in names):
                break
        labels[name] = drawable("/".join(end)).removesuffix(".wasm") or drawable(name)
    if len(set(labels.values())) < len(labels):
        return {name: drawable(name) for name in names}
    return labels


def _split_version(label: str) -> tuple[str, str | None]:
    name, at, version = label.rpartition("@")
    if at and name:
        try:
            return name, str(Version.parse(version))
        except InvalidVersion:
            return label, None
    return label, None


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
