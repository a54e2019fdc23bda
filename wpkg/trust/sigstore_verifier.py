"""Sigstore's own verifier, on bytes: no network, no update of roots, no file. Only this module knows `sigstore`.

It checks what only it can (sigstore 4.5, `verify_dsse`, `verify_artifact`): that an authority of the root issued
the certificate, and a certificate log of the root has it; that it was valid when a time stamp or a log of the root
saw the signature; that the log includes the entry, by proof and signed checkpoint; that the entry is about this
envelope; and the signature. Who the certificate must be for, and what must have been signed, is for the caller.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ExtensionNotFound
from sigstore.errors import Error, VerificationError
from sigstore.hashes import Hashed
from sigstore.models import Bundle, ClientTrustConfig
from sigstore.verify import Verifier
from sigstore_models.common.v1 import HashAlgorithm

from wpkg.documents.strict_json import dump_json, load_object
from wpkg.errors import InvalidInput
from wpkg.trust.certificate import without_advice

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from wpkg.oci.digest import Digest

# What it has to say is raised as well; without a handler Python would print it.
logging.getLogger("sigstore").addHandler(logging.NullHandler())

# A trusted root can be read from bytes only inside of a configuration; ours has no services to sign with.
_CONFIGURATION = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
_NO_SERVICES = {"mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json"}

# What is raised below `sigstore` on malformed input, and it lets through: by pydantic, base64 and cryptography, by
# datetime for a year that is none, and for a certificate without the uses that its authority should have written.
_MALFORMED = (ValueError, OverflowError, OSError, ExtensionNotFound)


class InvalidTrustedRoot(InvalidInput):
    """A file is not a root of trust that sigstore can use."""


class NotVouchedFor(InvalidInput):
    """Sigstore does not accept a bundle."""


class _OfCertificate:
    """The policy that exactly one certificate satisfies, whose claim the caller has read."""

    def __init__(self, der: bytes) -> None:
        self._der = der

    def verify(self, cert: Certificate) -> None:
        """Nothing when `cert` is the one."""
        if cert.public_bytes(Encoding.DER) != self._der:
            raise VerificationError("the certificate is another one than was read")


def verify_envelope(document: bytes, certificate: bytes, trusted_root: bytes) -> tuple[str, bytes]:
    """Type and payload of the envelope in the bundle `document`, as signed by the holder of `certificate` (DER).

    Raises: NotVouchedFor, InvalidTrustedRoot.
    """
    verifier = _verifier(trusted_root)
    try:
        with without_advice():
            return verifier.verify_dsse(Bundle.from_json(document), _OfCertificate(certificate))
    except (Error, *_MALFORMED) as error:
        raise NotVouchedFor(str(error)) from error


def verify_message(document: bytes, certificate: bytes, trusted_root: bytes, digest: Digest) -> None:
    """Nothing when the bundle `document` signs what has the SHA-256 `digest`, by the holder of `certificate`.

    Raises: NotVouchedFor, InvalidTrustedRoot.
    """
    verifier = _verifier(trusted_root)
    hashed = Hashed(algorithm=HashAlgorithm.SHA2_256, digest=bytes.fromhex(digest.encoded))
    try:
        with without_advice():
            verifier.verify_artifact(hashed, Bundle.from_json(document), _OfCertificate(certificate))
    except (Error, *_MALFORMED) as error:
        raise NotVouchedFor(str(error)) from error


@lru_cache(maxsize=16)
def _verifier(trusted_root: bytes) -> Verifier:
    configuration = {
        "mediaType": _CONFIGURATION,
        "trustedRoot": load_object(trusted_root),
        "signingConfig": _NO_SERVICES,
    }
    try:
        return Verifier(trusted_root=ClientTrustConfig.from_json(dump_json(configuration).decode()).trusted_root)
    except (Error, *_MALFORMED) as error:
        raise InvalidTrustedRoot(str(error)) from error
