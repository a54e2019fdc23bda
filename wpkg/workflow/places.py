"""Where packages are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.errors import InvalidInput

if TYPE_CHECKING:
    from wpkg.names.package_name import PackageName
    from wpkg.oci.reference import Repository
    from wpkg.project.project_file import Project
    from wpkg.workflow.opened import OpenedWorkspace


def package_repository(project: Project, package: PackageName) -> Repository:
    """Where `package` is: its own `oci`, else its namespace's place. Raises: InvalidProjectFile."""
    dependency = project.dependency(package)
    if dependency is not None and dependency.oci is not None:
        return dependency.oci
    return project.registries.repository(package)


def workspace_repository(workspace: OpenedWorkspace, package: PackageName) -> Repository:
    """Where `package` is for every member. Raises: InvalidInput."""
    given = sorted({d.oci for _, d in workspace.dependencies() if d.name == package and d.oci is not None})
    if len(given) > 1:
        raise InvalidInput(
            f"{package} is at two places, {given[0]} and {given[1]}",
            hint="give it the same 'oci' in every member of the workspace",
        )
    return given[0] if given else workspace.registries.repository(package)
