"""A composition as a mermaid flowchart, which GitHub and GitLab draw in Markdown (mermaid 11, "Flowcharts").

Everything that comes from outside stands in a quoted string, where only the quote ends it; `#` starts an entity
code, and what HTML or Markdown in a label would read is written as one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wpkg.diagram.model import ComponentBox, Diagram, PackageGroup

_BREAK = "<br/>"
_ESCAPED = '#"<>&`*\\{}%$'  # beside quotes, entities and HTML: Markdown, directives, formulas


def mermaid_of(diagram: Diagram) -> str:
    """The flowchart, as the text of a file."""
    return "".join(f"{line}\n" for line in _lines(diagram))


def _lines(diagram: Diagram) -> Iterator[str]:
    ids = {box.name: f"c{i}" for i, box in enumerate(diagram.components)}
    yield "flowchart TB"
    for i, exported in enumerate(diagram.export_blocks):
        yield f'  e{i}(["{_groups(exported.groups)}"])'
    yield '  subgraph composition["composition"]'
    for box in diagram.components:
        yield f'    {ids[box.name]}["{_component(box)}"]'
    yield "  end"
    if diagram.host_blocks:
        yield f'  subgraph host["{diagram.host_caption}"]'
        for i, block in enumerate(diagram.host_blocks):
            linked = f"linked: {_escaped(block.provider)}{_BREAK}" if block.provider is not None else ""
            yield f'    h{i}["{linked}{_groups(block.groups)}"]'
        yield "  end"
    for i, exported in enumerate(diagram.export_blocks):
        arrow = "-->" if exported.component == diagram.root.name else "-.->"
        yield f"  e{i} {arrow} {ids[exported.component]}"
    for edge in diagram.edges:
        label = _groups(edge.groups)
        yield f'  {ids[edge.importer]} -->|"{label}"| {ids[edge.exporter]}'
    for i, block in enumerate(diagram.host_blocks):
        arrow = "-->" if block.provider is None else "-.->"
        for name in block.importers:
            yield f"  {ids[name]} {arrow} h{i}"
    yield "  style c0 stroke-width:3px"


def _component(box: ComponentBox) -> str:
    details = " · ".join(_escaped(detail) for detail in box.details)
    return f"{_escaped(box.label)}{_BREAK}{details}" if details else _escaped(box.label)


def _groups(groups: tuple[PackageGroup, ...]) -> str:
    return _BREAK.join(_escaped(group.text) for group in groups)


def _escaped(text: str) -> str:
    return "".join(f"#{ord(c)};" if c in _ESCAPED else c for c in text)
