"""PEM, the text form of keys (RFC 7468).

Grammar, of which a file must hold exactly one; text around it is explanatory and ignored::

    block ::= '-----BEGIN ' label '-----' EOL base64 '-----END ' label '-----'
    label ::= [A-Z0-9 ]+

White space in the base64 is ignored, other headers (RFC 1421) are refused.
"""

from __future__ import annotations

import re

from msgspec import Struct

from wpkg.errors import InvalidInput
from wpkg.trust.canonical_base64 import InvalidBase64, decode_base64, encode_base64

MAX_PEM_SIZE = 64 * 1024  # bytes; an encrypted RSA-4096 key has 4 KiB
_LINE = 64  # characters of base64 to a line

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----\s([A-Za-z0-9+/=\s]*)-----END ([A-Z0-9 ]+)-----")


class InvalidKey(InvalidInput):
    """A file or text is not a key that this project uses."""


class PemBlock(Struct, frozen=True):
    """What stands between BEGIN and END."""

    label: str
    body: bytes

    def encode(self) -> bytes:
        """The block as text, with a line break at its end."""
        text = encode_base64(self.body)
        lines = [text[start : start + _LINE] for start in range(0, len(text), _LINE)]
        return "\n".join((f"-----BEGIN {self.label}-----", *lines, f"-----END {self.label}-----", "")).encode()


def read_pem(data: bytes) -> PemBlock:
    """The one block in `data`. Raises: InvalidKey."""
    if len(data) > MAX_PEM_SIZE:
        raise InvalidKey(f"it has {len(data)} bytes, over the limit of {MAX_PEM_SIZE} for a key")
    count = data.count(b"-----BEGIN ")
    if count != 1:
        raise InvalidKey(f"it holds {count} PEM blocks, one is needed")
    match = _BLOCK.search(data)
    if match is None or match[1] != match[3]:
        raise InvalidKey("its PEM block is malformed")
    try:
        return PemBlock(match[1].decode(), decode_base64(b"".join(match[2].split()).decode()))
    except InvalidBase64 as error:
        raise InvalidKey("the base64 in its PEM block is malformed") from error
