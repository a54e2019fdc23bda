"""`wpkg sign`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from wpkg.cli.options import option
from wpkg.cli.session import chosen_formats, command, format_option, password_option

if TYPE_CHECKING:
    from wpkg.cli.session import Session


@command(publishing=True)
@click.argument("reference")
@option(
    "--key",
    type=click.Path(path_type=Path),
    envvar="WPKG_KEY",
    required=True,
    metavar="FILE",
    help="Private key; also $WPKG_KEY.",
)
@password_option
@format_option("both", "bundle", "legacy")
@option("--raw", is_flag=True, help="The raw component beside the version, not the composed one.")
@option(
    "--bundle",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a bundle to FILE and push nothing; REFERENCE may be a component file.",
)
def sign(
    session: Session,
    reference: str,
    key: Path,
    password_fd: int | None,
    formats: str,
    bundle: Path | None,
    *,
    raw: bool,
) -> None:
    """Sign a published component, by its digest, with package and version inside what is signed.

    REFERENCE is as for 'wpkg pull'. 'bundle' is a sigstore bundle that refers to the artifact, 'legacy' the .sig
    tag of cosign before 3. Signing twice leaves one signature.
    """
    from wpkg.workflow.keys import load_key
    from wpkg.workflow.sign import sign as sign_component

    private = load_key(session.world, key, session.passwords(password_fd))
    if bundle is not None:
        from wpkg.workflow.sign import sign_to_file

        written = sign_to_file(session.world, session.root, reference, private, bundle, raw=raw)
        session.console.result(
            "sign",
            {"path": str(bundle), "digest": str(written.digest), "signer": written.signer},
            [f"{bundle}  signs {written.digest}", f"signed by {written.signer}"],
        )
        return
    wanted = chosen_formats(formats)
    signed = sign_component(session.world, session.root, reference, private, wanted, raw=raw)
    members = {"reference": str(signed.release.reference), "signer": signed.signer, "formats": list(wanted)}
    session.console.result("sign", members, [f"{signed.release.reference}", f"signed by {signed.signer}"])
