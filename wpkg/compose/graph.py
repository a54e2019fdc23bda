"""The composition graph: nodes, connections, what is left to the host, what the result exports."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wpkg.component.definitions import Attribute
    from wpkg.component.read import Component
    from wpkg.component.subtype import Mismatch
    from wpkg.component.types import ExternType
    from wpkg.oci.digest import Digest


@dataclass(frozen=True, slots=True)
class Node:
    """One component that takes part. `name` is what people call it, unique in the graph.

    `label` is written into the composition's names for debuggers; without one, nothing of the name is.
    """

    name: str
    component: Component
    digest: Digest
    size: int  # bytes
    label: str | None = None


class Reason(Enum):
    """Why an import got what it got."""

    SAME_NAME = "same name"
    SAME_TRACK = "same semver track"
    IMPLEMENTS = "implements the same interface"
    CHOSEN = "chosen"
    USED_TYPE = "type of an interface that is there"
    NO_EXPORT = "no component exports it"
    LEFT = "left to the host by choice"


@dataclass(frozen=True, slots=True)
class Connection:
    """An import of one node, satisfied by another: by one of its exports, or by its instance as a whole (None)."""

    importer: str
    name: str
    exporter: str
    export: str | None
    reason: Reason


@dataclass(frozen=True, slots=True)
class NearMiss:
    """An import that is left to the host, and an export of the same interface under a name that does not match."""

    importer: str
    name: str
    exporter: str
    export: str
    why: str

    def __str__(self) -> str:
        return (
            f"'{self.importer}' imports '{self.name}', '{self.exporter}' exports '{self.export}', "
            f"which does not match: {self.why}"
        )


@dataclass(frozen=True, slots=True)
class KeptApart:
    """Another import of the result on the same semver track, and why the two are not one."""

    name: str
    mismatch: Mismatch


@dataclass(frozen=True, slots=True)
class Residual:
    """An import of the result: what `importers` (node, the name it has there) import and nobody inside exports."""

    name: str
    extern: ExternType
    attributes: Sequence[tuple[Attribute, str]]
    importers: tuple[tuple[str, str], ...]
    kept_apart: KeptApart | None = None


@dataclass(frozen=True, slots=True)
class PassedType:
    """A world-level type import (`use` in a world), satisfied by the type that it stands for."""

    importer: str
    name: str
    type: ExternType
    provider: tuple[str, str] | None  # node and export that have the type; None: an import of the host has it


@dataclass(frozen=True, slots=True)
class Plan:
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

    @property
    def exports(self) -> tuple[str, ...]:
        """What the result exports, re-exports first."""
        return (*(export for _, export in self.reexports), *self.instances[self.root])
