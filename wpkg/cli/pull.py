"""`wpkg pull`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from wpkg.cli.options import option
from wpkg.cli.output_file import output_option
from wpkg.cli.session import command
from wpkg.cli.suggest import pinned_references
from wpkg.cli.verify import verification_json, verification_lines

if TYPE_CHECKING:
    from wpkg.cli.session import Session


@command()
@click.argument("reference", shell_complete=pinned_references)
@output_option("Where to; by default a file named after the repository.")
@option(
    "--key", "keys", type=click.Path(path_type=Path), multiple=True, metavar="FILE", help="Public key to trust."
)
@option("--raw", is_flag=True, help="The raw component beside the version, not the composed one.")
def pull(session: Session, reference: str, output: Path | None, keys: tuple[Path, ...], raw: bool) -> None:  # noqa: FBT001
    """Fetch a published component to a file, verified.

    REFERENCE is ns:name@version by [registries] of this project, or registry/path:tag, or registry/path@sha256:….
    """
    from wpkg.workflow.pull import pull as pull_component

    pulled = pull_component(session.world, session.root, reference, output, keys, raw=raw)
    members = {
        "reference": str(pulled.release.reference),
        "path": str(pulled.path),
        "component": str(pulled.release.component.digest),
        "size": pulled.release.component.size,
        "verification": verification_json(pulled.verification) if pulled.verification is not None else None,
    }
    verified = verification_lines(pulled.verification) if pulled.verification is not None else []
    session.console.result(
        "pull",
        members,
        [f"{pulled.path}  {pulled.release.component.digest}", f"from {pulled.release.reference}", *verified],
    )
