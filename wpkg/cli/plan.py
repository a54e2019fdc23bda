"""How a plan is shown: for each import of each component, what satisfies it and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wpkg.compose.graph import Of, Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wpkg.cli.console import Console
    from wpkg.compose.graph import Exported, Node, Plan, Residual, RuntimeLink
    from wpkg.workflow.capabilities import Request


def plan_json(plan: Plan, requests: Sequence[Request] | None = None) -> dict[str, Any]:
    """A plan for programs; with what a project's rules say of each `requests`, where there are any."""
    judged = {} if requests is None else {"capabilities": [request.to_json() for request in requests]}
    again = plan.reexported
    return {
        "root": plan.root,
        "components": [_component_json(node) for node in plan.nodes],
        "imports": [
            {"component": who, "import": name, "satisfied-by": by, "export": export, "reason": reason.value}
            for who, name, by, export, reason in _rows(plan)
        ],
        "host-imports": [_residual_json(residual) for residual in plan.host_imports],
        "runtime-links": [_link_json(plan, link) for link in plan.links],
        "exports": [_export_json(exported, is_reexport=exported in again) for exported in plan.exported],
        "near-misses": [miss.to_json() for miss in plan.near_misses],
        "unused": list(plan.unused),
        **judged,
    }


def _component_json(node: Node) -> dict[str, Any]:
    members: dict[str, Any] = {"name": node.name, "digest": str(node.digest), "size": node.size}
    if node.generated is not None:
        made = node.generated
        members["generated"] = {"for": made.importer, "denied": dict(made.denied), "config": dict(made.config)}
    return members


def _export_json(exported: Exported, *, is_reexport: bool) -> dict[str, Any]:
    item = exported.item
    members: dict[str, Any] = {"name": exported.name, "of": item.origin, "re-export": is_reexport}
    if item.of is not Of.NODE or item.path != (exported.name,):
        members["item"] = list(item.path)
    if item.of is Of.IMPORT:
        members["of-import"] = True
    elif item.of is Of.DEFINITION:
        members["defined"] = True
    return members


def _residual_json(residual: Residual) -> dict[str, Any]:
    members: dict[str, Any] = {
        "name": residual.name,
        "for": [{"component": node, "import": name} for node, name in residual.importers],
    }
    if residual.kept_apart is not None:
        members["kept-apart-from"] = {
            "name": residual.kept_apart.name,
            "difference": str(residual.kept_apart.mismatch),
        }
    return members


def _link_json(plan: Plan, link: RuntimeLink) -> dict[str, Any]:
    [residual] = [residual for residual in plan.residuals if residual.name == link.name]
    return {
        **_residual_json(residual),
        "dependency": link.dependency,
        "export": link.export,
        "link-name": link.link_name,
        "target": link.target,
    }


def plan_lines(plan: Plan, requests: Sequence[Request] = ()) -> list[str]:
    """A plan for people, as a table, and what of it is not allowed."""
    rows = [("COMPONENT", "IMPORT", "SATISFIED BY", "WHY")]
    rows += [
        (who, name, _satisfied_by(name, by, export, reason), reason.value)
        for who, name, by, export, reason in _rows(plan)
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = ["  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[3]]) for row in rows]
    lines += ["", f"root: {plan.root}", f"exports: {', '.join(plan.exports) or 'none'}"]
    lines += [f"linked at run time: {_link(link)}" for link in plan.links]
    lines += [f"re-exported: {export} of {node}, for its types" for node, export in plan.reexports]
    lines += [f"generated: {node.name}, {node.generated}" for node in plan.nodes if node.generated is not None]
    if plan.unused:
        lines.append(f"not needed: {', '.join(plan.unused)}")
    lines += [f"near miss: {miss}" for miss in plan.near_misses]
    lines += [
        f"kept apart: {r.name} and {r.kept_apart.name}: {r.kept_apart.mismatch}"
        for r in plan.residuals
        if r.kept_apart is not None
    ]
    lines += [f"not allowed: {request}" for request in requests if not request.verdict.is_allowed]
    return lines


def detail_plan(console: Console, plan: Plan) -> None:
    """Say a plan to those who want to know more."""
    for line in plan_lines(plan):
        console.detail(line)


def _link(link: RuntimeLink) -> str:
    name = f", by the name {link.link_name}" if link.link_name is not None else ""
    target = f", which is the service {link.target}" if link.target is not None else ""
    export = "" if link.export == link.name else f" / {link.export}"
    return f"{link.name} to {link.dependency}{export}{name}{target}"


def _satisfied_by(name: str, by: str | None, export: str | None, reason: Reason) -> str:
    if by is None:
        return "the host"
    if reason is Reason.DEFINED:
        return by
    if export is None:
        return f"{by} (the instance itself)"
    return by if export == name else f"{by} / {export}"


def _rows(plan: Plan) -> list[tuple[str, str, str | None, str | None, Reason]]:
    """Component, import, who satisfies it (None: the host) with which export, and why."""
    satisfied = {
        (c.importer, c.name): (c.exporter, " / ".join(c.item.path) or None, c.reason) for c in plan.connections
    }
    taken = {(t.importer, t.name): t.item for t in plan.taken}
    types = {(passed.importer, passed.name): passed.provider for passed in plan.passed_types}
    linked = _links_by_import(plan)
    rows: list[tuple[str, str, str | None, str | None, Reason]] = []
    for node in plan.nodes:
        for name in node.component.imports:
            if (found := satisfied.get((node.name, name))) is not None:
                rows.append((node.name, name, *found))
            elif (node.name, name) in types:
                rows.append((node.name, name, *(types[node.name, name] or (None, None)), Reason.USED_TYPE))
            elif (item := taken.get((node.name, name))) is not None:
                reason = Reason.DEFINED if item.of is Of.DEFINITION else Reason.CHOSEN
                rows.append((node.name, name, item.origin, " / ".join(item.path) or None, reason))
            elif (node.name, name) in plan.stated_again:
                rows.append((node.name, name, None, None, Reason.STATED_AGAIN))
            elif (links := linked.get((node.name, name))) is not None:
                export = links[0].export if len(links) == 1 else name
                by = ", ".join(link.dependency for link in links)
                rows.append((node.name, name, by, export, Reason.LINKED))
            else:
                left = (node.name, name) in plan.left
                rows.append((node.name, name, None, None, Reason.LEFT if left else Reason.NO_EXPORT))
    return rows


def _links_by_import(plan: Plan) -> dict[tuple[str, str], list[RuntimeLink]]:
    """What serves an import (component, name) at run time."""
    found: dict[tuple[str, str], list[RuntimeLink]] = {}
    importers = {residual.name: residual.importers for residual in plan.residuals}
    for link in plan.links:
        for importer in importers[link.name]:
            found.setdefault(importer, []).append(link)
    return found
