"""Compose component files: read, plan, and write the result as a stream; no component is ever held whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.component.read import read_component
from wpkg.compose.encode import Layout, encode
from wpkg.compose.graph import Node, Plan
from wpkg.compose.pieces import Slice, joined
from wpkg.compose.plan import make_plan, require_connections, require_no_imports
from wpkg.compose.share import share_modules
from wpkg.errors import WpkgError
from wpkg.oci.digest import Digest
from wpkg.registry.disk import replacing
from wpkg.registry.mapping import mapped
from wpkg.workflow.draft import Draft
from wpkg.workflow.sources import ComponentFile, Source, Sources

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from wpkg.component.types import ComponentType
    from wpkg.names.choice import Choice
    from wpkg.workflow.wiring import Wiring
    from wpkg.workflow.world import Reporter


class Composed(Struct, frozen=True):
    """A composition: its plan, and the component that it makes."""

    plan: Plan
    digest: Digest
    size: int  # bytes
    shared: int = 0  # core modules that are embedded once instead of several times
    saved: int = 0  # bytes that this saves


class Composition(Struct, frozen=True):
    """A composition that is decided and can be written."""

    plan: Plan
    layout: Layout
    shared: int
    saved: int

    def composed(self, digest: Digest) -> Composed:
        """The composition, once its digest is known."""
        return Composed(self.plan, digest, self.layout.size, self.shared, self.saved)


def read_node(file: ComponentFile) -> Node:
    """The component in `file`, as a node. Raises: InvalidInput, ContentMismatch."""
    with Sources([file]) as sources:
        [node] = _nodes(sources)
        return node


def _nodes(sources: Sources) -> list[Node]:
    """The components; read first, so that their digests are there when they are asked for."""
    read = [(source, _read(source)) for source in sources]
    return [
        Node(source.file.name, component, source.digest, source.size, source.file.label)
        for source, component in read
    ]


def _read(source: Source) -> ComponentType:
    try:
        return read_component(source.data)
    except WpkgError as error:
        raise error.within(source.file.name) from None


def plan_sources(sources: Sources, wiring: Wiring) -> Plan:
    """How the components in `sources` fit together. Raises: CompositionError, InvalidInput, ContentMismatch."""
    return _planned(sources, wiring)[0]


def _planned(sources: Sources, wiring: Wiring) -> tuple[Plan, Mapping[str, bytes]]:
    """The plan, and the components that were generated for it, by node."""
    nodes: Sequence[Node] = _nodes(sources)
    generated: Mapping[str, bytes] = {}
    if wiring.document is not None:
        plan = wiring.document.plan(nodes)
    else:
        root = wiring.root
        choices: Sequence[Choice] = wiring.choices
        if wiring.chain:
            from wpkg.compose.chain import chain_choices

            choices, root = chain_choices(nodes, wiring.chain, choices, root)
        if wiring.decided is not None:
            from wpkg.compose.furnish import furnish

            furnished = furnish(nodes, root, choices, wiring.decided)
            nodes, root, choices, generated = furnished.nodes, furnished.root, furnished.choices, furnished.data
        plan = make_plan(nodes, root, choices)
    if wiring.contracts:
        from wpkg.compose.links import link_plan

        plan = link_plan(plan, wiring.contracts)
    if wiring.no_imports:
        require_no_imports(plan)
    return plan, generated


def plan_files(files: Sequence[ComponentFile], wiring: Wiring) -> Plan:
    """How `files` fit together. Raises: CompositionError, InvalidInput."""
    with Sources(files) as sources:
        return plan_sources(sources, wiring)


def lay_out(sources: Sources, wiring: Wiring) -> Composition:
    """The composition of `sources`, ready to be written. Raises: CompositionError, InvalidInput."""
    plan, generated = _planned(sources, wiring)
    if wiring.document is None:
        require_connections(plan)
    if not wiring.share_modules:
        return Composition(plan, _written_out(encode(plan), generated), 0, 0)
    views = {name: memoryview(data) for name, data in generated.items()}
    sharing = share_modules(
        plan, {node.name: views.get(node.name) or sources[node.name].data for node in plan.nodes}
    )
    return Composition(plan, _written_out(encode(plan, sharing), generated), sharing.count, sharing.saved)


def _written_out(layout: Layout, generated: Mapping[str, bytes]) -> Layout:
    """The same with the bytes of generated components in place: they are in no file."""
    pieces = [
        generated[piece.node][piece.start : piece.end]
        if isinstance(piece, Slice) and piece.node in generated
        else piece
        for piece in layout.pieces
    ]
    return Layout(joined(pieces), layout.size) if generated else layout


def warn_about(reporter: Reporter, plan: Plan) -> None:
    """Say which components were given for nothing, and which exports are nearly what is imported."""
    for name in plan.unused:
        reporter.warn(f"'{name}' is not part of the composition: nothing imports what it exports")
    for miss in plan.near_misses:
        reporter.warn(f"{miss}; the import is left to the host")
    for residual in plan.residuals:
        if residual.kept_apart is not None:
            reporter.warn(
                f"the host is asked for '{residual.name}' and for '{residual.kept_apart.name}', "
                f"which cannot be one import: {residual.kept_apart.mismatch}"
            )


def write_composition(composition: Composition, sources: Sources, output: Path) -> Composed:
    """The component that `composition` makes, written to `output`. Raises: ContentMismatch, CannotWrite."""
    with replacing(output, durable=False) as file, Draft(sources, file) as draft:
        return finish_draft(draft, composition, sources)


def finish_draft(draft: Draft, composition: Composition, sources: Sources) -> Composed:
    """The component that `composition` makes, in `draft`. Raises: ContentMismatch, OSError."""
    digest = draft.finish(composition.layout.pieces)
    for source in sources:
        source.check_unchanged()
    return composition.composed(digest)


def digest_composition(composition: Composition, sources: Sources) -> Composed:
    """The component that `composition` makes, without writing it. Raises: ContentMismatch, OSError."""
    with Draft(sources) as draft:
        return finish_draft(draft, composition, sources)


def unchanged_composition(composition: Composition, sources: Sources, output: Path) -> Composed | None:
    """The component that `composition` makes if that is what `output` holds already, else None."""
    if not output.is_file() or output.stat().st_size != composition.layout.size:
        return None
    composed = digest_composition(composition, sources)
    with mapped(output) as data:
        return composed if Digest.of(data) == composed.digest else None
