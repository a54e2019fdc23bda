"""The composition graph: nodes, connections, what is left to the host, what the result exports."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wpkg.component.definitions import Attribute
    from wpkg.component.subtype import Mismatch
    from wpkg.component.types import ComponentType, ExternType, TypeBound
    from wpkg.oci.digest import Digest


# What becomes of a call of what is denied: it traps, or returns an error where the function's result has one.
Denial = Literal["trap", "error"]


class Generated(Struct, frozen=True):
    """What a component was generated for: to deny imports of another one, each in its way, or to answer them."""

    importer: str
    denied: Mapping[str, Denial] = {}
    config: Mapping[str, str] = {}

    def __str__(self) -> str:
        if not self.denied:
            return f"answers with {', '.join(sorted(self.config)) or 'nothing'}"
        return f"denies {', '.join(self.denied)}"


class Node(Struct, frozen=True):
    """One component that takes part. `name` is what people call it, unique in the graph.

    `digest` is None where nobody asked for it and no other component is as long as this one.
    `label` is written into the composition's names for debuggers; without one, nothing of the name is.
    """

    name: str
    component: ComponentType
    digest: Digest | None
    size: int  # bytes
    label: str | None = None
    generated: Generated | None = None  # what for, if it was made when composing

    @property
    def content(self) -> Digest | str:
        """What is equal for two nodes exactly where their components are the same bytes."""
        return self.digest or self.name


class Reason(Enum):
    """Why an import got what it got."""

    SAME_NAME = "same name"
    SAME_TRACK = "same semver track"
    IMPLEMENTS = "implements the same interface"
    CHOSEN = "chosen"
    DEFINED = "type that the document defines"
    USED_TYPE = "type of an interface that is there"
    STATED_AGAIN = "data type that other imports of the host use"
    NO_EXPORT = "no component exports it"
    LEFT = "left to the host by choice"
    LINKED = "linked at run time"


class Of(Enum):
    """What something in a composition is found by."""

    NODE = "instance of a node"
    IMPORT = "import of the result"
    DEFINITION = "type that a document defines"


class Item(Struct, frozen=True):
    """Something that a composition has: an instance, or what `path` leads to in it, export by export.

    `origin` is the name of what `of` says. A definition has no path.
    """

    origin: str
    path: tuple[str, ...] = ()
    of: Of = Of.NODE

    @property
    def node(self) -> str | None:
        """The node that it is of, if it is of one."""
        return self.origin if self.of is Of.NODE else None


class Exported(Struct, frozen=True):
    """An export of the result."""

    name: str
    item: Item


class Connection(Struct, frozen=True):
    """An import of one node, satisfied by another: by one of its exports, or by its instance as a whole (None).

    `inner` leads on from an export that is an instance, export by export.
    """

    importer: str
    name: str
    exporter: str
    export: str | None
    reason: Reason
    inner: tuple[str, ...] = ()

    @property
    def item(self) -> Item:
        """What satisfies the import."""
        return Item(self.exporter, () if self.export is None else (self.export, *self.inner))


class Taken(Struct, frozen=True):
    """An import of one node, satisfied by something in an import of the result, or by a type that is defined."""

    importer: str
    name: str
    item: Item


class NearMiss(Struct, frozen=True):
    """An import that is left to the host, and an export of the same interface under a name that does not match."""

    importer: str
    name: str
    exporter: str
    export: str
    why: str

    def to_json(self) -> dict[str, str]:
        """It for programs."""
        return {
            "component": self.importer,
            "import": self.name,
            "exporter": self.exporter,
            "export": self.export,
            "why": self.why,
        }

    def __str__(self) -> str:
        return (
            f"'{self.importer}' imports '{self.name}', '{self.exporter}' exports '{self.export}', "
            f"which does not match: {self.why}"
        )


class StatedImport(Struct, frozen=True):
    """An import of the result. One that is `shared` is merged with what components import of the host."""

    name: str
    extern: ExternType
    shared: bool = False
    attributes: tuple[tuple[Attribute, str], ...] = ()


class Defined(Struct, frozen=True):
    """A type that a document defines, by its name there; an interface or world is one of a component type."""

    name: str
    extern: TypeBound


class KeptApart(Struct, frozen=True):
    """Another import of the result on the same semver track, and why the two are not one."""

    name: str
    mismatch: Mismatch


class Residual(Struct, frozen=True):
    """An import of the result: what `importers` (node, the name it has there) import and nobody inside exports.

    One that a document states may have no importers.
    """

    name: str
    extern: ExternType
    attributes: Sequence[tuple[Attribute, str]]
    importers: tuple[tuple[str, str], ...]
    kept_apart: KeptApart | None = None

    @property
    def first_importer(self) -> tuple[str, str]:
        """Who imports it, and as what; the document where no component does."""
        return self.importers[0] if self.importers else ("the document", self.name)


class RuntimeLink(Struct, frozen=True):
    """An import of the result that a dependency which is not composed serves, by one of its exports."""

    name: str  # of the import of the result
    dependency: str
    export: str
    link_name: str | None = None  # tells several links of one import apart
    target: str | None = None  # what the deployment calls it, where no registry has its component


class PassedType(Struct, frozen=True):
    """A world-level type import (`use` in a world), satisfied by the type that it stands for."""

    importer: str
    name: str
    type: ExternType
    provider: tuple[str, str] | None  # node and export that have the type; None: an import of the host has it


class Plan(Struct, frozen=True):
    """A composition, decided. Everything is in the order in which it is written."""

    nodes: tuple[Node, ...]  # providers before consumers; the root is among them
    root: str
    connections: tuple[Connection, ...]
    residuals: tuple[Residual, ...]
    passed_types: tuple[PassedType, ...]
    instances: Mapping[str, Mapping[str, ExternType]]  # node -> what its instance exports
    reexports: tuple[tuple[str, str], ...]  # node and export, in the order in which types need each other
    unused: tuple[str, ...]  # nodes given that nothing needs; not in `nodes`
    near_misses: tuple[NearMiss, ...]
    left: frozenset[tuple[str, str]]  # node and import that a choice leaves to the host
    stated_again: frozenset[tuple[str, str]] = frozenset()  # node and type import; the host need not provide it
    taken: tuple[Taken, ...] = ()
    stated_exports: tuple[Exported, ...] | None = None  # besides re-exports; None: all that the root exports
    defined: tuple[Defined, ...] = ()
    links: tuple[RuntimeLink, ...] = ()  # in the order of `residuals`, which have what is linked, too

    @property
    def exported(self) -> tuple[Exported, ...]:
        """The exports of the result: types that are defined, re-exports, all others."""
        stated = self.stated_exports
        if stated is None:
            stated = tuple(Exported(name, Item(self.root, (name,))) for name in self.instances[self.root])
        types = [exported for exported in stated if exported.item.of is Of.DEFINITION]
        others = [exported for exported in stated if exported.item.of is not Of.DEFINITION]
        return (*types, *self.reexported, *others)

    @property
    def reexported(self) -> tuple[Exported, ...]:
        """The re-exports as exports of the result."""
        return tuple(Exported(export, Item(node, (export,))) for node, export in self.reexports)

    @property
    def host_imports(self) -> tuple[Residual, ...]:
        """The residuals that the host itself has to provide: those that nothing is linked to."""
        linked = {link.name for link in self.links}
        return tuple(residual for residual in self.residuals if residual.name not in linked)

    @property
    def exports(self) -> tuple[str, ...]:
        """The names of what the result exports, in order."""
        return tuple(exported.name for exported in self.exported)
