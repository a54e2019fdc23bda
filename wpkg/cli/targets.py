"""`wpkg targets`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from wpkg.cli.options import option
from wpkg.cli.session import command

if TYPE_CHECKING:
    from wpkg.cli.session import Session

_FILE = click.Path(path_type=Path)


@command()
@click.argument("component", type=_FILE)
@option("--wit", type=_FILE, required=True, metavar="PATH", help="A WIT file or folder, or a WIT package.")
@option("--world", metavar="WORLD", help="name or ns:pkg/name@version; not needed when there is one.")
@option("--feature", "features", multiple=True, metavar="NAME", help="Include what is @unstable under NAME.")
def targets(session: Session, component: Path, wit: Path, world: str | None, features: tuple[str, ...]) -> None:
    """Check whether a component conforms to a world.

    Its imports must be among the world's, and it must export all that the world exports.
    """
    from wpkg.workflow.targets import check_targets

    found = check_targets(component, wit, world, features)
    members = {
        "component": str(component),
        "world": found.world,
        "imports": [{"name": name, "world": other} for name, other in found.conformance.imports],
        "exports": [{"name": name, "world": other} for name, other in found.conformance.exports],
    }
    session.console.result("targets", members, [f"{component} conforms to {found.world}"])
