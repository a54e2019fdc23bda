"""`wpkg manifest`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from wpkg.cli.options import option
from wpkg.cli.output_file import output_option
from wpkg.cli.session import command

if TYPE_CHECKING:
    from pathlib import Path

    from wpkg.cli.session import Session


@command(publishing=True)
@option(
    "--target",
    type=click.Choice(["wadm", "workload"]),
    required=True,
    help="wadm: an application for wasmCloud 1.x; workload: a WorkloadDeployment for 2.x.",
)
@output_option("Where to write it, as JSON where the name ends so; by default to stdout.")
def manifest(session: Session, target: str, output: Path | None) -> None:
    """Write the manifest that deploys the published component, and what it is linked to at run time.

    Everything is named by digest. What the host has not got is a service of the platform, a link, or an error with
    the line to write.
    """
    from wpkg.workflow.deployment import make_manifest

    made = make_manifest(session.world, session.root, target, output)
    members = {"target": target, "path": str(output) if output is not None else None, "manifest": made.document}
    lines = made.yaml.splitlines() if output is None else [f"{output}  {target}"]
    session.console.result("manifest", members, lines)
