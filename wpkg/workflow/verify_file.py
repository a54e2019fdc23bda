"""Verify a component file by a bundle file, offline: by keys, or by who a certificate says that its holder is."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.errors import InvalidInput, NotTrusted
from wpkg.registry.disk import read_bytes
from wpkg.registry.mapping import mapped
from wpkg.workflow.find_file import digest_of
from wpkg.workflow.policies import keys_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from wpkg.oci.digest import Digest
    from wpkg.trust.bundle import Bundle
    from wpkg.trust.identity import Identity
    from wpkg.trust.message import MessageSignature
    from wpkg.trust.policy import Rule, Signer
    from wpkg.trust.statement import Statement
    from wpkg.workflow.world import World


class FileNotTrusted(NotTrusted):
    """A bundle does not show that somebody trusted has signed a file."""


class VerifiedFile(Struct, frozen=True):
    """A file about which somebody trusted has said something."""

    digest: Digest
    signer: Signer
    statement: Statement | None  # None where the file itself was signed, as `cosign sign-blob` does


class ClaimedIdentity(Struct, frozen=True):
    """Whom a certificate has to be for, as a command line says it; it takes all three."""

    subject: str | None = None
    issuer: str | None = None
    trusted_root: Path | None = None

    def read(self) -> Identity:
        """The identity. Raises: InvalidInput."""
        from wpkg.trust.identity import Identity
        from wpkg.trust.identity_table import TRUSTED_ROOT_HINT, checked_trusted_root

        if self.subject is None or self.issuer is None or self.trusted_root is None:
            raise InvalidInput(
                "an identity is a subject, its issuer, and the root of trust that knows both",
                hint="give --certificate-identity, --certificate-oidc-issuer and --trusted-root; "
                + TRUSTED_ROOT_HINT,
            )
        root = checked_trusted_root(str(self.trusted_root), read_bytes(self.trusted_root))
        return Identity(self.issuer, self.subject, None, root)


def verify_file(
    world: World,
    file: Path,
    bundle_file: Path,
    keys: Sequence[Path],
    predicate_type: str | None = None,
    identity: ClaimedIdentity | None = None,
) -> VerifiedFile:
    """What the bundle in `bundle_file` says about `file`, signed by one of `keys` or by `identity`.

    It must be a signature, or of `predicate_type` where that is given.

    Raises: FileNotTrusted, InvalidInput.
    """
    from wpkg.trust.bundle import Bundle
    from wpkg.trust.message import MessageSignature

    rule = _rule(keys, identity.read() if identity is not None else None)
    world.reporter.status("Checking", str(file))
    document = read_bytes(bundle_file)
    with _reading(bundle_file):
        said = MessageSignature.read(document) or Bundle.read(document)
    if isinstance(said, MessageSignature):
        return _verify_message(file, bundle_file, said, rule, predicate_type)
    return _verify_statement(file, bundle_file, said, rule, predicate_type)


@contextmanager
def _reading(bundle_file: Path) -> Iterator[None]:
    """What is malformed in the bundle is said with its file."""
    try:
        yield
    except InvalidInput as error:
        raise error.within(str(bundle_file)) from None


def _rule(keys: Sequence[Path], identity: Identity | None) -> Rule:
    """The rule that wants one of `keys`, or `identity`. Raises: InvalidInput."""
    from wpkg.trust.policy import Rule, Signer

    if not keys and identity is None:
        raise InvalidInput(
            "nothing says whom to trust: a file has no repository that a policy could name",
            hint="use --key FILE, or --certificate-identity for what is signed without a key",
        )
    signers = [signer for _, rule in keys_policy(keys).rules for signer in rule.signers]
    if identity is not None:
        signers.append(Signer(str(identity.subject), identity))
    return Rule("**", tuple(signers))


def _verify_statement(
    file: Path, bundle_file: Path, bundle: Bundle, rule: Rule, predicate_type: str | None
) -> VerifiedFile:
    """What a statement in a bundle proves about a file. Raises: FileNotTrusted, InvalidInput."""
    from wpkg.trust.keyless import find_identity
    from wpkg.trust.statement import COSIGN_SIGN, IN_TOTO_PAYLOAD, PREDICATE_NAMES, Statement

    certificate = bundle.certificate
    if certificate is not None:
        signer = _holder(bundle_file, certificate, rule, lambda: find_identity(bundle, certificate, rule))
    else:
        found = next((each for each in rule.signers if bundle.envelope.is_signed_by(each.key)), None)
        if found is None or bundle.envelope.payload_type != IN_TOTO_PAYLOAD:
            raise FileNotTrusted(f"{bundle_file} is not a statement signed by {_names(rule)}")
        signer = found
    with _reading(bundle_file):
        statement = Statement.read(bundle.envelope.payload)
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
    file: Path, bundle_file: Path, message: MessageSignature, rule: Rule, predicate_type: str | None
) -> VerifiedFile:
    """What a signature over the file itself proves. Raises: FileNotTrusted, InvalidInput."""
    from wpkg.trust.keyless import find_identity_of_file

    if predicate_type is not None:
        raise FileNotTrusted(f"{bundle_file} holds a signature over a file, not {predicate_type}")
    digest = digest_of(file)
    if message.digest is not None and message.digest != digest:
        raise FileNotTrusted(f"what was signed in {bundle_file} is {message.digest}, and {file} is {digest}")
    certificate = message.certificate
    if certificate is not None:
        holder = _holder(
            bundle_file, certificate, rule, lambda: find_identity_of_file(message, certificate, digest, rule)
        )
        return VerifiedFile(digest, holder, None)
    with mapped(file) as data:
        signer = next((each for each in rule.signers if message.is_signed_by(each.key, data)), None)
    if signer is None:
        raise FileNotTrusted(f"{bundle_file} is no signature over {file} by {_names(rule)}")
    return VerifiedFile(digest, signer, None)


def _holder(bundle_file: Path, certificate: bytes, rule: Rule, find: Callable[[], Signer]) -> Signer:
    """Who `find` says has signed a keyless bundle. Raises: FileNotTrusted, InvalidCertificate."""
    from wpkg.trust.certificate import read_claim
    from wpkg.trust.identity import Identity
    from wpkg.trust.keyless import NotBySigner
    from wpkg.trust.verification import KEYLESS_EXTRA, Outcome

    with _reading(bundle_file):
        claim = read_claim(certificate)
    identities = [signer.key for signer in rule.signers if isinstance(signer.key, Identity)]
    if not identities:
        raise FileNotTrusted(
            f"{bundle_file} is keyless, by {claim.subject!a} of {claim.issuer!a}, and only keys are trusted",
            hint="if they may: give --certificate-identity, --certificate-oidc-issuer and --trusted-root",
        )
    if not any(identity.matches(claim.issuer, claim.subject) for identity in identities):
        wanted = " or ".join(f"{identity.subject!a} of {identity.issuer!a}" for identity in identities)
        raise FileNotTrusted(
            f"{bundle_file} is signed by {claim.subject!a} of {claim.issuer!a}, not by {wanted}",
            hint="both names have to be those of the certificate, to the letter",
        )
    try:
        return find()
    except NotBySigner as refusal:
        hint = KEYLESS_EXTRA if refusal.outcome is Outcome.NOT_CHECKED else None
        raise FileNotTrusted(f"{bundle_file} does not count: {refusal.message}", hint=hint) from refusal


def _names(rule: Rule) -> str:
    return " or ".join(signer.name for signer in rule.signers)
