"""`wpkg graph`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from wpkg.cli.compose import composition, composition_options, show_document
from wpkg.cli.options import option
from wpkg.cli.output_file import output_option
from wpkg.cli.session import command
from wpkg.cli.suggest import files_or_references

if TYPE_CHECKING:
    from pathlib import Path

    from wpkg.cli.session import Session

_FORMS = {
    ".svg": "svg",
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
    ".dot": "dot",
    ".gv": "dot",
    ".json": "json",
    ".wac": "wac",
}


@command(locking=True)
@click.argument("root", metavar="[[NAME=]ROOT]", required=False, shell_complete=files_or_references)
@composition_options
@option(
    "--format",
    "form",
    type=click.Choice(["svg", "mermaid", "dot", "json", "wac"]),
    help="What to write; by default what the name of FILE says, else svg.",
)
@output_option("Where to write it; by default to stdout.")
@option("--no-digests", is_flag=True, help="Leave out sizes and digests, which change with every build.")
def graph(
    session: Session,
    root: str | None,
    *,
    form: str | None,
    output: Path | None,
    no_digests: bool,
    **options: Any,
) -> None:
    """Draw a composition: who imports what from whom, what the host has to give, what the result exports.

    ROOT and DEP are what 'wpkg compose' takes: files, packages or references. Without them it is the project's
    composition, the one that 'wpkg build --plan' shows; nothing is built. As 'wac' it is written as a document
    that 'wpkg compose' takes.
    """
    from wpkg.diagram.document import SCHEMA, members_of
    from wpkg.workflow.graph import diagram_of_files, diagram_of_project, write_diagram

    deps, deps_dir = options.pop("deps"), options.pop("deps_dir")
    if root is None and (deps or any(options.values())):
        raise click.UsageError("say which component is the root: wpkg graph ROOT --with DEP")
    form = _form(form, output, as_json=session.console.as_json)
    wanted = composition(session, root, places=(deps, deps_dir), **options) if root is not None else None
    if form == "wac":
        from wpkg.workflow.compose_document import emit_files, emit_project

        text = (
            emit_files(wanted)
            if wanted is not None
            else emit_project(session.world, session.root, locked=session.locked)
        )
        show_document(session, text, output)
        return
    if wanted is not None:
        diagram = diagram_of_files(session.world, wanted)
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
