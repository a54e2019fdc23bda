from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.sigstore import der
from tests.fakes.sigstore.authority import CLOSES, FOUNDED, ISSUER, ISSUER_V1, named, new_key
from wpkg.trust.certificate import Claim, InvalidCertificate, read_claim

KEY = new_key()
SUBJECT = x509.SubjectAlternativeName([x509.RFC822Name("jo@acme.example")])


def certificate(*extensions: x509.ExtensionType) -> bytes:
    builder = (
        x509.CertificateBuilder(named("jo"), named("jo"), KEY.public_key(), 1)
        .not_valid_before(FOUNDED)
        .not_valid_after(CLOSES)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(KEY, SHA256()).public_bytes(Encoding.DER)


def issuer(value: bytes, oid: str = ISSUER) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)


@pytest.mark.parametrize(
    "extensions",
    [
        pytest.param([issuer(der.utf8("https://a"))], id="the new form"),
        pytest.param([issuer(b"https://a", ISSUER_V1)], id="the old form"),
        pytest.param([issuer(b"https://a", ISSUER_V1), issuer(der.utf8("https://a"))], id="both"),
    ],
)
def test_reads_the_issuer_in(extensions: list[x509.ExtensionType]) -> None:
    assert read_claim(certificate(SUBJECT, *extensions)) == Claim("https://a", "jo@acme.example")


@given(st.integers(1, 1999))
def test_reads_issuers_of_any_length(size: int) -> None:
    name = "a" * size
    assert read_claim(certificate(SUBJECT, issuer(der.utf8(name)))).issuer == name


@pytest.mark.parametrize(
    ("extensions", "message"),
    [
        pytest.param([SUBJECT], "no names where an issuer", id="no issuer"),
        pytest.param([issuer(der.utf8("a"))], "no names where a subject", id="no subject"),
        pytest.param([SUBJECT, issuer(b"https://a")], "not in DER", id="the new form without DER"),
        pytest.param([SUBJECT, issuer(der.utf8("a") + b"x")], "not in DER", id="more after it"),
        pytest.param([SUBJECT, issuer(der.utf8("a")[:-1])], "not in DER", id="less than it says"),
        pytest.param([SUBJECT, issuer(b"\x0c\x85a")], "not in DER", id="half a length"),
        pytest.param([SUBJECT, issuer(der.octets(b"a"))], "not in DER", id="another type"),
        pytest.param([SUBJECT, issuer(b"")], "not in DER", id="nothing"),
        pytest.param([SUBJECT, issuer(b"\xff", ISSUER_V1)], "no text", id="no text"),
    ],
)
def test_refuses(extensions: list[x509.ExtensionType], message: str) -> None:
    with pytest.raises(InvalidCertificate, match=message):
        read_claim(certificate(*extensions))


@given(st.binary(max_size=400))
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidCertificate):
        read_claim(data)
