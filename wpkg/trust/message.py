"""Bundles that sign a file and say nothing about it (`messageSignature`), as `cosign sign-blob` writes them.

An artifact in a registry is never signed so: such a signature names no package, and no peer takes it for one. It
is read for files only. protobuf-specs v0.5.1 `sigstore_common.proto`, MessageSignature.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from msgspec import Struct

from wpkg.documents.strict_json import InvalidJson, Members
from wpkg.oci.digest import Digest
from wpkg.trust.bundle import MAX_BUNDLE_SIZE, InvalidBundle, UnsupportedBundle, read_signer
from wpkg.trust.canonical_base64 import InvalidBase64, decode_base64
from wpkg.trust.signed_json import load_signed_json, refuse_unknown_members

if TYPE_CHECKING:
    from wpkg.trust.identity import Identity
    from wpkg.trust.keys import PublicKey

_SHA256 = ("SHA2_256", 1)  # name and number of the algorithm; protobuf's JSON may have either
_SHA256_SIZE = 32  # bytes


class MessageSignature(Struct, frozen=True):
    """A signature over the bytes of a file, not verified."""

    signature: bytes
    digest: Digest | None = None  # of the file, as the bundle says
    certificate: bytes | None = None  # DER; of a keyless bundle
    document: bytes = b""  # a keyless bundle as it was read

    @classmethod
    def read(cls, data: bytes) -> Self | None:
        """The signature in a bundle; None where it holds an envelope. Raises: UnsupportedBundle, InvalidBundle."""
        try:
            document = load_signed_json(data, MAX_BUNDLE_SIZE)
            if document.get("messageSignature") is None:
                return None
            return cls._read(document, data)
        except InvalidJson as error:
            raise InvalidBundle(f"the bundle is malformed: {error}") from error

    @classmethod
    def _read(cls, document: dict[str, object], data: bytes) -> Self:
        certificate, _ = read_signer(document)
        whole = data if certificate is not None else b""
        members = Members(document)
        if members.raw("dsseEnvelope") is not None:
            raise InvalidBundle("the bundle has both a messageSignature and a dsseEnvelope")
        message = members.object("messageSignature")
        refuse_unknown_members(document["messageSignature"], "messageSignature", {"messageDigest", "signature"})
        said = message.optional_object("messageDigest")
        refuse_unknown_members(message.raw("messageDigest"), "messageDigest", {"algorithm", "digest"})
        try:
            signature = decode_base64(message.text("signature"))
            digest = decode_base64(said.text("digest")) if said is not None else None
        except InvalidBase64 as error:
            raise InvalidBundle(f"signature or digest of the message is malformed: {error}") from error
        if not signature:
            raise InvalidBundle("the signature of the message is empty")
        if said is None or digest is None:
            return cls(signature, certificate=certificate, document=whole)
        if said.raw("algorithm") not in _SHA256 or len(digest) != _SHA256_SIZE:
            raise UnsupportedBundle("the digest of the message is not a SHA-256")
        return cls(signature, Digest("sha256", digest.hex()), certificate, whole)

    def is_signed_by(self, key: PublicKey | Identity, data: bytes | memoryview) -> bool:
        """Whether `key` made the signature over `data`; an identity never has."""
        return key.verifies(self.signature, data)
