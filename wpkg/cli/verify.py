"""`wpkg verify`, and how a verification is shown."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wpkg.cli.options import option
from wpkg.cli.session import command
from wpkg.cli.suggest import pinned_references
from wpkg.trust.identity import Identity

if TYPE_CHECKING:
    from collections.abc import Callable

    from wpkg.cli.session import Session
    from wpkg.trust.policy import Signer
    from wpkg.trust.verification import Verification
    from wpkg.workflow.verify import Verified
    from wpkg.workflow.verify_file import ClaimedIdentity
    from wpkg.workflow.verify_inputs import VerifiedInput


def _identity_options(function: Callable[..., None]) -> Callable[..., None]:
    """Who has signed a bundle without a key: three options that come as one `identity`, or None."""

    @option(
        "--certificate-identity", "subject", metavar="NAME", help="With --bundle: who has signed, without a key."
    )
    @option("--certificate-oidc-issuer", "issuer", metavar="URI", help="With --bundle: who says so.")
    @option(
        "--trusted-root",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="With --bundle: the root of trust of sigstore that knows both.",
    )
    @functools.wraps(function)
    def run(
        *words: Any, subject: str | None, issuer: str | None, trusted_root: Path | None, **options: Any
    ) -> None:
        identity = None
        if (subject, issuer, trusted_root) != (None, None, None):
            from wpkg.workflow.verify_file import ClaimedIdentity

            identity = ClaimedIdentity(subject, issuer, trusted_root)
        function(*words, identity=identity, **options)

    return run


@command()
@click.argument("reference", shell_complete=pinned_references)
@option(
    "--key", "keys", type=click.Path(path_type=Path), multiple=True, metavar="FILE", help="Public key to trust."
)
@option("--raw", is_flag=True, help="The raw component beside the version, not the composed one.")
@option("--inputs", is_flag=True, help="Verify what it was composed of, too, down to the last.")
@option("--recompose", is_flag=True, help="Compose it again from its provenance, and compare.")
@option(
    "--bundle",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="REFERENCE is a component file; this sigstore bundle is about it.",
)
@option("--type", "kind", metavar="TYPE", help="With --bundle: the predicate type, where it is no signature.")
@_identity_options
def verify(
    session: Session,
    reference: str,
    keys: tuple[Path, ...],
    bundle: Path | None,
    kind: str | None,
    identity: ClaimedIdentity | None,
    **checks: bool,
) -> None:
    """Check a published component: content, signatures, provenance.

    By the keys named, or else by [trust] in wasmcloud.toml. Everything is read from the registry, nothing from the
    cache. REFERENCE is as for 'wpkg pull'; a package without a version is the one in wpkg.lock. A component file
    without --bundle is what wpkg.lock pins, or what was fetched before; with --offline, by the signatures of then.
    """
    if bundle is not None:
        _verify_file(session, Path(reference), bundle, keys, kind, identity)
        return
    if kind is not None or identity is not None:
        raise click.UsageError(
            "--type and identities on the command line are for a file with --bundle; for what is published "
            "a policy names identities ([trust.identities])"
        )
    from wpkg.workflow.verify import verify as verify_component

    verified = verify_component(session.world, session.root, reference, keys, **checks)
    release = verified.release
    members = {
        "reference": str(release.reference),
        "kind": release.kind,
        "component": str(release.component.digest),
        "found-by": verified.found.by if verified.found else None,
        "evidence": "cache" if verified.is_kept else "registry",
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
    lines += _found_lines(verified)
    lines += verification_lines(verified.verification)
    lines += [f"composed of {item}" for item in verified.inputs]
    lines += [f"{'  ' * item.depth}{item.input.name}: {_state(item)}" for item in verified.verified_inputs]
    lines += [str(request) for request in verified.requests]
    if verified.recomposed:
        lines.append("composed again from its provenance: the same, byte for byte")
    session.console.result("verify", members, lines)


def _found_lines(verified: Verified) -> list[str]:
    """How a file was found, and whose word its signatures are."""
    if verified.found is None:
        return []
    pin = verified.located.pin
    shown = f"{pin}" if pin is not None else str(verified.located.reference)
    by = f"wpkg.lock, which pins it as {shown}" if verified.found.by == "lock" else f"the cache, as {shown}"
    kept = ["its signatures are those that the cache remembers; the registry was not asked"]
    return [f"found by {by}", *(kept if verified.is_kept else [])]


def _verify_file(
    session: Session,
    file: Path,
    bundle: Path,
    keys: tuple[Path, ...],
    kind: str | None,
    identity: ClaimedIdentity | None,
) -> None:
    from wpkg.workflow.verify_file import verify_file

    verified = verify_file(session.world, file, bundle, keys, kind, identity)
    members = {
        "component": str(verified.digest),
        "signer": _signer_json(verified.signer),
        "predicate-type": verified.statement.predicate_type if verified.statement else None,
    }
    what = verified.statement.predicate_type if verified.statement else "the file itself is signed"
    lines = [f"{file} {verified.digest}", what]
    signer = verified.signer
    by = signer.key.issuer if isinstance(signer.key, Identity) else signer.hint
    lines.append(f"signed by {signer.name} ({by})")
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
