"""A time stamp authority (RFC 3161): its responses, CMS (RFC 5652) inside of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import Encoding

from tests.fakes.sigstore import der
from tests.fakes.sigstore.authority import Authority, sign

if TYPE_CHECKING:
    from datetime import datetime

SHA256 = der.sequence(der.identifier("2.16.840.1.101.3.4.2.1"))
ECDSA_SHA256 = der.sequence(der.identifier("1.2.840.10045.4.3.2"))
SIGNED_DATA = der.identifier("1.2.840.113549.1.7.2")
TIME_STAMP = der.identifier("1.2.840.113549.1.9.16.1.4")
CONTENT_TYPE = der.identifier("1.2.840.113549.1.9.3")
MESSAGE_DIGEST = der.identifier("1.2.840.113549.1.9.4")
SIGNING_CERTIFICATE = der.identifier("1.2.840.113549.1.9.16.2.47")
POLICY = der.identifier("1.3.6.1.4.1.57264.2")


def attribute(kind: bytes, value: bytes) -> bytes:
    return der.sequence(kind, der.set_of(value))


@dataclass
class Clock:
    """What signs that something was there at a time."""

    root: Authority = field(default_factory=lambda: Authority.root("time"))

    def __post_init__(self) -> None:
        self.stamper = self.root.time_stamper()

    def stamp(self, message: bytes, at: datetime) -> bytes:
        """The response that `message` was there."""
        certificate = self.stamper.certificate
        encoded = certificate.public_bytes(Encoding.DER)
        imprint = der.sequence(SHA256, der.octets(hashlib.sha256(message).digest()))
        info = der.sequence(der.integer(1), POLICY, imprint, der.integer(7), der.time(at))
        attributes = (
            attribute(CONTENT_TYPE, TIME_STAMP),
            attribute(MESSAGE_DIGEST, der.octets(hashlib.sha256(info).digest())),
            attribute(
                SIGNING_CERTIFICATE,
                der.sequence(der.sequence(der.sequence(der.octets(hashlib.sha256(encoded).digest())))),
            ),
        )
        signer = der.sequence(
            der.integer(1),
            der.sequence(certificate.issuer.public_bytes(), der.integer(certificate.serial_number)),
            SHA256,
            der.set_of(*attributes, tag=0xA0),
            ECDSA_SHA256,
            der.octets(sign(self.stamper.key, der.set_of(*attributes))),
        )
        signed = der.sequence(
            der.integer(3),
            der.set_of(SHA256),
            der.sequence(TIME_STAMP, der.tagged(0, der.octets(info))),
            der.set_of(encoded, tag=0xA0),
            der.set_of(signer),
        )
        token = der.sequence(SIGNED_DATA, der.tagged(0, signed))
        return der.sequence(der.sequence(der.integer(0)), token)
