"""`wpkg attest`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from wpkg.cli.options import option
from wpkg.cli.session import command, password_option

if TYPE_CHECKING:
    from wpkg.cli.session import Session


@command(publishing=True)
@click.argument("reference")
@option(
    "--predicate", "file", type=click.Path(path_type=Path), required=True, metavar="FILE", help="A JSON object."
)
@option("--type", "kind", required=True, metavar="TYPE", help="Its URI, or cosign's name: cyclonedx, spdx, …")
@option(
    "--key",
    type=click.Path(path_type=Path),
    envvar="WPKG_KEY",
    required=True,
    metavar="FILE",
    help="Private key; also $WPKG_KEY.",
)
@password_option
@option("--raw", is_flag=True, help="The raw component beside the version, not the composed one.")
def attest(
    session: Session, reference: str, key: Path, password_fd: int | None, file: Path, kind: str, *, raw: bool
) -> None:
    """Attach a signed statement about a published component: that the predicate in FILE is true of it.

    REFERENCE is as for 'wpkg pull'. What the predicate says is yours to know; it is not looked at.
    """
    from wpkg.workflow.keys import load_key
    from wpkg.workflow.sign import attest as attest_component

    private = load_key(session.world, key, session.passwords(password_fd))
    attested = attest_component(session.world, session.root, reference, private, kind, file, raw=raw)
    members = {
        "reference": str(attested.release.reference),
        "signer": attested.signer,
        "predicate-type": attested.predicate_type,
    }
    lines = [
        f"{attested.release.reference}",
        f"attested: {attested.predicate_type}",
        f"signed by {attested.signer}",
    ]
    session.console.result("attest", members, lines)
