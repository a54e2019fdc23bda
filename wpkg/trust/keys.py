"""Keys as values: what verifies, what signs, and the fingerprint by which people and files call them.

Importing this module does not load `cryptography`; using a key does.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from wpkg.trust.canonical_base64 import encode_base64
from wpkg.trust.pem import InvalidKey, PemBlock, read_pem

if TYPE_CHECKING:
    from collections.abc import Callable

    from wpkg.trust.algorithms import Algorithm, LoadedPrivateKey

__all__ = ["InvalidKey", "PrivateKey", "PublicKey"]

PUBLIC_KEY_LABEL = "PUBLIC KEY"
# What `openssl` writes without encryption: PKCS #8, SEC 1, PKCS #1.
PLAIN_PRIVATE_KEY_LABELS = frozenset({"PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"})

# 64 bits more than the order of P-256 has make the remainder uniform (FIPS 186-5, appendix A.2.1).
_SCALAR_SEED_SIZE = 40  # bytes

# What to give instead of what is no private key that can be read.
_INSTEAD = {
    "PUBLIC KEY": "give the file with the private half, for example cosign.key",
    "ENCRYPTED PRIVATE KEY": "it is encrypted as openssl does it; first: openssl pkcs8 -in FILE -out plain.pem",
}


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The half that verifies."""

    spki: bytes  # DER SubjectPublicKeyInfo
    algorithm: Algorithm

    @classmethod
    def from_pem(cls, data: bytes) -> Self:
        """The key in a `PUBLIC KEY` file, such as `cosign.pub`. Raises: InvalidKey."""
        block = read_pem(data)
        if block.label != PUBLIC_KEY_LABEL:
            raise InvalidKey(
                f"it holds a PEM block '{block.label[:80]}', not a '{PUBLIC_KEY_LABEL}'",
                hint="give the file with the public half, for example cosign.pub",
            )
        return cls.from_spki(block.body)

    @classmethod
    def from_spki(cls, spki: bytes) -> Self:
        """The key in a DER SubjectPublicKeyInfo. Raises: InvalidKey."""
        from wpkg.trust.algorithms import load_public_key

        return cls(spki, load_public_key(spki)[0])

    @property
    def pem(self) -> bytes:
        """The text of a `PUBLIC KEY` file."""
        return PemBlock(PUBLIC_KEY_LABEL, self.spki).encode()

    @property
    def hint(self) -> str:
        """The fingerprint: base64 of the SHA-256 of the SubjectPublicKeyInfo."""
        return encode_base64(hashlib.sha256(self.spki).digest())

    def verifies(self, signature: bytes, message: bytes | memoryview) -> bool:
        """Whether `signature` over `message` was made by this key."""
        from wpkg.trust.algorithms import has_signed, load_public_key

        return has_signed(load_public_key(self.spki)[1], signature, message)


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """The half that signs. Its secret is in no `repr`."""

    pkcs8: bytes = field(repr=False)  # unencrypted DER
    public: PublicKey

    @classmethod
    def generate(cls, random_bytes: Callable[[int], bytes]) -> Self:
        """A new ECDSA P-256 key, made from what `random_bytes` returns and nothing else."""
        from wpkg.trust.algorithms import P256_ORDER, derive_p256_key

        seed = random_bytes(_SCALAR_SEED_SIZE)
        if len(seed) != _SCALAR_SEED_SIZE:
            raise RuntimeError(f"the source of randomness gave {len(seed)} bytes of {_SCALAR_SEED_SIZE}")
        return cls._of(derive_p256_key(int.from_bytes(seed) % (P256_ORDER - 1) + 1))

    @classmethod
    def from_pkcs8_der(cls, der: bytes) -> Self:
        """The key in an unencrypted PKCS #8 document; SEC 1 and PKCS #1 are read too. Raises: InvalidKey."""
        from wpkg.trust.algorithms import load_private_key

        return cls._of(load_private_key(der))

    @classmethod
    def from_plain_pem(cls, data: bytes) -> Self:
        """The key in a PEM file without encryption, as `openssl` writes it. Raises: InvalidKey."""
        block = read_pem(data)
        if block.label not in PLAIN_PRIVATE_KEY_LABELS:
            raise InvalidKey(
                f"it holds a PEM block '{block.label[:80]}', not an unencrypted private key",
                hint=_INSTEAD.get(block.label),
            )
        return cls.from_pkcs8_der(block.body)

    @classmethod
    def _of(cls, key: LoadedPrivateKey) -> Self:
        from wpkg.trust.algorithms import encode_pkcs8, encode_public_half

        return cls(encode_pkcs8(key), PublicKey.from_spki(encode_public_half(key)))

    def to_pkcs8_der(self) -> bytes:
        """The key as unencrypted PKCS #8 DER."""
        return self.pkcs8

    def sign(self, message: bytes) -> bytes:
        """The signature over `message`; the same one every time."""
        from wpkg.trust.algorithms import load_private_key, sign

        return sign(load_private_key(self.pkcs8), message)
