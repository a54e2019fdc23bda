"""Edits of `wasmcloud.toml` that leave comments, order and formatting as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tomlkit
from tomlkit.items import Table

from wpkg.project.project_file import PROJECT_FILE, InvalidProjectFile

if TYPE_CHECKING:
    from wpkg.names.package_name import PackageName
    from wpkg.names.requirement import Requirement
    from wpkg.oci.reference import Repository


def set_dependency(text: str, name: PackageName, requirement: Requirement, oci: Repository | None = None) -> str:
    """The project file with `name` among its dependencies; other keys of an existing line are kept.

    Raises: InvalidProjectFile.
    """
    document = tomlkit.parse(text)
    dependencies = document.get("dependencies")
    if dependencies is None:
        dependencies = tomlkit.table()
        document["dependencies"] = dependencies
    if not isinstance(dependencies, Table):
        raise InvalidProjectFile("dependencies is not a table").within(PROJECT_FILE)
    key = str(name)
    existing = dependencies.get(key)
    if isinstance(existing, dict):
        existing["version"] = str(requirement)
        if oci is not None:
            existing["oci"] = str(oci)
    elif oci is not None:
        line = tomlkit.inline_table()
        line["version"] = str(requirement)
        line["oci"] = str(oci)
        dependencies[key] = line
    else:
        dependencies[key] = str(requirement)
    return tomlkit.dumps(document)
