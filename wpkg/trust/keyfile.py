"""Private key files as cosign writes them (go-securesystemslib v0.11.1 `encrypted`, cosign v3.1.2 `keys.go`).

A PEM block around compact JSON::

    {"kdf":{"name":"scrypt","params":{"N":65536,"r":8,"p":1},"salt":"<32 bytes>"},
     "cipher":{"name":"nacl/secretbox","nonce":"<24 bytes>"},"ciphertext":"<box around PKCS #8 DER>"}

What the file says about scrypt is checked against three known settings before scrypt runs: a doctored file
could otherwise ask for any amount of memory and time.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from wpkg.documents.strict_json import InvalidJson, Members, dump_json
from wpkg.errors import InvalidInput
from wpkg.trust.canonical_base64 import InvalidBase64, decode_base64, encode_base64
from wpkg.trust.keys import InvalidKey, PrivateKey
from wpkg.trust.pem import MAX_PEM_SIZE, PemBlock, read_pem
from wpkg.trust.secretbox import KEY_SIZE, NONCE_SIZE, TAG_SIZE, open_box, seal_box
from wpkg.trust.signed_json import load_signed_json, refuse_unknown_members

if TYPE_CHECKING:
    from collections.abc import Callable

WRITTEN_LABEL = "ENCRYPTED SIGSTORE PRIVATE KEY"
ENCRYPTED_LABELS = frozenset({WRITTEN_LABEL, "ENCRYPTED COSIGN PRIVATE KEY"})

_KDF = "scrypt"
_CIPHER = "nacl/secretbox"
SALT_SIZE = 32  # bytes
_WRITTEN_COST = (65536, 8, 1)  # N, r, p of scrypt (RFC 7914, section 2)
_ACCEPTED_COSTS = frozenset({(32768, 8, 1), _WRITTEN_COST, (131072, 8, 1)})
_SCRYPT_MEMORY = 256 * 1024 * 1024  # bytes; the dearest setting needs half of it


class WrongPassword(InvalidInput):
    """A password does not open a key file."""


def is_encrypted_key(data: bytes) -> bool:
    """Whether a PEM file holds a private key that needs a password. Raises: InvalidKey."""
    return read_pem(data).label in ENCRYPTED_LABELS


def read_key_file(data: bytes, password: bytes) -> PrivateKey:
    """The key in an encrypted key file. Cost: a quarter of a second, for scrypt.

    Raises: InvalidKey, WrongPassword.
    """
    block = read_pem(data)
    if block.label not in ENCRYPTED_LABELS:
        raise InvalidKey(
            f"it holds a PEM block '{block.label[:80]}', not an encrypted private key",
            hint=f"a key file that wpkg or cosign wrote starts with '-----BEGIN {WRITTEN_LABEL}-----'",
        )
    try:
        cost, salt, nonce, box = _read_parameters(block.body)
    except (InvalidJson, InvalidBase64) as error:
        raise InvalidKey(f"the encrypted key is malformed: {error}") from error
    der = open_box(_derive_key(password, salt, cost), nonce, box)
    if der is None:
        raise WrongPassword(
            "the password does not open the key file",
            hint="put the password of this key into WPKG_KEY_PASSWORD or COSIGN_PASSWORD",
        )
    return PrivateKey.from_pkcs8_der(der)


def write_key_file(key: PrivateKey, password: bytes, random_bytes: Callable[[int], bytes]) -> bytes:
    """The encrypted key file for `key`, which cosign reads too. Cost: a quarter of a second, for scrypt."""
    salt, nonce = random_bytes(SALT_SIZE), random_bytes(NONCE_SIZE)
    if (len(salt), len(nonce)) != (SALT_SIZE, NONCE_SIZE):
        raise RuntimeError("the source of randomness gave too few bytes")
    n, r, p = _WRITTEN_COST
    box = seal_box(_derive_key(password, salt, _WRITTEN_COST), nonce, key.to_pkcs8_der())
    body = {
        "kdf": {"name": _KDF, "params": {"N": n, "r": r, "p": p}, "salt": encode_base64(salt)},
        "cipher": {"name": _CIPHER, "nonce": encode_base64(nonce)},
        "ciphertext": encode_base64(box),
    }
    return PemBlock(WRITTEN_LABEL, dump_json(body)).encode()


def _derive_key(password: bytes, salt: bytes, cost: tuple[int, int, int]) -> bytes:
    n, r, p = cost
    return hashlib.scrypt(password, salt=salt, n=n, r=r, p=p, maxmem=_SCRYPT_MEMORY, dklen=KEY_SIZE)


def _read_parameters(body: bytes) -> tuple[tuple[int, int, int], bytes, bytes, bytes]:
    """Cost, salt, nonce and box. Raises: InvalidKey, InvalidJson, InvalidBase64."""
    document = load_signed_json(body, MAX_PEM_SIZE)
    members = Members(document)
    kdf, cipher = members.object("kdf"), members.object("cipher")
    parameters = kdf.object("params")
    refuse_unknown_members(document, "the document", {"kdf", "cipher", "ciphertext"})
    refuse_unknown_members(document["kdf"], "kdf", {"name", "params", "salt"})
    refuse_unknown_members(document["kdf"]["params"], "kdf.params", {"N", "r", "p"})
    refuse_unknown_members(document["cipher"], "cipher", {"name", "nonce"})

    if kdf.text("name") != _KDF or cipher.text("name") != _CIPHER:
        raise InvalidKey(f"the key is not encrypted with {_KDF} and {_CIPHER}")
    cost = (parameters.size("N"), parameters.size("r"), parameters.size("p"))
    if cost not in _ACCEPTED_COSTS:
        raise InvalidKey(f"the key has the scrypt parameters N={cost[0]} r={cost[1]} p={cost[2]}, not used here")
    salt, nonce = decode_base64(kdf.text("salt")), decode_base64(cipher.text("nonce"))
    box = decode_base64(members.text("ciphertext"))
    if len(salt) != SALT_SIZE or len(nonce) != NONCE_SIZE or len(box) <= TAG_SIZE:
        raise InvalidKey("the salt, nonce or ciphertext of the key has the wrong length")
    return cost, salt, nonce, box
