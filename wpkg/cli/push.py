"""`wpkg push`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from wpkg.cli.options import option
from wpkg.cli.session import chosen_formats, command, format_option, password_option

if TYPE_CHECKING:
    from wpkg.cli.session import Session


@command(publishing=True)
@option(
    "--key",
    type=click.Path(path_type=Path),
    envvar="WPKG_KEY",
    metavar="FILE",
    help="Private key; also $WPKG_KEY.",
)
@password_option
@format_option("both", "bundle")
@option("--unsigned", is_flag=True, help="Publish without a signature.")
@option("--force", is_flag=True, help="Replace a version that is published with other content.")
def push(
    session: Session, key: Path | None, password_fd: int | None, formats: str, *, unsigned: bool, force: bool
) -> None:
    """Publish the project: raw and composed component, each signed and with provenance, the tag last.

    VERSION is what runs; VERSION_raw is the component without its dependencies, for others to compose anew.
    """
    from wpkg.workflow.keys import load_key
    from wpkg.workflow.push import push as push_project

    if key is None and not unsigned:
        raise click.UsageError(
            "name the key to sign with (--key FILE), or ask for --unsigned; 'wpkg key generate' makes one"
        )
    signer = (
        load_key(session.world, key, session.passwords(password_fd)) if key is not None and not unsigned else None
    )
    pushed = push_project(session.world, session.root, signer, chosen_formats(formats), force=force)
    artifacts = [
        {
            "kind": artifact.publication.record.kind,
            "reference": f"{pushed.repository}:{artifact.publication.tag}",
            "manifest": str(artifact.publication.artifact.manifest.digest),
            "component": str(artifact.publication.artifact.component.digest),
            "attestations": list(artifact.attestations),
            "unchanged": artifact.was_there,
        }
        for artifact in pushed.artifacts
    ]
    members = {"package": str(pushed.package), "signer": pushed.signer, "artifacts": artifacts}
    lines = [
        f"{a['reference']}@{a['manifest']}  {a['kind']}{'  (unchanged)' if a['unchanged'] else ''}"
        for a in artifacts
    ]
    lines.append(f"signed by {pushed.signer}" if pushed.signer else "not signed")
    session.console.result("push", members, lines)
