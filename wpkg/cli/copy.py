"""`wpkg copy`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from wpkg.cli.options import option
from wpkg.cli.session import command

if TYPE_CHECKING:
    from wpkg.cli.session import Session


@command(publishing=True)
@click.argument("source")
@click.argument("target")
@option("--no-referrers", is_flag=True, help="Leave signatures, provenance and the like behind.")
@option("--all-tags", is_flag=True, help="Every tag of the repository SOURCE.")
def copy(session: Session, source: str, target: str, no_referrers: bool, all_tags: bool) -> None:  # noqa: FBT001
    """Copy an artifact with everything attached to it, unchanged.

    SOURCE is as for 'wpkg pull'; TARGET is registry/path:tag or dir:folder:tag, whose tag may be left out. Either
    may be an OCI layout on disk (dir:).
    """
    from wpkg.workflow.copy import copy as copy_artifacts
    from wpkg.workflow.locate import locate, typed_reference

    world, root = session.world, session.root
    found = typed_reference(world, root, source) if all_tags else locate(world, root, source).reference
    copied = copy_artifacts(
        world, found, typed_reference(world, root, target), referrers=not no_referrers, all_tags=all_tags
    )
    artifacts = [
        {
            "reference": str(item.reference),
            "manifests": item.manifests,
            "blobs": item.blobs,
            "blobs-sent": item.blobs_sent,
        }
        for item in copied
    ]
    lines = [
        f"{item.reference}  {item.manifests} manifests, {item.blobs_sent} of {item.blobs} blobs sent"
        for item in copied
    ]
    session.console.result("copy", {"artifacts": artifacts}, lines)
