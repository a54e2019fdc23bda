"""What a project decides about imports that would be left to the host: `denied = …`, `[composition.config]`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.project.capabilities import ERROR, REFUSE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wpkg.compose.furnish import Decided
    from wpkg.compose.graph import Denial
    from wpkg.compose.links import Contract
    from wpkg.names.pin import Pin
    from wpkg.project.project_file import Project


def decides(project: Project) -> bool:
    """Whether a project says anything that components are generated for."""
    rules = (project.capabilities.general, *project.capabilities.components.values())
    return bool(project.composition.config) or any(rule.denied not in (None, REFUSE) for rule in rules)


def decide(project: Project, pins: Mapping[str, Pin], contracts: Sequence[Contract]) -> Decided | None:
    """What `project` decides, None where that is nothing; `pins` are its dependencies by name in the plan.

    That an import is not among what is allowed is said of hosts. What is answered by constants, or linked at run
    time by one of `contracts`, comes from somewhere else: only a `deny` that names it is about that.
    """
    if not decides(project):
        return None
    from wpkg.compose.configuration import is_configuration
    from wpkg.compose.furnish import Decided
    from wpkg.compose.links import is_linked

    config = project.composition.config

    def denial(node: str, _name: str, interface: str) -> Denial | None:
        names = (node, str(pins[node].name)) if node in pins else (node,)
        verdict = project.capabilities.verdict(interface, *names)
        if not verdict.is_isolated:
            return None
        if not verdict.is_denied and ((config and is_configuration(interface)) or is_linked(interface, contracts)):
            return None
        return "error" if verdict.denied == ERROR else "trap"

    return Decided(denial, config)
