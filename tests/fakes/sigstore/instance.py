"""An instance of sigstore: an authority, a certificate log, a transparency log, a clock, and the root of all four."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.fakes.sigstore.authority import FOUNDED, Authority, CertificateLog, Holder, issue, sign, spki
from tests.fakes.sigstore.clock import Clock
from tests.fakes.sigstore.rekor import Rekor, text
from wpkg.trust.envelope import pae
from wpkg.trust.statement import IN_TOTO_PAYLOAD

if TYPE_CHECKING:
    from cryptography import x509

ISSUER = "https://token.box.example"
WORKFLOW = "https://forge.example/acme/app/.github/workflows/release.yml@refs/tags/v1.4.0"
_BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
SIGNED_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
_SINCE = {"start": FOUNDED.strftime("%Y-%m-%dT%H:%M:%SZ")}


@dataclass
class Sigstore:
    """Everything that signs, and what it takes to verify it."""

    root: Authority = field(default_factory=lambda: Authority.root("root"))
    certificates: CertificateLog = field(default_factory=CertificateLog)
    log: Rekor = field(default_factory=Rekor)
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.authority = self.root.below("fulcio", ExtendedKeyUsageOID.CODE_SIGNING)

    def trusted_root(self, **members: Any) -> bytes:
        """`trusted_root.json`, with some members replaced."""

        def key(of: Rekor | CertificateLog) -> dict[str, Any]:
            public = {"rawBytes": text(spki(of.key)), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": _SINCE}
            return {
                "baseUrl": "https://log.box.example",
                "hashAlgorithm": "SHA2_256",
                "publicKey": public,
                "logId": {"keyId": text(of.identifier)},
            }

        def chain(*certificates: x509.Certificate) -> dict[str, Any]:
            return {
                "subject": {"organization": "box", "commonName": "box"},
                "uri": "https://box.example",
                "certChain": {"certificates": [_raw(each) for each in certificates]},
                "validFor": _SINCE,
            }

        document = {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [key(self.log)],
            "certificateAuthorities": [chain(self.authority.certificate, self.root.certificate)],
            "ctlogs": [key(self.certificates)],
            "timestampAuthorities": [chain(self.clock.stamper.certificate, self.clock.root.certificate)],
        }
        return json.dumps({**document, **members}).encode()

    def holder(self, subject: str = WORKFLOW, issuer: str = ISSUER, **changes: Any) -> Holder:
        """Somebody whom the authority believes to be `subject`."""
        return Holder(issuer, subject, **{"at": SIGNED_AT, **changes})

    def sign(
        self,
        payload: bytes,
        holder: Holder | None = None,
        *,
        version: Literal[1, 2] = 1,
        after: timedelta = timedelta(minutes=1),
        seen: bool = True,
    ) -> dict[str, Any]:
        """The bundle in which `holder` has signed a statement, `after` the certificate began.

        `version` is the log's: 1 promises with a time of its own, 2 leaves the time to the clock.
        """
        holder = holder or self.holder()
        certificate = issue(self.authority, self.certificates if seen else None, holder)
        signed = pae(IN_TOTO_PAYLOAD, payload)
        signature = sign(holder.key, signed)
        envelope = {
            "payload": text(payload),
            "payloadType": IN_TOTO_PAYLOAD,
            "signatures": [{"sig": text(signature)}],
        }
        entry = (
            _entry_v1(envelope, payload, signature, certificate)
            if version == 1
            else _entry_v2(signed, signature, certificate)
        )
        material = self._material(certificate, signature, entry, holder.at + after)
        return {"mediaType": _BUNDLE, "verificationMaterial": material, "dsseEnvelope": envelope}

    def sign_file(
        self, data: bytes, holder: Holder | None = None, *, version: Literal[1, 2] = 1
    ) -> dict[str, Any]:
        """The bundle in which `holder` has signed a file, as `cosign sign-blob` does."""
        holder = holder or self.holder()
        certificate = issue(self.authority, self.certificates, holder)
        signature = sign(holder.key, data)
        entry = (
            _file_entry_v1(data, signature, certificate)
            if version == 1
            else _entry_v2(data, signature, certificate)
        )
        said = {"algorithm": "SHA2_256", "digest": text(hashlib.sha256(data).digest())}
        return {
            "mediaType": _BUNDLE,
            "verificationMaterial": self._material(
                certificate, signature, entry, holder.at + timedelta(minutes=1)
            ),
            "messageSignature": {"messageDigest": said, "signature": text(signature)},
        }

    def _material(
        self, certificate: x509.Certificate, signature: bytes, entry: dict[str, Any], at: datetime
    ) -> dict[str, Any]:
        """Who has signed, and a log that has seen it: one that says when, or the clock does."""
        material: dict[str, Any] = {"certificate": _raw(certificate)}
        promises = entry["apiVersion"] == "0.0.1"
        material["tlogEntries"] = [self.log.enter(entry, at if promises else None)]
        if not promises:
            stamp = self.clock.stamp(signature, at)
            material["timestampVerificationData"] = {"rfc3161Timestamps": [{"signedTimestamp": text(stamp)}]}
        return material


def _raw(certificate: x509.Certificate) -> dict[str, Any]:
    return {"rawBytes": text(certificate.public_bytes(Encoding.DER))}


def _entry_v1(
    envelope: dict[str, Any], payload: bytes, signature: bytes, certificate: x509.Certificate
) -> dict[str, Any]:
    """rekor `pkg/types/dsse/v0.0.1`."""

    def sha256(data: bytes) -> dict[str, str]:
        return {"algorithm": "sha256", "value": hashlib.sha256(data).hexdigest()}

    by = {"signature": text(signature), "verifier": text(certificate.public_bytes(Encoding.PEM))}
    hashes = {"envelopeHash": sha256(json.dumps(envelope).encode()), "payloadHash": sha256(payload)}
    return {"apiVersion": "0.0.1", "kind": "dsse", "spec": {**hashes, "signatures": [by]}}


def _file_entry_v1(data: bytes, signature: bytes, certificate: x509.Certificate) -> dict[str, Any]:
    """rekor `pkg/types/hashedrekord/v0.0.1`."""
    by = {
        "content": text(signature),
        "publicKey": {"content": text(certificate.public_bytes(Encoding.PEM))},
    }
    hashed = {"hash": {"algorithm": "sha256", "value": hashlib.sha256(data).hexdigest()}}
    return {"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": {"data": hashed, "signature": by}}


def _entry_v2(signed: bytes, signature: bytes, certificate: x509.Certificate) -> dict[str, Any]:
    """rekor-tiles: a hashedrekord over what the signature covers."""
    data = {"algorithm": "SHA2_256", "digest": text(hashlib.sha256(signed).digest())}
    verifier = {"keyDetails": "PKIX_ECDSA_P256_SHA_256", "x509Certificate": _raw(certificate)}
    entry = {"data": data, "signature": {"content": text(signature), "verifier": verifier}}
    return {"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": {"hashedRekordV002": entry}}
