"""Edits of `wasmcloud.toml` that leave comments, order and formatting as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tomlkit
from msgspec import Struct
from tomlkit.exceptions import ParseError
from tomlkit.items import AbstractTable, Table

from wpkg.project.project_file import PROJECT_FILE, InvalidProjectFile

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

    from wpkg.names.package_name import PackageName
    from wpkg.names.requirement import Requirement
    from wpkg.oci.reference import Repository


class DependencyLine(Struct, frozen=True):
    """What a line of `[dependencies]` says beside the requirement; None where nothing is said."""

    oci: Repository | None = None
    path: str | None = None
    link: str | None = None
    kind: str | None = None
    target: str | None = None
    name: str | None = None  # of the link

    def keys(self) -> dict[str, str]:
        """The keys that it has, in their order."""
        given = {
            "path": self.path,
            "oci": self.oci,
            "link": self.link,
            "kind": self.kind,
            "target": self.target,
            "name": self.name,
        }
        return {key: str(value) for key, value in given.items() if value is not None}


def set_dependency(
    text: str, name: PackageName, requirement: Requirement | None, line: DependencyLine | None = None
) -> str:
    """The project file with `name` among its dependencies; other keys of an existing line are kept.

    A place takes the place of another one. Raises: InvalidProjectFile.
    """
    document = _document(text)
    dependencies = document.get("dependencies")
    if dependencies is None:
        dependencies = tomlkit.table()
        document["dependencies"] = dependencies
    if not isinstance(dependencies, Table):
        raise InvalidProjectFile("dependencies is not a table").within(PROJECT_FILE)
    keys = {"version": str(requirement)} if requirement is not None else {}
    keys |= line.keys() if line is not None else {}
    existing = dependencies.get(str(name))
    if isinstance(existing, AbstractTable):
        if {"path", "oci"} & keys.keys():
            for place in {"path", "oci"} - keys.keys():
                existing.pop(place, None)
        for key, value in keys.items():
            existing[key] = value
    elif keys.keys() == {"version"}:
        dependencies[str(name)] = str(requirement)
    else:
        inline = tomlkit.inline_table()
        inline.update(keys)
        dependencies[str(name)] = inline
    return _ended_as(text, tomlkit.dumps(document))


def remove_dependency(text: str, name: PackageName) -> str:
    """The project file without `name` among its dependencies. Raises: InvalidProjectFile."""
    document = _document(text)
    dependencies = document.get("dependencies")
    if not isinstance(dependencies, Table) or str(name) not in dependencies:
        raise InvalidProjectFile(f"{name} is not among the dependencies").within(PROJECT_FILE)
    del dependencies[str(name)]
    return _ended_as(text, tomlkit.dumps(document))


def _ended_as(before: str, after: str) -> str:
    """`after` with the line ends of `before`, where those are all CRLF: what is new has line feeds only."""
    if "\r\n" in before and before.count("\r\n") == before.count("\n"):
        return after.replace("\r\n", "\n").replace("\n", "\r\n")
    return after


def _document(text: str) -> TOMLDocument:
    try:
        return tomlkit.parse(text)
    except ParseError as error:
        raise InvalidProjectFile(f"not valid TOML: {error}").within(PROJECT_FILE) from error
