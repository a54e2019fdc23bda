"""Run a component that is a command, with what it may have."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.component.read import read_component
from wpkg.errors import InvalidInput, WpkgError
from wpkg.names.interface_pattern import InterfacePattern, first_match
from wpkg.project.capabilities import Capabilities
from wpkg.project.project_file import PROJECT_FILE
from wpkg.registry.mapping import mapped
from wpkg.workflow.decide import decides
from wpkg.workflow.host import Exited, Grants, start
from wpkg.workflow.opened import open_project

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wpkg.component.types import ComponentType
    from wpkg.project.capabilities import Verdict
    from wpkg.project.project_file import Project

_COMMAND = re.compile(r"wasi:cli/run@0\.2\.[0-9]+")


class Wishes(Struct, frozen=True):
    """What a person grants on the command line."""

    allow: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()


class Subject(Struct, frozen=True):
    """A component that is to be run, and what it may have."""

    name: str
    path: Path
    component: ComponentType
    grants: Grants


class NotACommand(InvalidInput):
    """A component that does not export `wasi:cli/run`."""


def find_subject(root: Path, given: Path | None, wishes: Wishes) -> Subject:
    """The component in the file `given`; without one, what the project in `root` has built, under its rules.

    Raises: InvalidInput.
    """
    if given is None:
        project = _project_in(root)
        path, capabilities = _built_component(root, project), project.capabilities
    else:
        path, capabilities = given, Capabilities()
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "is not there"
        raise InvalidInput(f"{path} {what}, a component file is needed")
    with mapped(path) as data:
        try:
            component = read_component(data)
        except WpkgError as error:
            raise error.within(str(path)) from None
    return Subject(path.name, path, component, _grants(wishes, capabilities))


def _project_in(root: Path) -> Project:
    if not (root / PROJECT_FILE).is_file():
        raise InvalidInput(
            f"there is no {PROJECT_FILE} in {root} or above it, so a component has to be named",
            hint="wpkg run FILE",
        )
    return open_project(root).project


def _built_component(root: Path, project: Project) -> Path:
    composes = any(d.link == "build" and d.kind == "component" for d in project.dependencies)
    composed = root / project.composed_output
    path = composed if composes or (decides(project) and composed.is_file()) else root / project.build_artifact
    if not path.is_file():
        raise InvalidInput(
            f"{project.name} has not been built: there is no {path}",
            hint=f"run 'wpkg build{' --compose' if composes else ''}'",
        )
    return path


def _grants(wishes: Wishes, capabilities: Capabilities) -> Grants:
    """What is granted by a person and by a project's rules; what its rules do not allow, no person here does.

    A component may have been composed of several: what one of them may have, the result may have.
    """
    patterns = [InterfacePattern.parse(text) for text in wishes.allow]

    def verdicts(name: str) -> list[Verdict]:
        return [capabilities.verdict(name), *(capabilities.verdict(name, who) for who in capabilities.components)]

    def refuses(name: str) -> bool:
        return not any(verdict.is_allowed for verdict in verdicts(name))

    def allows(name: str) -> bool:
        return first_match(patterns, name) is not None or any(verdict.is_explicit for verdict in verdicts(name))

    def advice(name: str) -> str:
        unversioned = name.partition("@")[0]
        if refuses(name):
            return f'allow it in {PROJECT_FILE}:\n[capabilities]\nallow = ["{unversioned}"]'
        return f"allow it with --allow '{unversioned}'"

    return Grants(
        allows=allows,
        refuses=refuses,
        advice=advice,
        folders=tuple(_folder(text) for text in wishes.folders),
        variables=dict(_variable(text) for text in wishes.variables),
    )


def _folder(text: str) -> tuple[Path, str]:
    folder, _, guest = text.partition("::")
    path = Path(folder)
    if not path.is_dir():
        raise InvalidInput(f"there is no folder {folder}", hint="--dir FOLDER, or FOLDER::NAME-IN-THE-COMPONENT")
    return path, guest or folder


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise InvalidInput(f"'{text}' is not of the form NAME=VALUE")
    return name, value


def run_command(subject: Subject, arguments: Sequence[str]) -> int:
    """The exit code of a command component. Raises: NotACommand, Trapped and as `host.start`."""
    interface = next((name for name in subject.component.exports if _COMMAND.fullmatch(name)), None)
    if interface is None:
        raise NotACommand(
            f"{subject.name} is not a command: it does not export wasi:cli/run@0.2",
            hint="call one of its functions with 'wpkg call'",
        )
    try:
        started = start(
            subject.name, subject.path, subject.component, subject.grants, arguments, quiet_stdout=False
        )
        result = started.call(started.function(interface, "run"), [])
    except Exited as exited:
        return exited.status
    return 0 if result.tag == "ok" else 1  # a result without payloads is a `Variant`
