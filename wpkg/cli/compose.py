"""`wpkg compose`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from wpkg.cli.plan import plan_json, plan_lines
from wpkg.cli.session import command

if TYPE_CHECKING:
    from wpkg.cli.session import Session

_FILE = click.Path(path_type=Path)


@command()
@click.argument("root", type=_FILE)
@click.option("--with", "others", type=_FILE, multiple=True, metavar="DEP", help="A component to compose it with.")
@click.option(
    "--use", "uses", multiple=True, metavar="IMPORT=DEP", help="Let DEP satisfy IMPORT, wherever it occurs."
)
@click.option("-o", "--output", type=_FILE, help="Where the result is written.")
@click.option("--plan", "show_plan", is_flag=True, help="Show what satisfies each import, and why; write nothing.")
def compose(
    session: Session,
    root: Path,
    others: tuple[Path, ...],
    uses: tuple[str, ...],
    output: Path | None,
    show_plan: bool,  # noqa: FBT001
) -> None:
    """Compose component files: imports of each are satisfied by exports of the others.

    The result has the exports of ROOT. Imports that nobody exports are left to the host.
    """
    from wpkg.workflow.compose import ComposeFiles, compose_files, plan_command

    wanted = ComposeFiles.parse(root, others, uses)
    if show_plan:
        plan = plan_command(wanted)
        session.console.result("plan", plan_json(plan), plan_lines(plan))
        return
    if output is None:
        raise click.UsageError("say where the result goes with -o FILE, or ask for --plan")
    composed = compose_files(session.world, wanted, output)
    members = {"path": str(output), "digest": str(composed.digest), "size": composed.size}
    session.console.result("compose", members, [f"{output}  {composed.digest}  {composed.size / 1e6:.1f} MB"])
