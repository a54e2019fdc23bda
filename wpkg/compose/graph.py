"""The composition graph: nodes, connections, what is left to the host, what the result exports."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wpkg.component.definitions import Attribute
    from wpkg.component.read import Component
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
    CHOSEN = "chosen in [composition.imports]"
    NO_EXPORT = "no component exports it"


@dataclass(frozen=True, slots=True)
class Connection:
    """An import of one node, satisfied by an export of another."""

    importer: str
    name: str
    exporter: str
    export: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Residual:
    """An import of the result: what `importers` (node, the name it has there) import and nobody inside exports."""

    name: str
    extern: ExternType
    attributes: Sequence[tuple[Attribute, str]]
    importers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class PassedType:
    """A world-level type import (`use` in a world), satisfied by the type that it stands for."""

    importer: str
    name: str
    type: ExternType


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

    @property
    def exports(self) -> tuple[str, ...]:
        """What the result exports, re-exports first."""
        return (*(export for _, export in self.reexports), *self.instances[self.root])
