"""What is in a component, on disk or in a registry."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wpkg.component.describe import describe_extern
from wpkg.workflow.compose import read_node
from wpkg.workflow.evidence import signature_claims
from wpkg.workflow.locate import locate
from wpkg.workflow.release import Release, fetch_component
from wpkg.workflow.sources import ComponentFile
from wpkg.workflow.verify import find_release

if TYPE_CHECKING:
    from wpkg.compose.graph import Node
    from wpkg.workflow.evidence import SignatureClaim
    from wpkg.workflow.world import World


@dataclass(frozen=True, slots=True)
class Extern:
    """One import or export: its name, and in words what it is."""

    name: str
    what: str


@dataclass(frozen=True, slots=True)
class Inspected:
    """What a component is. `release` and `claims` are None for a file on disk."""

    subject: str
    node: Node
    imports: tuple[Extern, ...]
    exports: tuple[Extern, ...]
    release: Release | None
    claims: tuple[SignatureClaim, ...] | None  # who says to have signed; nothing of it is verified


def inspect(world: World, root: Path, text: str) -> Inspected:
    """What `text` is: a file, a package of the project's registries, or a reference. Raises: WpkgError."""
    path = Path(text)
    if path.exists() or (text.endswith((".wasm", ".wat")) and "/" not in text.partition(":")[0]):
        return _inspected(text, read_node(ComponentFile(text, path)), None, None)
    located = locate(root, text)
    release = find_release(world, located)
    file = fetch_component(world, release, str(located))
    node = read_node(ComponentFile(str(located), file, release.component.digest))
    return _inspected(str(located.reference), node, release, signature_claims(world, release))


def _inspected(
    subject: str, node: Node, release: Release | None, claims: tuple[SignatureClaim, ...] | None
) -> Inspected:
    component = node.component.type
    imports, exports = (
        tuple(Extern(name, describe_extern(extern)) for name, extern in externs.items())
        for externs in (component.imports, component.exports)
    )
    return Inspected(subject, node, imports, exports, release, claims)
