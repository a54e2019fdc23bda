"""A certificate authority like Fulcio, and the certificate log (RFC 6962) that must have seen what it issues."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.fakes.sigstore import der

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
    from cryptography.x509.oid import ObjectIdentifier

FOUNDED = datetime(2020, 1, 1, tzinfo=UTC)
CLOSES = datetime(2080, 1, 1, tzinfo=UTC)
LIFETIME = timedelta(minutes=10)  # of a signing certificate
ISSUER = "1.3.6.1.4.1.57264.1.8"
ISSUER_V1 = "1.3.6.1.4.1.57264.1.1"
SCT_LIST = "1.3.6.1.4.1.11129.2.4.2"

PrivateKey = ec.EllipticCurvePrivateKey


def new_key() -> PrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def spki(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def sign(key: PrivateKey, message: bytes) -> bytes:
    return key.sign(message, ec.ECDSA(SHA256()))


def usages(*, signs: bool = False, certifies: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=certifies, crl_sign=certifies, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def named(text: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "box"), x509.NameAttribute(NameOID.COMMON_NAME, text)]
    )


@dataclass
class Authority:
    """A certificate and its key; self-signed unless somebody else's."""

    certificate: x509.Certificate
    key: PrivateKey

    @classmethod
    def root(cls, name: str) -> Authority:
        key = new_key()
        return cls._certify(name, key, named(name), key, [])

    def below(self, name: str, usage: ObjectIdentifier | None = None) -> Authority:
        """An authority that this one has certified, perhaps for one purpose."""
        purposes = [(x509.ExtendedKeyUsage([usage]), False)] if usage is not None else []
        return self._certify(name, new_key(), self.certificate.subject, self.key, purposes)

    @staticmethod
    def _certify(
        name: str,
        key: PrivateKey,
        issuer: x509.Name,
        by: PrivateKey,
        more: Iterable[tuple[x509.ExtensionType, bool]],
    ) -> Authority:
        builder = (
            x509.CertificateBuilder(issuer, named(name), key.public_key(), x509.random_serial_number())
            .not_valid_before(FOUNDED)
            .not_valid_after(CLOSES)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usages(certifies=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
        )
        for extension, critical in more:
            builder = builder.add_extension(extension, critical=critical)
        return Authority(builder.sign(by, SHA256()), key)

    def time_stamper(self) -> Authority:
        """A certificate for signing time stamps, which is no authority."""
        key = new_key()
        certificate = (
            x509.CertificateBuilder(
                self.certificate.subject, named("clock"), key.public_key(), x509.random_serial_number()
            )
            .not_valid_before(FOUNDED)
            .not_valid_after(CLOSES)
            .add_extension(usages(signs=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
            )
            .sign(self.key, SHA256())
        )
        return Authority(certificate, key)


@dataclass
class CertificateLog:
    """What signs that it has seen a certificate."""

    key: PrivateKey = field(default_factory=new_key)

    @property
    def identifier(self) -> bytes:
        return hashlib.sha256(spki(self.key)).digest()

    def seen(
        self, precertificate: x509.Certificate, issuer: PrivateKey, at: datetime
    ) -> x509.UnrecognizedExtension:
        """The extension with the one signed certificate time stamp (RFC 6962, 3.2 and 3.3)."""
        milliseconds = int(at.timestamp() * 1000)
        body = precertificate.tbs_certificate_bytes
        issuer_hash = hashlib.sha256(spki(issuer)).digest()
        signed = struct.pack("!BBQH32s", 0, 0, milliseconds, 1, issuer_hash)
        signed += len(body).to_bytes(3) + body + struct.pack("!H", 0)
        signature = sign(self.key, signed)
        stamp = struct.pack("!B32sQHBBH", 0, self.identifier, milliseconds, 0, 4, 3, len(signature)) + signature
        stamps = struct.pack("!H", len(stamp)) + stamp
        return x509.UnrecognizedExtension(
            x509.ObjectIdentifier(SCT_LIST), der.octets(struct.pack("!H", len(stamps)) + stamps)
        )


@dataclass
class Holder:
    """Somebody to whom an issuer has given a token, as a certificate says it; every part may be wrong."""

    issuer: str
    subject: str
    at: datetime  # when the certificate begins
    key: PrivateKey = field(default_factory=new_key)
    certified: CertificatePublicKeyTypes | None = None  # the key in the certificate; that of `key` where None
    old_issuer: str | None = None  # in the extension of before; the same where None
    extra_names: tuple[x509.GeneralName, ...] = ()
    uses: tuple[x509.ExtensionType, ...] = (
        usages(signs=True),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]),
    )

    def names(self) -> list[x509.GeneralName]:
        is_mail = "@" in self.subject and "/" not in self.subject
        name: x509.GeneralName = (
            x509.RFC822Name(self.subject) if is_mail else x509.UniformResourceIdentifier(self.subject)
        )
        return [name, *self.extra_names]


def issue(authority: Authority, log: CertificateLog | None, holder: Holder) -> x509.Certificate:
    """The certificate of `holder`, seen by `log` if there is one."""
    builder = (
        x509.CertificateBuilder(
            authority.certificate.subject,
            x509.Name([]),
            holder.certified or holder.key.public_key(),
            x509.random_serial_number(),
        )
        .not_valid_before(holder.at)
        .not_valid_after(holder.at + LIFETIME)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False
        )
        .add_extension(x509.SubjectAlternativeName(holder.names()), critical=True)
    )
    for use in holder.uses:
        builder = builder.add_extension(use, critical=isinstance(use, x509.KeyUsage))
    for oid, value in (
        (ISSUER_V1, (holder.old_issuer or holder.issuer).encode()),
        (ISSUER, der.utf8(holder.issuer)),
    ):
        builder = builder.add_extension(
            x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value), critical=False
        )
    precertificate = builder.sign(authority.key, SHA256())
    if log is None:
        return precertificate
    seen = log.seen(precertificate, authority.key, holder.at)
    return builder.add_extension(seen, critical=False).sign(authority.key, SHA256())
