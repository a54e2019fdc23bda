"""What a component asks of the host that is published, or lies in a file, measured by a project's rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.component.read import read_component
from wpkg.errors import WpkgError
from wpkg.registry.mapping import mapped
from wpkg.workflow.capabilities import requests_of_component

if TYPE_CHECKING:
    from pathlib import Path

    from wpkg.project.project_file import Project
    from wpkg.workflow.capabilities import Request
    from wpkg.workflow.release import Release


def judge_component(project: Project, shown: str, release: Release | None, path: Path) -> tuple[Request, ...]:
    """What the component at `path` asks for, and what the rules of `project` say of it.

    For which part of a composed component an import is, its `release` says; else it is the component's own, which
    is called by its package, or by what is `shown` of it. Raises: InvalidInput.
    """
    record = release.config.record if release is not None else None
    name = str(record.package) if record is not None else shown
    with mapped(path) as data:
        try:
            component = read_component(data)
        except WpkgError as error:
            raise error.within(shown) from None
    linked = {str(dependency.name) for dependency in project.dependencies if dependency.link == "runtime"}
    return requests_of_component(
        component, name, record.asks if record is not None else (), project.capabilities, linked
    )
