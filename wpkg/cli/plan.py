"""How a plan is shown: for each import of each component, what satisfies it and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wpkg.compose.graph import Reason

if TYPE_CHECKING:
    from wpkg.compose.graph import Plan


def plan_json(plan: Plan) -> dict[str, Any]:
    """A plan for programs."""
    return {
        "root": plan.root,
        "components": [{"name": n.name, "digest": str(n.digest), "size": n.size} for n in plan.nodes],
        "imports": [
            {"component": who, "import": name, "satisfied-by": by, "export": export, "reason": reason}
            for who, name, by, export, reason in _rows(plan)
        ],
        "host-imports": [residual.name for residual in plan.residuals],
        "exports": list(plan.exports),
        "unused": list(plan.unused),
    }


def plan_lines(plan: Plan) -> list[str]:
    """A plan for people, as a table."""
    rows = [("COMPONENT", "IMPORT", "SATISFIED BY", "WHY")]
    rows += [(who, name, by or "the host", reason) for who, name, by, _, reason in _rows(plan)]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = ["  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[3]]) for row in rows]
    lines += ["", f"root: {plan.root}", f"exports: {', '.join(plan.exports)}"]
    if plan.unused:
        lines.append(f"not needed: {', '.join(plan.unused)}")
    return lines


def _rows(plan: Plan) -> list[tuple[str, str, str | None, str | None, str]]:
    """Component, import, who satisfies it (None: the host) with which export, and why."""
    satisfied = {(c.importer, c.name): (c.exporter, c.export, c.reason.value) for c in plan.connections}
    rows: list[tuple[str, str, str | None, str | None, str]] = []
    for node in plan.nodes:
        for name in node.component.type.imports:
            found = satisfied.get((node.name, name))
            if found is not None:
                rows.append((node.name, name, *found))
            else:
                rows.append((node.name, name, None, None, Reason.NO_EXPORT.value))
    return rows
