"""Verifiers that know nothing of registries: npm's @sigstore/verify, and openssl."""

from __future__ import annotations

import base64
import json
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.fakes.world import Chance
from tests.interop.conftest import execute, peer
from wpkg.names.package_name import PackageName
from wpkg.names.version import Version
from wpkg.oci.digest import Digest
from wpkg.oci.reference import Repository
from wpkg.trust.bundle import Bundle, sign_statement
from wpkg.trust.envelope import pae
from wpkg.trust.keys import PrivateKey
from wpkg.trust.statement import IN_TOTO_PAYLOAD, Published, signature_statement

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.interop

SCRIPT = """
const { Verifier, toSignedEntity } = require('@sigstore/verify');
const { bundleFromJSON } = require('@sigstore/bundle');
const { createPublicKey } = require('crypto');
const fs = require('fs');
const key = createPublicKey(fs.readFileSync(process.argv[3]));
const trust = { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [],
  publicKey: hint => ({ publicKey: key, validFor: () => true }) };
const bundle = bundleFromJSON(JSON.parse(fs.readFileSync(process.argv[2])));
new Verifier(trust, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 }).verify(toSignedEntity(bundle));
"""


@pytest.fixture
def signed(tmp_path: Path) -> bytes:
    """A bundle, its key and another one in files."""
    key, stranger = (PrivateKey.generate(Chance(seed)) for seed in ("key", "other"))
    published = Published(
        Repository.parse("ghcr.io/acme/app"), Digest.of(b"m"), "app.wasm", Digest.of(b"c"),
        PackageName("acme", "app"), Version.parse("1.0.0"), "component",
    )  # fmt: skip
    bundle = sign_statement(key, signature_statement(published))
    (tmp_path / "bundle.json").write_bytes(bundle)
    (tmp_path / "good.pub").write_bytes(key.public.pem)
    (tmp_path / "other.pub").write_bytes(stranger.public.pem)
    return bundle


def test_sigstore_for_javascript(signed: bytes, tmp_path: Path) -> None:
    modules = peer("sigstore-verify").removesuffix("/@sigstore/verify")
    (tmp_path / "verify.js").write_text(SCRIPT)

    def verifies(bundle: str, key: str) -> bool:
        return execute(tmp_path, "node", "verify.js", bundle, key, NODE_PATH=modules).code == 0

    assert verifies("bundle.json", "good.pub")
    assert not verifies("bundle.json", "other.pub")
    document = json.loads(signed)
    payload = base64.b64decode(document["dsseEnvelope"]["payload"]).replace(b"1.0.0", b"1.0.1")
    document["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
    (tmp_path / "changed.json").write_text(json.dumps(document))
    assert not verifies("changed.json", "good.pub")


def test_openssl(signed: bytes, tmp_path: Path) -> None:
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("not run: there is no openssl")
    envelope = Bundle.read(signed).envelope
    (tmp_path / "signature").write_bytes(envelope.signature)
    (tmp_path / "message").write_bytes(pae(IN_TOTO_PAYLOAD, envelope.payload))
    (tmp_path / "changed").write_bytes(pae(IN_TOTO_PAYLOAD, envelope.payload + b" "))

    def verifies(key: str, message: str) -> bool:
        return (
            execute(tmp_path, program, "dgst", "-sha256", "-verify", key, "-signature", "signature", message).code
            == 0
        )

    assert verifies("good.pub", "message")
    assert not verifies("other.pub", "message")
    assert not verifies("good.pub", "changed")
