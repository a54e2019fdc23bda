"""Draw a composition: of files, or of a project with its locked dependencies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.diagram.document import document_of
from wpkg.diagram.dot import dot_of
from wpkg.diagram.mermaid import mermaid_of
from wpkg.diagram.model import diagram_of
from wpkg.diagram.svg import svg_of
from wpkg.errors import InvalidInput
from wpkg.registry.disk import replacing
from wpkg.workflow.build import project_inputs
from wpkg.workflow.compose import warn_about
from wpkg.workflow.compose_files import plan_command
from wpkg.workflow.opened import open_project

if TYPE_CHECKING:
    from pathlib import Path

    from wpkg.diagram.model import Diagram
    from wpkg.workflow.compose_files import ComposeFiles
    from wpkg.workflow.world import World

_WRITERS = {"svg": svg_of, "mermaid": mermaid_of, "dot": dot_of, "json": document_of}


def diagram_of_files(world: World, command: ComposeFiles) -> Diagram:
    """What a picture of the files of `command` shows. Raises: CompositionError, InvalidInput."""
    plan = plan_command(command)
    if not plan.nodes:
        raise InvalidInput("the document makes no instance of a component, so there is nothing to draw")
    warn_about(world.reporter, plan)
    return diagram_of(plan)


def diagram_of_project(world: World, root: Path, *, locked: bool = False) -> Diagram:
    """What a picture of the project in `root` shows: the component that is there, and what it is composed with.

    Nothing is built. Raises: as `wpkg.workflow.build.plan_project`.
    """
    opened = open_project(root)
    inputs = project_inputs(world, opened, locked=locked)
    plan = inputs.plan()
    warn_about(world.reporter, plan)
    versions = {name: str(pin.version) for name, pin in inputs.pins.items()}
    versions[inputs.files[0].name] = str(opened.project.version)
    return diagram_of(plan, versions)


def write_diagram(diagram: Diagram, form: str, output: Path | None = None) -> str:
    """The picture in one of the forms `svg`, `mermaid`, `dot` and `json`; put in the place of `output`, too.

    Raises: CannotWrite.
    """
    text = _WRITERS[form](diagram)
    if output is not None:
        with replacing(output, durable=False) as file:
            file.write(text.encode())
    return text
