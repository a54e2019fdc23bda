"""A composition for Graphviz (graphviz.org, "DOT Language").

Everything that comes from outside stands in a quoted string, where a quote ends it, a backslash escapes, and an
ampersand starts a character's name, as in HTML.
"""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wpkg.diagram.model import Diagram, PackageGroup

_LINE = 60  # characters


def dot_of(diagram: Diagram) -> str:
    """The graph, as the text of a file."""
    return "".join(f"{line}\n" for line in _lines(diagram))


def _lines(diagram: Diagram) -> Iterator[str]:
    ids = {box.name: f"c{i}" for i, box in enumerate(diagram.components)}
    yield "digraph composition {"
    yield '  graph [fontname="Helvetica", rankdir=TB]'
    yield '  node [fontname="Helvetica", shape=box, style=rounded]'
    yield '  edge [fontname="Helvetica", fontsize=10]'
    for i, exported in enumerate(diagram.export_blocks):
        yield f"  e{i} [label={_groups(exported.groups)}, shape=oval]"
    yield "  subgraph cluster_composition {"
    yield '    label="composition"'
    for box in diagram.components:
        width = ", penwidth=2" if box is diagram.root else ""
        label = _quoted([box.label, " · ".join(box.details)] if box.details else [box.label])
        tooltip = _quoted([box.full_label, *([box.digest] if box.digest is not None else [])])
        yield f"    {ids[box.name]} [label={label}, tooltip={tooltip}{width}]"
    yield "  }"
    if diagram.host_blocks:
        yield "  subgraph cluster_host {"
        yield f'    label="{diagram.host_caption}"; style=dashed'
        for i, block in enumerate(diagram.host_blocks):
            linked = [f"linked: {block.provider}"] if block.provider is not None else []
            yield f"    h{i} [label={_groups(block.groups, linked)}]"
        yield "  }"
    for i, exported in enumerate(diagram.export_blocks):
        style = "" if exported.component == diagram.root.name else " [style=dashed]"
        yield f"  e{i} -> {ids[exported.component]}{style}"
    for edge in diagram.edges:
        attributes = f"label={_groups(edge.groups)}, edgetooltip={_quoted(edge.text.splitlines())}"
        yield f"  {ids[edge.importer]} -> {ids[edge.exporter]} [{attributes}]"
    for i, block in enumerate(diagram.host_blocks):
        style = "" if block.provider is None else " [style=dashed]"
        for name in block.importers:
            yield f"  {ids[name]} -> h{i}{style}"
    yield "}"


def _groups(groups: tuple[PackageGroup, ...], above: Sequence[str] = ()) -> str:
    return _quoted(
        [
            *above,
            *(
                line
                for group in groups
                for line in wrap(group.text, _LINE, break_long_words=False, break_on_hyphens=False)
            ),
        ]
    )


def _quoted(lines: list[str]) -> str:
    escaped = [line.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"') for line in lines]
    return '"' + "\\n".join(escaped) + '"'
