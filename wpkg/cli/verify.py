"""`wpkg verify`, and how a verification is shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wpkg.cli.session import command
from wpkg.cli.suggest import pinned_references
from wpkg.trust.identity import Identity

if TYPE_CHECKING:
    from wpkg.cli.session import Session
    from wpkg.trust.policy import Signer
    from wpkg.trust.verification import Verification
    from wpkg.workflow.verify_inputs import VerifiedInput


@command()
@click.argument("reference", shell_complete=pinned_references)
@click.option(
    "--key", "keys", type=click.Path(path_type=Path), multiple=True, metavar="FILE", help="Public key to trust."
)
@click.option("--raw", is_flag=True, help="The raw component beside the version, not the composed one.")
@click.option("--inputs", is_flag=True, help="Verify what it was composed of, too, down to the last.")
@click.option("--recompose", is_flag=True, help="Compose it again from its provenance, and compare.")
@click.option(
    "--bundle",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="REFERENCE is a component file; this sigstore bundle is about it.",
)
@click.option(
    "--type", "kind", metavar="TYPE", help="With --bundle: the predicate type, where it is no signature."
)
def verify(
    session: Session,
    reference: str,
    keys: tuple[Path, ...],
    bundle: Path | None,
    kind: str | None,
    **checks: bool,
) -> None:
    """Check a published component: content, signatures, provenance.

    By the keys named, or else by [trust] in wasmcloud.toml. Everything is read from the registry, nothing from the
    cache. REFERENCE is as for 'wpkg pull'; a package without a version is the one in wpkg.lock, and so
    is a component file without --bundle.
    """
    if bundle is not None:
        _verify_file(session, Path(reference), bundle, keys, kind)
        return
    from wpkg.workflow.verify import verify as verify_component

    verified = verify_component(session.world, session.root, reference, keys, **checks)
    release = verified.release
    members = {
        "reference": str(release.reference),
        "kind": release.kind,
        "component": str(release.component.digest),
        "verification": verification_json(verified.verification),
        "inputs": [str(item) for item in verified.inputs],
        "recomposed": "same" if verified.recomposed else None,
        "verified-inputs": [
            {
                "name": item.input.name,
                "component": str(item.input.component),
                "depth": item.depth,
                "verification": verification_json(item.verification) if item.verification else None,
            }
            for item in verified.verified_inputs
        ],
        "capabilities": [request.to_json() for request in verified.requests],
    }
    lines = [f"{release.reference}", f"{release.kind} {release.component.digest}"]
    lines += verification_lines(verified.verification)
    lines += [f"composed of {item}" for item in verified.inputs]
    lines += [f"{'  ' * item.depth}{item.input.name}: {_state(item)}" for item in verified.verified_inputs]
    lines += [str(request) for request in verified.requests]
    if verified.recomposed:
        lines.append("composed again from its provenance: the same, byte for byte")
    session.console.result("verify", members, lines)


def _verify_file(session: Session, file: Path, bundle: Path, keys: tuple[Path, ...], kind: str | None) -> None:
    from wpkg.workflow.verify_file import verify_file

    verified = verify_file(session.world, file, bundle, keys, kind)
    members = {
        "component": str(verified.digest),
        "signer": {"name": verified.signer.name, "key": verified.signer.hint},
        "predicate-type": verified.statement.predicate_type if verified.statement else None,
    }
    what = verified.statement.predicate_type if verified.statement else "the file itself is signed"
    lines = [f"{file} {verified.digest}", what]
    lines.append(f"signed by {verified.signer.name} ({verified.signer.hint})")
    session.console.result("verify", members, lines)


def verification_json(verification: Verification) -> dict[str, Any]:
    """A verification for programs."""
    return {
        "state": str(verification.state),
        "signers": [_signer_json(signer) for signer in verification.signers],
        "attestations": list(verification.attestations),
        "findings": [
            {"referrer": str(f.referrer) if f.referrer else None, "outcome": str(f.outcome), "reason": f.reason}
            for f in verification.findings
        ],
    }


def _signer_json(signer: Signer) -> dict[str, Any]:
    if isinstance(signer.key, Identity):
        return {"name": signer.name, "issuer": signer.key.issuer, "subject": signer.key.subject}
    return {"name": signer.name, "key": signer.hint}


def verification_lines(verification: Verification) -> list[str]:
    """A verification for people."""
    lines = [f"{verification.state}"]
    lines += [f"signed by {signer.name} ({signer.hint})" for signer in verification.signers]
    lines += [f"attested: {predicate}" for predicate in verification.attestations]
    return lines


def _state(item: VerifiedInput) -> str:
    if item.verification is not None:
        return item.verification.state
    return "generated" if item.input.role == "generated" else "local"
