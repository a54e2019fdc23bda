from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wpkg.documents.strict_json import Members
from wpkg.errors import InvalidInput
from wpkg.trust.envelope import Envelope, InvalidEnvelope, pae
from wpkg.trust.statement import IN_TOTO_PAYLOAD

if TYPE_CHECKING:
    from tests.unit.trust.conftest import App


def test_pae_counts_bytes() -> None:
    # secure-systems-lab/dsse v1.0.2 `protocol.md`, "Test Vectors"
    hello = pae("http://example.com/HelloWorld", b"hello world")
    assert hello == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert pae("application/vnd.in-toto+json", b"{}") == b"DSSEv1 28 application/vnd.in-toto+json 2 {}"
    assert pae("é", b"") == b"DSSEv1 2 \xc3\xa9 0 "


@given(st.text(max_size=8), st.binary(max_size=8), st.text(max_size=8), st.binary(max_size=8))
def test_no_two_payloads_have_one_pae(kind: str, body: bytes, other_kind: str, other: bytes) -> None:
    assert (pae(kind, body) == pae(other_kind, other)) == ((kind, body) == (other_kind, other))


def test_the_signature_covers_payload_and_type(app: App) -> None:
    envelope = Envelope.sign(app.acme, IN_TOTO_PAYLOAD, b"{}")
    assert envelope.is_signed_by(app.acme.public)
    assert not envelope.is_signed_by(app.stranger.public)
    assert not Envelope(b"{ }", IN_TOTO_PAYLOAD, envelope.signature).is_signed_by(app.acme.public)
    assert not Envelope(b"{}", "text/plain", envelope.signature).is_signed_by(app.acme.public)


def test_no_keyid_is_written(app: App) -> None:
    # cosign skips a signature with a keyid that is not its own idea of one (checked with 3.1.2 and 2.6.4)
    (signature,) = Envelope.sign(app.acme, IN_TOTO_PAYLOAD, b"{}").to_json()["signatures"]
    assert list(signature) == ["sig"]


@given(st.binary(max_size=50), st.text(max_size=20), st.binary(max_size=50))
def test_what_was_written_is_read(payload: bytes, kind: str, signature: bytes) -> None:
    envelope = Envelope(payload, kind, signature)
    assert Envelope.read(Members(envelope.to_json())) == envelope


GOOD: dict[str, Any] = {"payload": "e30=", "payloadType": "t", "signatures": [{"sig": "c2ln"}]}


def test_a_keyid_is_not_looked_at() -> None:
    for keyid in ("whoever", "", 7, None):
        document = GOOD | {"signatures": [{"sig": "c2ln", "keyid": keyid}]}
        assert Envelope.read(Members(document)) == Envelope(b"{}", "t", b"sig")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"signatures": []}, id="no signature"),
        pytest.param({"signatures": None}, id="no signatures member"),
        pytest.param({"signatures": [{"sig": "c2ln"}, {"sig": "c2ln"}]}, id="two signatures"),
        pytest.param({"signatures": [{"sig": "c2ln", "cert": "x"}]}, id="an unknown member"),
        pytest.param({"signatures": ["c2ln"]}, id="a signature that is no object"),
        pytest.param({"signatures": [{"sig": "c2lnCg"}]}, id="base64 without padding"),
        pytest.param({"payload": "e31="}, id="base64 with left-over bits"),
        pytest.param({"payload": "e3 0="}, id="base64 with a space"),
        pytest.param({"payload": 7}, id="a number as payload"),
        pytest.param({"payloadType": None}, id="no payload type"),
    ],
)
def test_refuses_an_envelope_with(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        Envelope.read(Members(GOOD | change))


def test_two_signatures_are_refused_by_name() -> None:
    with pytest.raises(InvalidEnvelope, match="2 signatures, one is needed"):
        Envelope.read(Members(GOOD | {"signatures": [{"sig": ""}, {"sig": ""}]}))
