"""What each kind of key does. The only module, with `secretbox`, that knows `cryptography`.

The key alone decides the algorithm; a signed file has no say:

- ECDSA on P-256 (FIPS 186-5) with SHA-256, signatures in ASN.1 DER, deterministic (RFC 6979)
- RSA of 2048 to 4096 bits, PKCS #1 v1.5 (RFC 8017, section 8.2) with SHA-256
- Ed25519 (RFC 8032), pure: the message itself is signed, not its digest
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

from wpkg.trust.pem import InvalidKey

LoadedPublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey
LoadedPrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

MIN_RSA_BITS = 2048
MAX_RSA_BITS = 4096
# Order of the group of P-256 (SP 800-186, section 3.2.1.3).
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

_KINDS = "ECDSA on P-256, RSA of 2048 to 4096 bits, and Ed25519"


class Algorithm(StrEnum):
    """How a key signs."""

    ECDSA_P256 = "ecdsa-p256-sha256"
    RSA = "rsa-pkcs1v15-sha256"
    ED25519 = "ed25519"


def _algorithm(key: LoadedPublicKey | LoadedPrivateKey) -> Algorithm:
    """The algorithm of a key of either half. Raises: InvalidKey."""
    match key:
        case ec.EllipticCurvePublicKey() | ec.EllipticCurvePrivateKey():
            if isinstance(key.curve, ec.SECP256R1):
                return Algorithm.ECDSA_P256
            kind = f"ECDSA on {key.curve.name}"
        case rsa.RSAPublicKey() | rsa.RSAPrivateKey():
            if MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
                return Algorithm.RSA
            kind = f"RSA of {key.key_size} bits"
        case ed25519.Ed25519PublicKey() | ed25519.Ed25519PrivateKey():
            return Algorithm.ED25519
    raise InvalidKey(f"the key is {kind}; {_KINDS} are used here")


@lru_cache(maxsize=256)
def load_public_key(spki: bytes) -> tuple[Algorithm, LoadedPublicKey]:
    """The key in a DER SubjectPublicKeyInfo (RFC 5280, section 4.1.2.7) and its algorithm.

    Refuses what is not the canonical encoding, so that the digest of `spki` names the key.

    Raises: InvalidKey.
    """
    try:
        key = load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidKey(f"it is not a public key; {_KINDS} are used here") from error
    if not isinstance(key, LoadedPublicKey):
        raise InvalidKey(f"the key is of another kind; {_KINDS} are used here")
    algorithm = _algorithm(key)
    if key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) != spki:
        raise InvalidKey("the public key is not in its canonical encoding")
    return algorithm, key


def load_private_key(der: bytes) -> LoadedPrivateKey:
    """The key in an unencrypted PKCS #8 (RFC 5208), SEC 1 or PKCS #1 document. Raises: InvalidKey."""
    try:
        key = load_der_private_key(der, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:  # TypeError: it is encrypted
        raise InvalidKey(f"it is not a private key; {_KINDS} are used here") from error
    if not isinstance(key, LoadedPrivateKey):
        raise InvalidKey(f"the key is of another kind; {_KINDS} are used here")
    _algorithm(key)
    return key


def derive_p256_key(scalar: int) -> LoadedPrivateKey:
    """The P-256 key whose secret is `scalar`, 1 to order - 1."""
    return ec.derive_private_key(scalar, ec.SECP256R1())


def encode_pkcs8(key: LoadedPrivateKey) -> bytes:
    """The key as unencrypted PKCS #8 DER."""
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def encode_public_half(key: LoadedPrivateKey) -> bytes:
    """The public half as DER SubjectPublicKeyInfo."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def sign(key: LoadedPrivateKey, message: bytes) -> bytes:
    """The signature over `message`; the same one every time."""
    match key:
        case ec.EllipticCurvePrivateKey():
            return key.sign(message, ec.ECDSA(SHA256(), deterministic_signing=True))
        case rsa.RSAPrivateKey():
            return key.sign(message, padding.PKCS1v15(), SHA256())
        case ed25519.Ed25519PrivateKey():
            return key.sign(message)


def has_signed(key: LoadedPublicKey, signature: bytes, message: bytes | memoryview) -> bool:
    """Whether `signature` over `message` was made by `key`."""
    try:
        match key:
            case ec.EllipticCurvePublicKey():
                key.verify(signature, message, ec.ECDSA(SHA256()))
            case rsa.RSAPublicKey():
                key.verify(signature, bytes(message), padding.PKCS1v15(), SHA256())
            case ed25519.Ed25519PublicKey():
                key.verify(signature, message)
    except InvalidSignature:
        return False
    return True
