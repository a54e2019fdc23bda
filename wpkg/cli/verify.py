"""`wpkg verify`, and how a verification is shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wpkg.cli.session import command
from wpkg.cli.suggest import pinned_references

if TYPE_CHECKING:
    from wpkg.cli.session import Session
    from wpkg.trust.verification import Verification


@command()
@click.argument("reference", shell_complete=pinned_references)
@click.option(
    "--key", "keys", type=click.Path(path_type=Path), multiple=True, metavar="FILE", help="Public key to trust."
)
@click.option("--raw", is_flag=True, help="The raw component beside the version, not the composed one.")
def verify(session: Session, reference: str, keys: tuple[Path, ...], raw: bool) -> None:  # noqa: FBT001
    """Check a published component: content, signatures, provenance.

    By the keys named, or else by [trust] in wasmcloud.toml. Everything is read from the registry, nothing from the
    cache. REFERENCE is as for 'wpkg pull'.
    """
    from wpkg.workflow.verify import verify as verify_component

    verified = verify_component(session.world, session.root, reference, keys, raw=raw)
    release = verified.release
    members = {
        "reference": str(release.reference),
        "kind": release.kind,
        "component": str(release.component.digest),
        "verification": verification_json(verified.verification),
        "inputs": list(verified.inputs),
    }
    lines = [f"{release.reference}", f"{release.kind} {release.component.digest}"]
    lines += verification_lines(verified.verification)
    lines += [f"composed of {text}" for text in verified.inputs]
    session.console.result("verify", members, lines)


def verification_json(verification: Verification) -> dict[str, Any]:
    """A verification for programs."""
    return {
        "state": str(verification.state),
        "signers": [{"name": signer.name, "key": signer.hint} for signer in verification.signers],
        "attestations": list(verification.attestations),
        "findings": [
            {"referrer": str(f.referrer) if f.referrer else None, "outcome": str(f.outcome), "reason": f.reason}
            for f in verification.findings
        ],
    }


def verification_lines(verification: Verification) -> list[str]:
    """A verification for people."""
    lines = [f"{verification.state}"]
    lines += [f"signed by {signer.name} ({signer.hint})" for signer in verification.signers]
    lines += [f"attested: {predicate}" for predicate in verification.attestations]
    return lines
