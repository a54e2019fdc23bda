"""A composition as a document for programs: everything that the pictures show, and the names in full."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wpkg.diagram.model import Diagram

SCHEMA = "graph"  # as the command line names it: `wpkg.graph/1`


def document_of(diagram: Diagram) -> str:
    """The document, as the text of a file."""
    return json.dumps({"schema": f"wpkg.{SCHEMA}/1", **members_of(diagram)}, indent=2) + "\n"


def members_of(diagram: Diagram) -> dict[str, Any]:
    """The members of the document. Components are called by their names in the plan, as in `--plan --json`."""
    return {
        "root": diagram.root.name,
        "components": [
            {"name": c.name, "label": c.label, "version": c.version, "digest": c.digest, "size": c.size}
            for c in diagram.components
        ],
        "connections": [
            {
                "importer": edge.importer,
                "exporter": edge.exporter,
                "interfaces": [{"import": i.name, "export": i.export} for i in edge.interfaces],
            }
            for edge in diagram.edges
        ],
        "host-imports": [
            {
                "name": wanted.name,
                "importers": [{"component": who, "import": name} for who, name in wanted.importers],
            }
            for wanted in diagram.host
        ],
        "runtime-links": [
            {
                "name": link.name,
                "dependency": link.dependency,
                "export": link.export,
                "link-name": link.link_name,
                "target": link.target,
                "importers": [{"component": who, "import": name} for who, name in link.importers],
            }
            for link in diagram.links
        ],
        "exports": [{"name": e.name, "component": e.component} for e in diagram.exports],
        "passed-types": [{"component": who, "import": name} for who, name in diagram.passed_types],
        "unused": [name for name, _ in diagram.unused],
    }
