"""Base64 with one spelling per value (RFC 4648, section 4, with the checks of sections 3.3 and 3.5).

Lenient decoders skip foreign characters and ignore left-over bits, so that two different texts carry one
signature. Here only the text that `encode_base64` writes is read.
"""

from __future__ import annotations

import base64
import binascii

from wpkg.errors import InvalidInput


class InvalidBase64(InvalidInput):
    """A text is not canonical standard base64."""


def encode_base64(data: bytes) -> str:
    """`data` in the standard alphabet, padded, on one line."""
    return base64.b64encode(data).decode("ascii")


def decode_base64(text: str) -> bytes:
    """The bytes that `text` spells. Raises: InvalidBase64."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:  # ValueError: characters outside ASCII
        raise InvalidBase64("it is not base64") from error
    if encode_base64(data) != text:
        raise InvalidBase64("it is base64, but not in its one canonical spelling")
    return data
