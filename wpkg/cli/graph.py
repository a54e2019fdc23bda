"""`wpkg graph`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from wpkg.cli.compose import composition_options, finder
from wpkg.cli.session import command
from wpkg.cli.suggest import files_or_references

if TYPE_CHECKING:
    from wpkg.cli.session import Session

_FILE = click.Path(path_type=Path)
_FORMS = {
    ".svg": "svg",
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
    ".dot": "dot",
    ".gv": "dot",
    ".json": "json",
}


@command(locking=True)
@click.argument("root", metavar="[[NAME=]ROOT]", required=False, shell_complete=files_or_references)
@composition_options
@click.option(
    "--format",
    "form",
    type=click.Choice(["svg", "mermaid", "dot", "json"]),
    help="What to write; by default what the name of FILE says, else svg.",
)
@click.option("-o", "--output", type=_FILE, metavar="FILE", help="Where to write it; by default to stdout.")
@click.option("--no-digests", is_flag=True, help="Leave out sizes and digests, which change with every build.")
def graph(
    session: Session,
    root: str | None,
    *,
    others: tuple[str, ...],
    uses: tuple[str, ...],
    form: str | None,
    output: Path | None,
    no_digests: bool,
) -> None:
    """Draw a composition: who imports what from whom, what the host has to give, what the result exports.

    ROOT and DEP are what 'wpkg compose' takes: files, packages or references. Without them it is the project's
    composition, the one that 'wpkg build --plan' shows; nothing is built.
    """
    from wpkg.diagram.document import SCHEMA, members_of
    from wpkg.workflow.compose_files import ComposeFiles
    from wpkg.workflow.graph import diagram_of_files, diagram_of_project, write_diagram

    if root is None and (others or uses):
        raise click.UsageError("say which component is the root: wpkg graph ROOT --with DEP")
    form = _form(form, output, as_json=session.console.as_json)
    if root is not None:
        diagram = diagram_of_files(
            session.world, ComposeFiles.parse(root, others, uses, published=finder(session))
        )
    else:
        diagram = diagram_of_project(session.world, session.root, locked=session.locked)
    if no_digests:
        diagram = diagram.without_digests()
    text = write_diagram(diagram, form, output)
    if output is None:
        session.console.result(SCHEMA, members_of(diagram), text.splitlines())
    else:
        members = {"path": str(output), "format": form, "components": len(diagram.components)}
        session.console.result("graph-file", members, [f"{output}  {form}  {diagram.title}"])


def _form(form: str | None, output: Path | None, *, as_json: bool) -> str:
    """What is written: what was asked for, what the file's name says, else svg."""
    if output is None:
        if as_json and form not in (None, "json"):
            raise click.UsageError(f"--json prints the graph itself; say where the {form} goes with -o FILE")
        return form or "svg"
    if form is None and output.suffix.lower() not in _FORMS:
        raise click.UsageError(f"the name {output} does not say what to write: add --format")
    return form or _FORMS[output.suffix.lower()]
