"""Keyless bundles: whether the holder of a certificate is somebody whom a rule names.

Importing this module loads neither `cryptography` nor `sigstore`; a bundle with a certificate loads the first, and
one whose certificate is for an identity of the rule the second, which is in `wpkg[keyless]`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.errors import InvalidInput
from wpkg.trust.identity import Identity
from wpkg.trust.policy import Signer
from wpkg.trust.verification import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from wpkg.oci.digest import Digest
    from wpkg.trust.bundle import Bundle
    from wpkg.trust.message import MessageSignature
    from wpkg.trust.policy import Rule


class NotBySigner(InvalidInput):
    """A keyless bundle is not, or cannot be shown to be, by somebody whom the rule names."""

    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome


def find_identity(bundle: Bundle, certificate: bytes, rule: Rule) -> Signer:
    """The signer of a bundle with a certificate: what the rule calls them, and which subject it was.

    The claim of the certificate decides only whose root is asked. Raises: NotBySigner.
    """

    def vouch(trusted_root: bytes) -> None:
        from wpkg.trust.sigstore_verifier import verify_envelope

        signed = verify_envelope(bundle.document, certificate, trusted_root)
        if signed != (bundle.envelope.payload_type, bundle.envelope.payload):
            raise NotBySigner(Outcome.UNUSABLE, "its envelope can be read in two ways")

    return _find(certificate, rule, vouch)


def find_identity_of_file(message: MessageSignature, certificate: bytes, digest: Digest, rule: Rule) -> Signer:
    """The same for a bundle that signs the file with the SHA-256 `digest`. Raises: NotBySigner."""

    def vouch(trusted_root: bytes) -> None:
        from wpkg.trust.sigstore_verifier import verify_message

        verify_message(message.document, certificate, trusted_root, digest)

    return _find(certificate, rule, vouch)


def _find(certificate: bytes, rule: Rule, vouch: Callable[[bytes], None]) -> Signer:
    """Whom of the rule `certificate` is for, where `vouch` accepts the bundle under their root."""
    if not any(isinstance(signer.key, Identity) for signer in rule.keys):
        raise NotBySigner(
            Outcome.UNKNOWN_SIGNER, "it is keyless (signed with a certificate), and the rule names no identity"
        )
    from wpkg.trust.certificate import InvalidCertificate, read_claim

    try:
        claim = read_claim(certificate)
    except InvalidCertificate as error:
        raise NotBySigner(Outcome.UNUSABLE, str(error)) from error
    # Those who may sign come first: an identity can be covered by several names, and a signature counts for one.
    refusals: dict[bytes, NotBySigner] = {}
    for signer in (*rule.signers, *rule.keys):
        identity = signer.key
        if not isinstance(identity, Identity) or not identity.matches(claim.issuer, claim.subject):
            continue
        if identity.trusted_root in refusals:
            continue
        try:
            _verify(vouch, signer.name, identity.trusted_root)
        except NotBySigner as refusal:
            refusals[identity.trusted_root] = refusal
        else:
            return Signer(signer.name, identity.of(claim.subject))
    if refusals:
        reasons = " and ".join(refusal.message for refusal in refusals.values())
        raise NotBySigner(next(iter(refusals.values())).outcome, reasons)
    raise NotBySigner(
        Outcome.UNKNOWN_SIGNER,
        f"its certificate is for {claim.subject!a} of {claim.issuer!a}, whom the rule does not name",
    )


def claimed_signer(bundle: Bundle) -> str:
    """Who is said to have signed a bundle, in the form of a lock. Raises: InvalidCertificate."""
    if bundle.certificate is None:
        return bundle.hint
    from wpkg.trust.certificate import read_claim

    claim = read_claim(bundle.certificate)
    return f"{claim.issuer} {claim.subject}"


def _verify(vouch: Callable[[bytes], None], name: str, trusted_root: bytes) -> None:
    """Nothing when sigstore accepts the bundle under `trusted_root`. Raises: NotBySigner."""
    try:
        from wpkg.trust.sigstore_verifier import InvalidTrustedRoot, NotVouchedFor
    except ModuleNotFoundError as error:
        if error.name != "sigstore":
            raise
        raise NotBySigner(Outcome.NOT_CHECKED, "it is keyless, and what checks that is not installed") from None
    try:
        vouch(trusted_root)
    except InvalidTrustedRoot as error:
        raise NotBySigner(Outcome.UNUSABLE, f"the trusted root of '{name}' cannot be used: {error}") from error
    except NotVouchedFor as error:
        raise NotBySigner(Outcome.UNUSABLE, f"its signature is not by '{name}', whom it names: {error}") from error
