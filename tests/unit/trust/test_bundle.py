from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wpkg.errors import InvalidInput
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.manifest import Manifest, read_manifest
from wpkg.trust.bundle import (
    BUNDLE_V03,
    MAX_BUNDLE_SIZE,
    Bundle,
    InvalidBundle,
    UnsupportedBundle,
    build_bundle_referrer,
    referrer_annotations,
    sign_statement,
)
from wpkg.trust.envelope import Envelope
from wpkg.trust.keys import PublicKey
from wpkg.trust.statement import COSIGN_SIGN, IN_TOTO_PAYLOAD, Statement

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.trust.conftest import App

GOOD: dict[str, Any] = {
    "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
    "verificationMaterial": {"publicKey": {"hint": "aGludA=="}},
    "dsseEnvelope": {"payload": "e30=", "payloadType": "t", "signatures": [{"sig": "c2ln"}]},
}


def read(**changes: Any) -> Bundle:
    return Bundle.read(json.dumps(GOOD | changes).encode())


def material(**members: Any) -> dict[str, Any]:
    return {"verificationMaterial": members}


@given(st.binary(max_size=50), st.text(max_size=20), st.binary(max_size=50), st.text(max_size=20))
def test_what_was_written_is_read(payload: bytes, kind: str, signature: bytes, hint: str) -> None:
    bundle = Bundle(Envelope(payload, kind, signature), hint)
    assert Bundle.read(bundle.encode()) == bundle


def test_a_signed_statement_is_a_bundle_of_its_bytes(app: App) -> None:
    data = sign_statement(app.acme, app.statement)
    document = json.loads(data)
    assert list(document) == ["mediaType", "verificationMaterial", "dsseEnvelope"]
    assert document["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json"
    assert document["verificationMaterial"] == {"publicKey": {"hint": app.acme.public.hint}}
    envelope = Bundle.read(data).envelope
    assert envelope.payload_type == IN_TOTO_PAYLOAD
    assert Statement.read(envelope.payload) == app.statement
    assert envelope.is_signed_by(app.acme.public)


def test_signing_twice_gives_the_same_bundle(app: App) -> None:
    assert sign_statement(app.acme, app.statement) == sign_statement(app.acme, app.statement)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("cosign-v3.1.2-sign", "cosign-v3.1.2"),
        ("cosign-v3.1.2-attest", "cosign-v3.1.2"),
        ("cosign-v3.1.2-sign-rsa", "openssl-rsa-2048"),
        ("cosign-v2.6.4-sign", "cosign-v2.6.4"),
    ],
)
def test_reads_what_cosign_wrote(name: str, key: str, data: Path) -> None:
    bundle = Bundle.read((data / f"{name}.bundle.json").read_bytes())
    public = PublicKey.from_pem((data / f"{key}.pub").read_bytes())
    assert bundle.hint == public.hint
    assert bundle.envelope.is_signed_by(public)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            {"mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.3"}, id="the older spelling"
        ),
        pytest.param(material(publicKey={"hint": "x"}, tlogEntries=[]), id="an empty transparency log"),
        pytest.param(
            material(publicKey={"hint": "x"}, tlogEntries=[{"logIndex": "1"}]), id="a transparency log entry"
        ),
        pytest.param(
            material(publicKey={"hint": "x"}, certificate=None, timestampVerificationData=None),
            id="null for what is not there",
        ),
        pytest.param(material(publicKey={}), id="no hint"),
    ],
)
def test_reads_a_bundle_with(change: dict[str, Any]) -> None:
    assert read(**change).envelope == read().envelope


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(material(x509CertificateChain={"certificates": []}), "keyless", id="a certificate chain"),
        pytest.param(
            {"mediaType": "application/vnd.dev.sigstore.bundle.v0.4+json"},
            "version other",
            id="an unknown version",
        ),
        pytest.param(
            {"mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.2"},
            "version other",
            id="version 0.2",
        ),
        pytest.param(
            {"messageSignature": {"signature": "AAAA"}, "dsseEnvelope": None},
            "messageSignature",
            id="a signed file",
        ),
    ],
)
def test_recognises_what_it_does_not_verify(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(UnsupportedBundle, match=reason):
        read(**change)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"mediaType": None}, id="no media type"),
        pytest.param({"mediaType": "application/json"}, id="another media type"),
        pytest.param({"verificationMaterial": None}, id="no verification material"),
        pytest.param(material(), id="no key"),
        pytest.param(material(publicKey=None), id="null for a key"),
        pytest.param(material(publicKey={"hint": 7}), id="a number for a hint"),
        pytest.param(material(publicKey={"hint": "x", "rawBytes": "x"}), id="a key that it brings along"),
        pytest.param(material(publicKey={"hint": "x"}, later=1), id="unknown verification material"),
        pytest.param(material(certificate={"rawBytes": "A"}), id="a certificate that is no base64"),
        pytest.param(material(certificate={"rawBytes": "AAA=", "later": 1}), id="more than a certificate"),
        pytest.param(material(certificate="AAA="), id="a text for a certificate"),
        pytest.param(material(certificate={"rawBytes": "AAA="}, publicKey={}), id="a key beside a certificate"),
        pytest.param({"dsseEnvelope": None}, id="no envelope"),
        pytest.param({"dsseEnvelope": GOOD["dsseEnvelope"] | {"later": 1}}, id="an unknown envelope member"),
        pytest.param({"later": 1}, id="an unknown member"),
    ],
)
def test_refuses_a_bundle_with(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidBundle):
        read(**change)


def test_reads_a_keyless_bundle_and_keeps_it_as_it_was() -> None:
    data = json.dumps(GOOD | material(certificate={"rawBytes": "AAA="}, tlogEntries=[{}]), indent=1).encode()
    bundle = Bundle.read(data)
    assert (bundle.certificate, bundle.hint, bundle.document) == (b"\0\0", "", data)
    assert (read().certificate, read().document) == (None, b"")


def test_refuses_a_duplicate_member() -> None:
    data = json.dumps(GOOD).encode()
    twice = data.replace(b'"dsseEnvelope"', b'"dsseEnvelope": {}, "dsseEnvelope"')
    with pytest.raises(InvalidBundle, match="'dsseEnvelope' occurs twice"):
        Bundle.read(twice)


def test_refuses_a_bundle_over_its_limit() -> None:
    with pytest.raises(InvalidBundle, match="over the limit"):
        Bundle.read(json.dumps(GOOD).encode() + b" " * MAX_BUNDLE_SIZE)


def test_refuses_a_bundle_cut_anywhere(app: App) -> None:
    data = sign_statement(app.acme, app.statement)
    for length in range(len(data)):
        with pytest.raises(InvalidBundle):
            Bundle.read(data[:length])
    with pytest.raises(InvalidBundle):
        Bundle.read(data + b"\0")


@given(st.binary(max_size=80))
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidBundle):
        Bundle.read(data)


@given(
    st.dictionaries(
        st.sampled_from(sorted(GOOD)),
        st.none() | st.text() | st.integers() | st.lists(st.none()) | st.dictionaries(st.text(), st.text()),
    )
)
def test_any_members_are_refused_or_read(members: dict[str, Any]) -> None:
    try:
        read(**members)
    except InvalidInput:
        return


def test_a_referrer_says_what_it_holds_and_is_reproducible(app: App) -> None:
    bundle = sign_statement(app.acme, app.statement)
    manifest = build_bundle_referrer(app.subject, bundle, COSIGN_SIGN)
    assert manifest.artifact_type == BUNDLE_V03
    assert manifest.layers == (Descriptor.of(BUNDLE_V03, bundle),)
    assert manifest.subject is not None
    assert manifest.subject.digest == app.subject.digest
    assert manifest.config.media_type == "application/vnd.oci.empty.v1+json"
    assert manifest.annotations == {
        "dev.sigstore.bundle.content": "dsse-envelope",
        "dev.sigstore.bundle.predicateType": "https://sigstore.dev/cosign/sign/v1",
    }
    assert manifest.encode() == build_bundle_referrer(app.subject, bundle, COSIGN_SIGN).encode()
    assert read_manifest(manifest.encode()) == manifest


def test_a_referrer_is_shaped_as_cosign_shapes_it(app: App, data: Path) -> None:
    theirs = read_manifest((data / "cosign-v3.1.2-sign.referrer.json").read_bytes())
    assert isinstance(theirs, Manifest)
    ours = build_bundle_referrer(app.subject, b"{}", COSIGN_SIGN, "2026-11-24T02:26:00Z")
    assert sorted(ours.annotations) == sorted(theirs.annotations)
    assert ours.artifact_type == theirs.artifact_type
    assert ours.config.digest == theirs.config.digest
    assert ours.layers[0].media_type == theirs.layers[0].media_type


def test_the_time_is_written_only_when_it_is_given() -> None:
    assert "org.opencontainers.image.created" not in referrer_annotations("p")
    annotations = referrer_annotations("p", "2026-11-24T00:00:00Z")
    assert annotations["org.opencontainers.image.created"] == "2026-11-24T00:00:00Z"
