"""Sigstore bundles v0.3, and the referrer that attaches one to an artifact.

A bundle is an envelope and what is needed to verify it: protobuf-specs v0.5.1 `sigstore_bundle.proto`,
cosign v3.1.2 `specs/BUNDLE_SPEC.md`.

Written here: a DSSE envelope signed with a raw public key, which `hint` names. Read too: one with a certificate
(keyless), whose log entries and time stamps are for `wpkg.trust.keyless`; beside a key they are not looked at.
A bundle without a statement is recognised and refused by name; it is for files (`wpkg.trust.message`). Unknown
members are refused: the peers skip such bundles, so one must not count here either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from msgspec import Struct

from wpkg.documents.strict_json import InvalidJson, Members, dump_json
from wpkg.errors import InvalidInput
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.referrers import build_referrer
from wpkg.trust.canonical_base64 import InvalidBase64, decode_base64
from wpkg.trust.envelope import Envelope
from wpkg.trust.signed_json import load_signed_json, refuse_unknown_members
from wpkg.trust.statement import IN_TOTO_PAYLOAD

if TYPE_CHECKING:
    from wpkg.oci.manifest import Manifest
    from wpkg.trust.keys import PrivateKey
    from wpkg.trust.statement import Statement

BUNDLE_TYPE_PREFIX = "application/vnd.dev.sigstore.bundle"  # of every version and spelling
BUNDLE_V03 = "application/vnd.dev.sigstore.bundle.v0.3+json"
_BUNDLE_V03_SPELLINGS = frozenset({BUNDLE_V03, "application/vnd.dev.sigstore.bundle+json;version=0.3"})

CONTENT_ANNOTATION = "dev.sigstore.bundle.content"
PREDICATE_TYPE_ANNOTATION = "dev.sigstore.bundle.predicateType"
CREATED_ANNOTATION = "org.opencontainers.image.created"
_DSSE_CONTENT = "dsse-envelope"

MAX_BUNDLE_SIZE = 4 * 1024 * 1024  # bytes

_BUNDLE_MEMBERS = frozenset({"mediaType", "verificationMaterial", "dsseEnvelope", "messageSignature"})
_MATERIAL_MEMBERS = frozenset(
    {"publicKey", "certificate", "x509CertificateChain", "tlogEntries", "timestampVerificationData"}
)
_ENVELOPE_MEMBERS = frozenset({"payload", "payloadType", "signatures"})


class InvalidBundle(InvalidInput):
    """A document is not a sigstore bundle."""


class UnsupportedBundle(InvalidBundle):
    """A document is a sigstore bundle of a kind that this version does not verify."""


class Bundle(Struct, frozen=True):
    """An envelope and who is said to have signed it, not verified."""

    envelope: Envelope
    hint: str  # see `PublicKey.hint`; anybody can write anything here; '' where there is a certificate
    certificate: bytes | None = None  # DER; of a keyless bundle
    document: bytes = b""  # a keyless bundle as it was read

    @classmethod
    def read(cls, data: bytes) -> Self:
        """The bundle in a blob. Raises: UnsupportedBundle, InvalidBundle, InvalidEnvelope."""
        try:
            return cls._read(load_signed_json(data, MAX_BUNDLE_SIZE), data)
        except InvalidJson as error:
            raise InvalidBundle(f"the bundle is malformed: {error}") from error

    @classmethod
    def _read(cls, document: dict[str, object], data: bytes) -> Self:
        members = Members(document)
        certificate, hint = read_signer(document)
        if members.raw("messageSignature") is not None:
            raise UnsupportedBundle("it signs a file (messageSignature), not a statement about an artifact")
        envelope = members.object("dsseEnvelope")
        refuse_unknown_members(document["dsseEnvelope"], "dsseEnvelope", _ENVELOPE_MEMBERS)
        return cls(Envelope.read(envelope), hint, certificate, data if certificate is not None else b"")

    def encode(self) -> bytes:
        """The bundle, which has no certificate, as canonical JSON."""
        return dump_json(
            {
                "mediaType": BUNDLE_V03,
                "verificationMaterial": {"publicKey": {"hint": self.hint}},
                "dsseEnvelope": self.envelope.to_json(),
            }
        )


def read_signer(document: dict[str, object]) -> tuple[bytes | None, str]:
    """Whom a bundle says that it is by: a certificate (DER), or the hint of a key.

    Raises: UnsupportedBundle, InvalidBundle, InvalidJson.
    """
    members = Members(document)
    media_type = members.text("mediaType")
    if not media_type.startswith(BUNDLE_TYPE_PREFIX):
        raise InvalidBundle("the document does not say that it is a sigstore bundle")
    if media_type not in _BUNDLE_V03_SPELLINGS:
        raise UnsupportedBundle("the bundle is of a version other than 0.3")
    material = members.object("verificationMaterial")
    refuse_unknown_members(document, "the bundle", _BUNDLE_MEMBERS)
    refuse_unknown_members(document["verificationMaterial"], "verificationMaterial", _MATERIAL_MEMBERS)
    certificate = _read_certificate(material)
    if certificate is not None:
        return certificate, ""
    hint = material.object("publicKey").optional_text("hint") or ""
    refuse_unknown_members(material.raw("publicKey"), "publicKey", {"hint"})
    return None, hint


def _read_certificate(material: Members) -> bytes | None:
    """The certificate (DER) in `verificationMaterial`; None where it has none. Raises: InvalidBundle."""
    if material.raw("x509CertificateChain") is not None:
        raise UnsupportedBundle("it is keyless, with a chain of certificates as in versions before 0.3")
    if material.raw("certificate") is None:
        return None
    if material.raw("publicKey") is not None:
        raise InvalidBundle("it is keyless, and names a key beside its certificate")
    certificate = material.object("certificate")
    refuse_unknown_members(material.raw("certificate"), "certificate", {"rawBytes"})
    try:
        return decode_base64(certificate.text("rawBytes"))
    except InvalidBase64 as error:
        raise InvalidBundle(f"the certificate is malformed: {error}") from error


def sign_statement(key: PrivateKey, statement: Statement) -> bytes:
    """The bundle in which `key` signs `statement`. Same arguments, same bytes."""
    envelope = Envelope.sign(key, IN_TOTO_PAYLOAD, statement.encode())
    return Bundle(envelope, key.public.hint).encode()


def referrer_annotations(predicate_type: str, created: str | None = None) -> dict[str, str]:
    """The annotations of a referrer that holds a bundle. Without `created` (RFC 3339) it is reproducible."""
    annotations = {CONTENT_ANNOTATION: _DSSE_CONTENT, PREDICATE_TYPE_ANNOTATION: predicate_type}
    if created is not None:
        annotations[CREATED_ANNOTATION] = created
    return annotations


def build_bundle_referrer(
    subject: Descriptor, bundle: bytes, predicate_type: str, created: str | None = None
) -> Manifest:
    """The manifest that attaches `bundle` to `subject`; to be pushed after the bundle and the empty config."""
    blob = Descriptor.of(BUNDLE_V03, bundle)
    return build_referrer(subject, BUNDLE_V03, blob, referrer_annotations(predicate_type, created))
