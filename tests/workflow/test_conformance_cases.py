"""The cases of sigstore-conformance (`test/assets/bundle-verify`) that are about managed keys and bundles, by name.

Ours are made here, of our own keys; `a.txt` is signed as `cosign sign-blob` does, and attested where the case is
about an envelope. Cases about certificates and logs are those of tests/unit/trust/test_keyless_threats.py.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.world import Chance, fake_world
from wpkg.errors import InvalidInput, NotTrusted, WpkgError
from wpkg.trust.bundle import Bundle, UnsupportedBundle, sign_statement
from wpkg.trust.keys import PrivateKey
from wpkg.trust.statement import COSIGN_SIGN, Statement, Subject
from wpkg.workflow.verify_file import FileNotTrusted, verify_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILE = b"DO NOT MODIFY ME!\n"
KEY, OTHER = (PrivateKey.generate(Chance(name)) for name in ("managed", "other"))
V03 = "application/vnd.dev.sigstore.bundle.v0.3+json"


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def message(
    signed: bytes = FILE, digest: bytes | None = None, key: PrivateKey = KEY, **changes: Any
) -> dict[str, Any]:
    """A bundle that signs a file."""
    said = {"algorithm": "SHA2_256", "digest": encoded(digest or hashlib.sha256(signed).digest())}
    return {
        "mediaType": V03,
        "verificationMaterial": {"publicKey": {"hint": key.public.hint}},
        "messageSignature": {"messageDigest": said, "signature": encoded(key.sign(signed))},
    } | changes


def envelope(about: bytes = FILE, key: PrivateKey = KEY) -> dict[str, Any]:
    """A bundle that says something about a file."""
    subject = Subject({"sha256": hashlib.sha256(about).hexdigest()}, "a.txt")
    document: dict[str, Any] = json.loads(sign_statement(key, Statement((subject,), COSIGN_SIGN)))
    return document


def with_signature(document: dict[str, Any], signature: str) -> dict[str, Any]:
    if "messageSignature" in document:
        document["messageSignature"]["signature"] = signature
    else:
        document["dsseEnvelope"]["signatures"] = [{"sig": signature}]
    return document


def mixed(**members: str) -> dict[str, Any]:
    """An envelope with some members of another that is good as well."""
    document, other = envelope(), envelope(b"another file")
    for member in members:
        document["dsseEnvelope"][member] = other["dsseEnvelope"][member]
    return document


def material(**members: Any) -> dict[str, Any]:
    return {"verificationMaterial": members}


GOOD: list[tuple[str, Callable[[], dict[str, Any]]]] = [
    ("managed-key-happy-path", message),
    (
        "managed-key-and-trusted-root",
        lambda: message(**material(publicKey={"hint": KEY.public.hint}, tlogEntries=[{"logIndex": "771488337"}])),
    ),
    ("managed-key-dsse", envelope),
    ("happy-path-v0.3", lambda: message(mediaType="application/vnd.dev.sigstore.bundle+json;version=0.3")),
    ("happy-path-v0.3-new-mediaType", message),
    ("message-without-digest", lambda: message(messageSignature={"signature": encoded(KEY.sign(FILE))})),
    ("hint-of-another-key", lambda: message(**material(publicKey={"hint": OTHER.public.hint}))),
]


@pytest.fixture
def a_txt(tmp_path: Path) -> Path:
    (tmp_path / "a.txt").write_bytes(FILE)
    (tmp_path / "key.pub").write_bytes(KEY.public.pem)
    return tmp_path / "a.txt"


def check(a_txt: Path, bundle: dict[str, Any] | bytes, keys: list[str] | None = None) -> str:
    """Who has signed a.txt, by the bundle."""
    data = bundle if isinstance(bundle, bytes) else json.dumps(bundle).encode()
    (a_txt.parent / "bundle.sigstore.json").write_bytes(data)
    paths = [a_txt.parent / name for name in (["key.pub"] if keys is None else keys)]
    return verify_file(fake_world(a_txt.parent), a_txt, a_txt.parent / "bundle.sigstore.json", paths).signer.hint


@pytest.mark.parametrize(("name", "bundle"), GOOD, ids=[name for name, _ in GOOD])
def test_verifies(name: str, bundle: Callable[[], dict[str, Any]], a_txt: Path) -> None:
    assert check(a_txt, bundle()) == KEY.public.hint


BAD: list[tuple[str, Callable[[], dict[str, Any] | bytes], type[WpkgError], str]] = [
    ("bundle-malformed-json_fail", lambda: json.dumps(message()).encode()[:-1], InvalidInput, "is malformed"),
    ("bundle-empty_fail", lambda: b"", InvalidInput, "is malformed"),
    (
        "bundle-unknown-version_fail",
        lambda: message(mediaType="application/vnd.dev.sigstore.bundle+json;version=99.9"),
        InvalidInput,
        "of a version other than 0.3",
    ),
    *(
        (
            f"happy-path-v{version}",  # a version that neither cosign 3 nor we take with a key
            lambda version=version: message(
                mediaType=f"application/vnd.dev.sigstore.bundle+json;version={version}"
            ),
            InvalidInput,
            "of a version other than 0.3",
        )
        for version in ("0.1", "0.2")
    ),
    (
        "unknown-media-type_fail",
        lambda: message(mediaType="application/json"),
        InvalidInput,
        "does not say that it is",
    ),
    ("unknown-member_fail", lambda: message(later=1), InvalidInput, "has the unknown member 'later'"),
    (
        "bundle-invalid-base64-signature_fail",
        lambda: with_signature(message(), "not base64!"),
        InvalidInput,
        "signature or digest of the message is malformed: it is not base64",
    ),
    (
        "dsse-invalid-base64-signature_fail",
        lambda: with_signature(envelope(), "not base64!"),
        InvalidInput,
        "payload or signature of the envelope is malformed: it is not base64",
    ),
    (
        "empty-signature_fail",
        lambda: with_signature(message(), ""),
        InvalidInput,
        "signature of the message is empty",
    ),
    (
        "dsse-empty-signature_fail",
        lambda: with_signature(envelope(), ""),
        FileNotTrusted,
        "is not a statement signed by",
    ),
    (
        "message-digest-mismatch_fail",
        lambda: message(digest=hashlib.sha256(b"other").digest()),
        FileNotTrusted,
        "what was signed in .* is sha256:.*, and .*a.txt is sha256:",
    ),
    (
        "message-digest-algorithm_fail",
        lambda: message(
            messageSignature={
                **message()["messageSignature"],
                "messageDigest": {"algorithm": "SHA2_512", "digest": "AAAA"},
            }
        ),
        UnsupportedBundle,
        "not a SHA-256",
    ),
    ("wrong-artifact_fail", lambda: message(b"other"), FileNotTrusted, "what was signed in"),
    (
        "signature-mismatch_fail",
        lambda: with_signature(message(), encoded(KEY.sign(b"other"))),
        FileNotTrusted,
        "is no signature over .*a.txt by key.pub",
    ),
    (
        "managed-key-wrong-key_fail",
        lambda: message(key=OTHER),
        FileNotTrusted,
        "is no signature over .*a.txt by key.pub",
    ),
    (
        "dsse-invalid-sig_fail",
        lambda: with_signature(envelope(), encoded(b"no signature at all")),
        FileNotTrusted,
        "is not a statement signed by key.pub",
    ),
    (
        "dsse-mismatch-sig_fail",
        lambda: mixed(signatures=""),
        FileNotTrusted,
        "is not a statement signed by key.pub",
    ),
    (
        "dsse-mismatch-envelope_fail",
        lambda: mixed(payload=""),
        FileNotTrusted,
        "is not a statement signed by key.pub",
    ),
    ("dsse-wrong-subject_fail", lambda: envelope(b"other"), FileNotTrusted, "is about other bytes than .*a.txt"),
    (
        "dsse-and-message_fail",
        lambda: message(dsseEnvelope=envelope()["dsseEnvelope"]),
        InvalidInput,
        "both a messageSignature and a dsseEnvelope",
    ),
    (
        "wrong-material_fail",
        lambda: message(**material(certificate={"rawBytes": "AAAA"})),
        InvalidInput,
        "its certificate is malformed",
    ),
    (
        "bundle-empty-certificate-chain_fail",
        lambda: message(**material(x509CertificateChain={"certificates": []})),
        InvalidInput,
        "with a chain of certificates as in versions before 0.3",
    ),
    ("no-material_fail", lambda: message(**material()), InvalidInput, "publicKey is missing"),
]


@pytest.mark.parametrize(("name", "bundle", "error", "sentence"), BAD, ids=[name for name, *_ in BAD])
def test_refuses(
    name: str, bundle: Callable[[], dict[str, Any] | bytes], error: type[WpkgError], sentence: str, a_txt: Path
) -> None:
    with pytest.raises(error, match=sentence) as caught:
        check(a_txt, bundle())
    assert caught.value.exit_code == (5 if issubclass(error, NotTrusted) else 2)
    assert "bundle.sigstore.json" in str(caught.value)


def test_managed_key_wrong_key_is_no_key(a_txt: Path) -> None:
    """managed-key-wrong-key_fail of sigstore-conformance: a key file whose base64 is spoilt."""
    pem = KEY.public.pem.decode()
    (a_txt.parent / "wrong.pub").write_text(pem.replace(pem.splitlines()[2], "fwlMW+++++wrongkey=="))
    with pytest.raises(InvalidInput, match=r"wrong\.pub"):
        check(a_txt, message(), ["wrong.pub"])


def test_managed_key_no_key(a_txt: Path) -> None:
    with pytest.raises(InvalidInput, match="nothing says whom to trust"):
        check(a_txt, message(), [])


def test_a_signed_file_is_no_attestation(a_txt: Path) -> None:
    (a_txt.parent / "b.json").write_bytes(json.dumps(message()).encode())
    keys = [a_txt.parent / "key.pub"]
    with pytest.raises(FileNotTrusted, match="holds a signature over a file, not slsaprovenance1"):
        verify_file(fake_world(a_txt.parent), a_txt, a_txt.parent / "b.json", keys, "slsaprovenance1")


def test_a_signed_file_is_no_signature_on_an_artifact() -> None:
    with pytest.raises(UnsupportedBundle, match="it signs a file .*, not a statement about an artifact"):
        Bundle.read(json.dumps(message()).encode())
