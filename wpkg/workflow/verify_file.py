"""Verify a component file by a bundle file, offline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.errors import InvalidInput, NotTrusted
from wpkg.registry.disk import read_bytes
from wpkg.registry.mapping import mapped
from wpkg.workflow.find_file import digest_of
from wpkg.workflow.policies import keys_policy

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wpkg.oci.digest import Digest
    from wpkg.trust.message import MessageSignature
    from wpkg.trust.policy import Signer
    from wpkg.trust.statement import Statement
    from wpkg.workflow.world import World


class FileNotTrusted(NotTrusted):
    """A bundle does not show that somebody trusted has signed a file."""


class VerifiedFile(Struct, frozen=True):
    """A file about which a trusted key has said something."""

    digest: Digest
    signer: Signer
    statement: Statement | None  # None where the file itself was signed, as `cosign sign-blob` does


def verify_file(
    world: World, file: Path, bundle_file: Path, keys: Sequence[Path], predicate_type: str | None = None
) -> VerifiedFile:
    """What the bundle in `bundle_file` says about `file`, signed by one of `keys`.

    It must be a signature, or of `predicate_type` where that is given.

    Raises: FileNotTrusted, InvalidInput.
    """
    from wpkg.trust.bundle import Bundle
    from wpkg.trust.message import MessageSignature
    from wpkg.trust.statement import COSIGN_SIGN, IN_TOTO_PAYLOAD, PREDICATE_NAMES, Statement

    if not keys:
        raise InvalidInput(
            "nothing says whom to trust: a file has no repository that a policy could name", hint="use --key FILE"
        )
    world.reporter.status("Checking", str(file))
    signers = [signer for _, rule in keys_policy(keys).rules for signer in rule.signers]
    document = read_bytes(bundle_file)
    try:
        said = MessageSignature.read(document) or Bundle.read(document)
    except InvalidInput as error:
        raise error.within(str(bundle_file)) from None
    if said.certificate is not None:
        raise FileNotTrusted(
            f"{bundle_file} is keyless (signed with a certificate), a file is verified by keys only"
        )
    if isinstance(said, MessageSignature):
        return _verify_message(file, bundle_file, said, signers, predicate_type)
    signer = next((each for each in signers if said.envelope.is_signed_by(each.key)), None)
    if signer is None or said.envelope.payload_type != IN_TOTO_PAYLOAD:
        raise FileNotTrusted(f"{bundle_file} is not a statement signed by {' or '.join(s.name for s in signers)}")
    try:
        statement = Statement.read(said.envelope.payload)
    except InvalidInput as error:
        raise error.within(str(bundle_file)) from None
    digest = digest_of(file)
    if not any(subject.is_of(digest) for subject in statement.subjects):
        raise FileNotTrusted(f"what '{signer.name}' signed in {bundle_file} is about other bytes than {file}")
    wanted = PREDICATE_NAMES.get(predicate_type or COSIGN_SIGN, predicate_type or COSIGN_SIGN)
    if statement.predicate_type != wanted:
        raise FileNotTrusted(
            f"{bundle_file} holds {statement.predicate_type}, not {wanted}",
            hint="an attestation is not a signature; say --type to check for it",
        )
    return VerifiedFile(digest, signer, statement)


def _verify_message(
    file: Path, bundle_file: Path, message: MessageSignature, signers: Sequence[Signer], predicate_type: str | None
) -> VerifiedFile:
    """What a signature over the file itself proves. Raises: FileNotTrusted, InvalidInput."""
    if predicate_type is not None:
        raise FileNotTrusted(f"{bundle_file} holds a signature over a file, not {predicate_type}")
    digest = digest_of(file)
    if message.digest is not None and message.digest != digest:
        raise FileNotTrusted(f"what was signed in {bundle_file} is {message.digest}, and {file} is {digest}")
    with mapped(file) as data:
        signer = next((each for each in signers if message.is_signed_by(each.key, data)), None)
    if signer is None:
        raise FileNotTrusted(
            f"{bundle_file} is no signature over {file} by {' or '.join(s.name for s in signers)}"
        )
    return VerifiedFile(digest, signer, None)
