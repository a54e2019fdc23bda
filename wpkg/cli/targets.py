"""`wpkg targets`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec.structs import replace

from wpkg.cli.compose import finder
from wpkg.cli.options import option
from wpkg.cli.session import command
from wpkg.cli.suggest import files_or_references

if TYPE_CHECKING:
    from wpkg.cli.session import Session

_FILE = click.Path(path_type=Path)


@command()
@click.argument("component", metavar="FILE|REFERENCE", shell_complete=files_or_references)
@option("--wit", type=_FILE, required=True, metavar="PATH", help="A WIT file or folder, or a WIT package.")
@option("--world", metavar="WORLD", help="name or ns:pkg/name@version; not needed when there is one.")
@option("--feature", "features", multiple=True, metavar="NAME", help="Include what is @unstable under NAME.")
def targets(session: Session, component: str, wit: Path, world: str | None, features: tuple[str, ...]) -> None:
    """Check whether a component conforms to a world.

    Its imports must be among the world's, and it must export all that the world exports. What is published is
    ns:name@version by [registries] of this project, or a reference, and is verified by its [trust].
    """
    from wpkg.workflow.sources import ComponentFile, means_file
    from wpkg.workflow.targets import check_targets

    is_file = means_file(component)
    file = ComponentFile(component, Path(component)) if is_file else finder(session)(component)
    found = check_targets(replace(file, name=component), wit, world, features)
    members = {
        "component": component,
        "world": found.world,
        "imports": [{"name": name, "world": other} for name, other in found.conformance.imports],
        "exports": [{"name": name, "world": other} for name, other in found.conformance.exports],
    }
    session.console.result("targets", members, [f"{component} conforms to {found.world}"])
