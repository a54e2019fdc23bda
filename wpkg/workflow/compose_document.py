"""Compose what a WAC document says, and say as a document what is composed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.errors import InvalidInput
from wpkg.registry.disk import read_text, replacing
from wpkg.wac.emit import emit_document
from wpkg.wac.printer import print_document
from wpkg.workflow.build import project_inputs
from wpkg.workflow.compose_files import ComposeFiles, plan_command
from wpkg.workflow.composition import locked_components, own_component
from wpkg.workflow.document import open_document
from wpkg.workflow.document_places import Places, ProjectPlaces
from wpkg.workflow.fmt import format_text
from wpkg.workflow.locate import project_here
from wpkg.workflow.lock import up_to_date_lock
from wpkg.workflow.opened import open_project
from wpkg.workflow.wiring import Wiring

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from wpkg.compose.graph import Plan
    from wpkg.workflow.sources import ComponentFile
    from wpkg.workflow.world import World


class Surroundings(Struct, frozen=True):
    """Where a document is composed: what a command line gives, and the project, asked for when it is needed."""

    given: Sequence[str]  # `NAMESPACE:NAME=PATH`
    folder: Path  # as wac has it
    root: Path  # of the project, if there is one
    world: Callable[[], World]
    locked: Callable[[], bool]
    published: Callable[[str], ComponentFile]


def document_command(
    path: Path, around: Surroundings, *, share_modules: bool = False, no_imports: bool = False
) -> ComposeFiles:
    """What composes the document at `path`. Raises: InvalidInput, and what finding its packages raises."""

    def project() -> ProjectPlaces | None:
        opened = project_here(around.root)
        if opened is None:
            return None
        world = around.world()
        lock = up_to_date_lock(world, opened, locked=around.locked())
        return ProjectPlaces(world, opened, lock, locked_components(world, opened, lock), own_component(opened))

    opened = open_document(path, Places(_given(around.given), around.folder, project, around.published))
    return ComposeFiles(opened.files, Wiring(share_modules=share_modules, no_imports=no_imports, document=opened))


def _given(texts: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        name, equals, path = text.partition("=")
        if not equals or ":" not in name or not path:
            raise InvalidInput(f"'{text}' is not of the form NAMESPACE:NAME=PATH")
        if name in found:
            raise InvalidInput(f"'{name}' is given twice")
        found[name] = path
    return found


def emit_files(command: ComposeFiles) -> str:
    """The composition of `command` as a document. Raises: CompositionError, InvalidInput."""
    document = command.wiring.document
    plan = plan_command(command)
    if document is not None:
        path = document.document.source.name
        return format_text(path, document.document.source.text)
    return _emitted(plan, {}, {file.name: file for file in command.files})


def emit_project(world: World, root: Path, *, locked: bool = False) -> str:
    """The composition of the project in `root` as a document. Raises: as `wpkg.workflow.build.plan_project`."""
    opened = open_project(root)
    document = opened.project.composition.document
    inputs = project_inputs(world, opened, locked=locked)
    plan = inputs.plan()
    if document is not None:
        return format_text(document, read_text(root / document))
    packages = {name: str(pin.name) for name, pin in inputs.pins.items() if f"{pin.name}@" not in name}
    return _emitted(plan, packages, {file.name: file for file in inputs.files if file.label is None})


def _emitted(plan: Plan, packages: Mapping[str, str], files: Mapping[str, ComponentFile]) -> str:
    """The text of a plan, with how to compose it again where that takes `files`."""
    emitted = emit_document(plan, packages)
    given = [
        f"--dep {package}={files[node].path}"
        for package, node in emitted.packages.items()
        if node in files and files[node].label is None
    ]
    comments = ("Composed again, to the same bytes, by: wpkg compose FILE -o OUT", *given) if given else ()
    return print_document(emitted.document, comments)


def write_document(text: str, output: Path) -> None:
    """Put a document in the place of `output`. Raises: CannotWrite."""
    with replacing(output, durable=False) as file:
        file.write(text.encode())
