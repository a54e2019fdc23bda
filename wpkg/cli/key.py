"""`wpkg key`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from wpkg.cli.session import command

if TYPE_CHECKING:
    from wpkg.cli.session import Session


@click.group()
def key() -> None:
    """Make and show signing keys; cosign and wpkg use each other's."""


@command()
@click.option(
    "--output",
    "prefix",
    type=click.Path(path_type=Path),
    default=Path("wpkg"),
    show_default=True,
    metavar="PREFIX",
    help="Write PREFIX.key and PREFIX.pub.",
)
def generate(session: Session, prefix: Path) -> None:
    """Make an ECDSA P-256 key pair in cosign's encrypted format.

    The password is taken from WPKG_KEY_PASSWORD or COSIGN_PASSWORD, else asked for.
    """
    from wpkg.workflow.keys import generate_key

    pair = generate_key(session.world, session.root / prefix, session.ask)
    members = {"private": str(pair.private), "public": str(pair.public), "key": pair.hint}
    session.console.result(
        "key.generate", members, [f"{pair.private} (keep it secret)", f"{pair.public}", f"fingerprint {pair.hint}"]
    )


@command()
@click.argument("file", type=click.Path(path_type=Path))
def show(session: Session, file: Path) -> None:
    """Show the fingerprint and kind of a public key."""
    from wpkg.workflow.keys import show_key

    public = show_key(session.root / file)
    session.console.result(
        "key.show", {"key": public.hint, "algorithm": public.algorithm}, [f"{public.hint}  {public.algorithm}"]
    )


key.add_command(generate)
key.add_command(show)
