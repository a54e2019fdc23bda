"""Verify a component file by a bundle file: offline, without a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.errors import InvalidInput, NotTrusted
from wpkg.oci.digest import Digest
from wpkg.registry.disk import read_bytes
from wpkg.registry.mapping import mapped
from wpkg.workflow.policies import keys_policy

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wpkg.trust.policy import Signer
    from wpkg.trust.statement import Statement
    from wpkg.workflow.world import World


class FileNotTrusted(NotTrusted):
    """A bundle does not show that somebody trusted has signed a file."""


class VerifiedFile(Struct, frozen=True):
    """A file about which a trusted key has said something."""

    digest: Digest
    signer: Signer
    statement: Statement


def verify_file(
    world: World, file: Path, bundle_file: Path, keys: Sequence[Path], predicate_type: str | None = None
) -> VerifiedFile:
    """What the bundle in `bundle_file` says about `file`, signed by one of `keys`.

    It must be a signature, or of `predicate_type` where that is given.

    Raises: FileNotTrusted, InvalidInput.
    """
    from wpkg.trust.bundle import Bundle
    from wpkg.trust.statement import COSIGN_SIGN, IN_TOTO_PAYLOAD, PREDICATE_NAMES, Statement

    if not keys:
        raise InvalidInput(
            "nothing says whom to trust: a file has no repository that a policy could name", hint="use --key FILE"
        )
    world.reporter.status("Checking", str(file))
    try:
        bundle = Bundle.read(read_bytes(bundle_file))
    except InvalidInput as error:
        raise error.within(str(bundle_file)) from None
    if bundle.certificate is not None:
        raise FileNotTrusted(
            f"{bundle_file} is keyless (signed with a certificate), a file is verified by keys only"
        )
    signers = [signer for _, rule in keys_policy(keys).rules for signer in rule.signers]
    signer = next((each for each in signers if bundle.envelope.is_signed_by(each.key)), None)
    if signer is None or bundle.envelope.payload_type != IN_TOTO_PAYLOAD:
        raise FileNotTrusted(f"{bundle_file} is not a statement signed by {' or '.join(s.name for s in signers)}")
    try:
        statement = Statement.read(bundle.envelope.payload)
    except InvalidInput as error:
        raise error.within(str(bundle_file)) from None
    try:
        with mapped(file) as data:
            digest = Digest.of(data)
    except OSError as error:
        raise InvalidInput(f"cannot read {file}: {(error.strerror or '').lower()}") from error
    if not any(subject.is_of(digest) for subject in statement.subjects):
        raise FileNotTrusted(f"what '{signer.name}' signed in {bundle_file} is about other bytes than {file}")
    wanted = PREDICATE_NAMES.get(predicate_type or COSIGN_SIGN, predicate_type or COSIGN_SIGN)
    if statement.predicate_type != wanted:
        raise FileNotTrusted(
            f"{bundle_file} holds {statement.predicate_type}, not {wanted}",
            hint="an attestation is not a signature; say --type to check for it",
        )
    return VerifiedFile(digest, signer, statement)
