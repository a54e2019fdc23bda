"""NaCl's secretbox: XSalsa20 and Poly1305 ("Cryptography in NaCl", sections 5 to 9).

Written here because it is all that key files need of a NaCl library. Not constant-time: fit for a key file
on one's own disk, not for a service. All words are 32 bits, little-endian. Cost: about 0.1 ms for 64 bytes.
"""

from __future__ import annotations

import struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.poly1305 import Poly1305

KEY_SIZE = 32  # bytes
NONCE_SIZE = 24  # bytes
TAG_SIZE = 16  # bytes
_BLOCK_SIZE = 64  # bytes of key stream per call of the core
_ONE_TIME_KEY_SIZE = 32  # bytes at the start of the key stream that key Poly1305

_SIGMA = struct.unpack("<4I", b"expand 32-byte k")
_DOUBLE_ROUNDS = 10
_MASK = 0xFFFFFFFF
_COLUMNS = ((0, 4, 8, 12), (5, 9, 13, 1), (10, 14, 2, 6), (15, 3, 7, 11))
_ROWS = ((0, 1, 2, 3), (5, 6, 7, 4), (10, 11, 8, 9), (15, 12, 13, 14))
_HSALSA20_WORDS = (0, 5, 10, 15, 6, 7, 8, 9)


def _rotate(word: int, bits: int) -> int:
    return ((word << bits) | (word >> (32 - bits))) & _MASK


def _state(key: bytes, block_input: bytes) -> list[int]:
    """The 16 words that the core mixes, from a 32-byte key and a 16-byte input."""
    k, n, s = struct.unpack("<8I", key), struct.unpack("<4I", block_input), _SIGMA
    return [s[0], *k[:4], s[1], *n, s[2], *k[4:], s[3]]


def _mix(state: list[int]) -> list[int]:
    """The words after twenty rounds, without the final addition."""
    x = list(state)
    for _ in range(_DOUBLE_ROUNDS):
        for a, b, c, d in (*_COLUMNS, *_ROWS):
            x[b] ^= _rotate((x[a] + x[d]) & _MASK, 7)
            x[c] ^= _rotate((x[b] + x[a]) & _MASK, 9)
            x[d] ^= _rotate((x[c] + x[b]) & _MASK, 13)
            x[a] ^= _rotate((x[d] + x[c]) & _MASK, 18)
    return x


def hsalsa20(key: bytes, block_input: bytes) -> bytes:
    """A 32-byte key from a 32-byte key and a 16-byte input."""
    mixed = _mix(_state(key, block_input))
    return struct.pack("<8I", *(mixed[i] for i in _HSALSA20_WORDS))


def _salsa20_block(key: bytes, nonce: bytes, counter: int) -> bytes:
    state = _state(key, nonce + struct.pack("<Q", counter))
    return struct.pack("<16I", *((a + b) & _MASK for a, b in zip(state, _mix(state), strict=True)))


def xsalsa20_stream(key: bytes, nonce: bytes, size: int) -> bytes:
    """The first `size` bytes of the key stream for a 32-byte key and a 24-byte nonce."""
    subkey = hsalsa20(key, nonce[:16])
    blocks = (_salsa20_block(subkey, nonce[16:], i) for i in range(-(-size // _BLOCK_SIZE)))
    return b"".join(blocks)[:size]


def _check_sizes(key: bytes, nonce: bytes) -> None:
    if len(key) != KEY_SIZE or len(nonce) != NONCE_SIZE:
        raise RuntimeError(f"a secretbox needs {KEY_SIZE} bytes of key and {NONCE_SIZE} of nonce")


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def seal_box(key: bytes, nonce: bytes, message: bytes) -> bytes:
    """The box around `message`: a 16-byte tag, then as many bytes as the message has."""
    _check_sizes(key, nonce)
    stream = xsalsa20_stream(key, nonce, _ONE_TIME_KEY_SIZE + len(message))
    ciphertext = _xor(message, stream[_ONE_TIME_KEY_SIZE:])
    return Poly1305.generate_tag(stream[:_ONE_TIME_KEY_SIZE], ciphertext) + ciphertext


def open_box(key: bytes, nonce: bytes, box: bytes) -> bytes | None:
    """The message in `box`; None where the tag does not fit, so the key is another or the box was changed."""
    _check_sizes(key, nonce)
    tag, ciphertext = box[:TAG_SIZE], box[TAG_SIZE:]
    stream = xsalsa20_stream(key, nonce, _ONE_TIME_KEY_SIZE + len(ciphertext))
    try:
        Poly1305.verify_tag(stream[:_ONE_TIME_KEY_SIZE], ciphertext, tag)
    except InvalidSignature:
        return None
    return _xor(ciphertext, stream[_ONE_TIME_KEY_SIZE:])
