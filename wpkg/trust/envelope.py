"""DSSE envelopes: a payload, what it is, and one signature over both (secure-systems-lab/dsse v1.0.2).

The signature covers PAE (`protocol.md`, "Signature Definition")::

    PAE(type, body) = 'DSSEv1' SP len(type) SP type SP len(body) SP body       lengths in bytes, decimal

`keyid` is never written: cosign skips a signature whose keyid is not the one that it computes itself. It is
never looked at either, because nothing that is not signed may choose the key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from msgspec import Struct

from wpkg.errors import InvalidInput
from wpkg.trust.canonical_base64 import InvalidBase64, decode_base64, encode_base64
from wpkg.trust.signed_json import refuse_unknown_members

if TYPE_CHECKING:
    from wpkg.documents.strict_json import Members
    from wpkg.trust.identity import Identity
    from wpkg.trust.keys import PrivateKey, PublicKey


class InvalidEnvelope(InvalidInput):
    """A document is not a DSSE envelope with one signature."""


def pae(payload_type: str, payload: bytes) -> bytes:
    """The bytes that a signature covers: the pre-authentication encoding."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


class Envelope(Struct, frozen=True):
    """A payload and the one signature over it, not verified."""

    payload: bytes
    payload_type: str
    signature: bytes

    @classmethod
    def sign(cls, key: PrivateKey, payload_type: str, payload: bytes) -> Self:
        """The envelope in which `key` has signed `payload`."""
        return cls(payload, payload_type, key.sign(pae(payload_type, payload)))

    @classmethod
    def read(cls, members: Members) -> Self:
        """The envelope in a JSON object. Raises: InvalidEnvelope, InvalidJson."""
        signatures = members.objects("signatures")
        if len(signatures) != 1:
            raise InvalidEnvelope(f"the envelope has {len(signatures)} signatures, one is needed")
        for item in members.raw("signatures"):
            refuse_unknown_members(item, "signatures[0]", {"sig", "keyid"})
        try:
            return cls(
                payload=decode_base64(members.text("payload")),
                payload_type=members.text("payloadType"),
                signature=decode_base64(signatures[0].text("sig")),
            )
        except InvalidBase64 as error:
            raise InvalidEnvelope(f"payload or signature of the envelope is malformed: {error}") from error

    def to_json(self) -> dict[str, Any]:
        """The members of the JSON object."""
        return {
            "payload": encode_base64(self.payload),
            "payloadType": self.payload_type,
            "signatures": [{"sig": encode_base64(self.signature)}],
        }

    def is_signed_by(self, key: PublicKey | Identity) -> bool:
        """Whether `key` made the signature, over exactly this payload and type; an identity never has."""
        return key.verifies(self.signature, pae(self.payload_type, self.payload))
