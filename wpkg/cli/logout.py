"""`wpkg logout`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from wpkg.cli.session import command

if TYPE_CHECKING:
    from wpkg.cli.session import Session


@command()
@click.argument("registry")
def logout(session: Session, registry: str) -> None:
    """Forget the password for REGISTRY, wherever it is kept."""
    from wpkg.workflow.login import logout as log_out

    places = log_out(session.world, registry)
    lines = [f"removed from {place}" for place in places] or [f"there was no login for {registry}"]
    session.console.result("logout", {"registry": registry, "places": places}, lines)
