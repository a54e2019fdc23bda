"""What a project decides about imports that would be left to the host: `denied = …`, `[composition.config]`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.compose.furnish import Decided
from wpkg.project.capabilities import ERROR, REFUSE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wpkg.compose.graph import Denial
    from wpkg.names.pin import Pin
    from wpkg.project.project_file import Project


def decides(project: Project) -> bool:
    """Whether a project says anything that components are generated for."""
    rules = (project.capabilities.general, *project.capabilities.components.values())
    return bool(project.composition.config) or any(rule.denied not in (None, REFUSE) for rule in rules)


def decide(project: Project, pins: Mapping[str, Pin]) -> Decided | None:
    """What `project` decides, None where that is nothing; `pins` are its dependencies by name in the plan."""
    if not decides(project):
        return None

    def denial(node: str, interface: str) -> Denial | None:
        names = (node, str(pins[node].name)) if node in pins else (node,)
        verdict = project.capabilities.verdict(interface, *names)
        if not verdict.is_isolated:
            return None
        return "error" if verdict.denied == ERROR else "trap"

    return Decided(denial, project.composition.config)
