"""What a signing certificate says about its holder. Nothing of it is verified here.

Fulcio's certificate profile (sigstore/fulcio `docs/oid-info.md`): one subject alternative name, a URI or an e-mail
address; the issuer of the token as a DER string in extension .8, and as raw text in .1 before there was .8.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.utils import CryptographyDeprecationWarning
from msgspec import Struct

from wpkg.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ISSUER = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
_ISSUER_V1 = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
_UTF8_STRING = 0x0C  # X.690, 8.23; tag of a universal, primitive type
_LONG_FORM = 0x80  # X.690, 8.1.3.5: the other bits count the bytes of the length
MAX_NAME_LENGTH = 2000  # characters
_ADVICE = Lock()  # the filters of warnings are of the whole process


class InvalidCertificate(InvalidInput):
    """Bytes are not a certificate that says who signed."""


class Claim(Struct, frozen=True):
    """Who a certificate says that its holder is."""

    issuer: str
    subject: str


def read_claim(der: bytes) -> Claim:
    """The claim in a certificate. Raises: InvalidCertificate."""
    try:
        with without_advice():
            certificate = x509.load_der_x509_certificate(der)
        extensions = certificate.extensions
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise InvalidCertificate("its certificate is malformed") from error
    except x509.InvalidVersion as error:
        raise InvalidCertificate("its certificate is of another version than X.509 v3") from error
    if not isinstance(key, EllipticCurvePublicKey):
        raise InvalidCertificate("its certificate is for a key of another kind than ECDSA")
    return Claim(_name(_issuers(extensions), "an issuer"), _name(_subjects(extensions), "a subject"))


@contextmanager
def without_advice() -> Iterator[None]:
    """Certificates are read without a word to people about what a later version will refuse in them."""
    with _ADVICE, warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        yield


def _name(names: Iterable[str], what: str) -> str:
    """The one name among `names`, which may say the same twice."""
    distinct = set(names)
    if len(distinct) != 1:
        raise InvalidCertificate(f"its certificate has {len(distinct) or 'no'} names where {what} is needed")
    name = distinct.pop()
    # Neither has white space: the lock relies on it, and so does the reader of a terminal.
    if not name or len(name) > MAX_NAME_LENGTH or not name.isprintable() or " " in name:
        raise InvalidCertificate(f"its certificate has {what} that is none: {name[:80]!a}")
    return name


def _subjects(extensions: x509.Extensions) -> Iterable[str]:
    try:
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    known = (x509.UniformResourceIdentifier, x509.RFC822Name)
    if not all(isinstance(name, known) for name in names):
        raise InvalidCertificate("its certificate has a subject that is neither a URI nor an e-mail address")
    return [name.value for name in names if isinstance(name, known)]


def _issuers(extensions: x509.Extensions) -> Iterable[str]:
    for extension in extensions:
        if extension.oid in {_ISSUER, _ISSUER_V1}:
            data = extension.value.public_bytes()
            try:
                yield (_utf8_string(data) if extension.oid == _ISSUER else data).decode()
            except UnicodeDecodeError as error:
                raise InvalidCertificate("its certificate has an issuer that is no text") from error


def _utf8_string(data: bytes) -> bytes:
    """The content of a DER UTF8String, without anything after it. Raises: InvalidCertificate."""
    head, size = 2, data[1] if len(data) > 1 else 0
    if size > _LONG_FORM:
        head += size - _LONG_FORM
        size = int.from_bytes(data[2:head])
    if data[:1] != bytes([_UTF8_STRING]) or len(data) != head + size:
        raise InvalidCertificate("its certificate has an issuer that is not in DER")
    return data[head:]
