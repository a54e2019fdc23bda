"""`wpkg compose`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wpkg.cli.options import option
from wpkg.cli.output_file import output_option
from wpkg.cli.session import command
from wpkg.cli.suggest import files_or_references

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wpkg.cli.session import Session
    from wpkg.workflow.compose_files import ComposeFiles
    from wpkg.workflow.sources import ComponentFile


def composition_options(function: Callable[..., None]) -> Callable[..., None]:
    """The components and how they are wired, for every command that composes files."""
    for decorate in (  # the last one is shown first
        option(
            "--deps-dir",
            type=click.Path(path_type=Path),
            default=Path("deps"),
            metavar="DIR",
            help="Where packages of a WAC document are: NAMESPACE/NAME.wasm; by default deps.",
        ),
        option(
            "--dep",
            "deps",
            multiple=True,
            metavar="NAME=DEP",
            help="The package NAME of a WAC document: a file, a folder with WIT, or published.",
        ),
        option(
            "--use",
            "uses",
            multiple=True,
            metavar="IMPORT=DEP",
            help="Let DEP satisfy IMPORT; 'COMPONENT / IMPORT' for one of them, 'DEP / EXPORT' for an export of "
            "another name, 'host' to leave it to the host.",
        ),
        option(
            "--with",
            "others",
            multiple=True,
            metavar="[NAME=]DEP",
            shell_complete=files_or_references,
            help="A component to compose it with; with a name, it can be given more than once.",
        ),
    ):
        function = decorate(function)
    return function


def finder(session: Session) -> Callable[[str], ComponentFile]:
    """What brings components that are not files."""

    def find(text: str) -> ComponentFile:
        from wpkg.workflow.accepted import published_file

        return published_file(session.world, session.root, text)

    return find


def composition(
    session: Session,
    root: str,
    others: Sequence[str],
    uses: Sequence[str],
    places: tuple[Sequence[str], Path],
    **flags: bool,
) -> ComposeFiles:
    """What the options mean. Raises: InvalidInput, and what finding a component raises."""
    if not root.endswith(".wac"):
        from wpkg.workflow.compose_files import ComposeFiles

        if places[0]:
            raise click.UsageError("--dep is for the packages of a WAC document; for a component it is --with")
        return ComposeFiles.parse(root, others, uses, **flags, published=finder(session))
    if others or uses:
        raise click.UsageError("a WAC document says all of what --with and --use say")
    from wpkg.workflow.compose_document import Surroundings, document_command

    around = Surroundings(
        given=places[0],
        folder=places[1],
        root=session.root,
        world=lambda: session.world,
        locked=lambda: session.locked,
        published=finder(session),
    )
    return document_command(Path(root), around, **flags)


def show_document(session: Session, text: str, output: Path | None) -> None:
    """Print a document, or put it where it was asked for."""
    if output is None:
        session.console.result("wac", {"text": text}, text.splitlines())
        return
    from wpkg.workflow.compose_document import write_document

    write_document(text, output)
    session.console.result("wac-file", {"path": str(output)}, [f"{output}  wac"])


@command(locking=True)
@click.argument("root", metavar="[NAME=]ROOT|DOCUMENT", shell_complete=files_or_references)
@composition_options
@output_option("Where the result is written.")
@option("--plan", "show_plan", is_flag=True, help="Show what satisfies each import, and why; write nothing.")
@option("--emit", type=click.Choice(["wac"]), help="Write the composition as a WAC document instead.")
@option("--share-modules", is_flag=True, help="Embed identical core modules once.")
@option("--no-imports", is_flag=True, help="Fail when an import is left to the host.")
def compose(
    session: Session,
    root: str,
    output: Path | None,
    show_plan: bool,  # noqa: FBT001
    emit: str | None,
    deps: tuple[str, ...],
    deps_dir: Path,
    **options: Any,
) -> None:
    """Compose components: imports of each are satisfied by exports of the others.

    ROOT and DEP are files, or published: ns:name@version by [registries] of this project, or a reference; then
    they are verified by its [trust]. The result has the exports of ROOT. Imports that nobody exports are left to
    the host.

    DOCUMENT is a WAC document, app.wac, which says all of this itself.
    """
    from wpkg.names.amount import size_text
    from wpkg.workflow.compose_files import compose_files, plan_command

    wanted = composition(session, root, places=(deps, deps_dir), **options)
    if emit is not None and show_plan:
        raise click.UsageError("--plan shows the composition, --emit writes it as a document: one of them")
    if emit is not None:
        from wpkg.workflow.compose_document import emit_files

        show_document(session, emit_files(wanted), output)
        return
    if show_plan:
        from wpkg.cli.plan import plan_json, plan_lines

        plan = plan_command(wanted)
        session.console.result("plan", plan_json(plan), plan_lines(plan))
        return
    if output is None:
        raise click.UsageError("say where the result goes with -o FILE, or ask for --plan")
    composed = compose_files(session.console, wanted, output)
    if session.console.verbose:
        from wpkg.cli.plan import detail_plan

        detail_plan(session.console, composed.plan)
    members = {"path": str(output), "digest": str(composed.digest), "size": composed.size}
    lines = [f"{output}  {composed.digest}  {size_text(composed.size)}"]
    if wanted.wiring.share_modules:
        members["shared-modules"], members["saved"] = composed.shared, composed.saved
        modules = "module" if composed.shared == 1 else "modules"
        lines.append(f"{composed.shared} core {modules} shared, {size_text(composed.saved)} saved")
    session.console.result("compose", members, lines)
