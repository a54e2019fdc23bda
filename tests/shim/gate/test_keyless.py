"""A gate whose policy names identities."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from tests.fakes.sigstore.instance import ISSUER, WORKFLOW, Sigstore
from tests.shim.gate.conftest import POLICY, REPOSITORY, Guarded, attach, component, signature, write_policy
from tests.shim.wire import put
from wpkg.trust.bundle import Bundle, build_bundle_referrer
from wpkg.trust.statement import COSIGN_SIGN

if TYPE_CHECKING:
    from tests.shim.wire import Pushed

IDENTITY = f"""
[trust.identities.release]
issuer = "{ISSUER}"
subject = "{WORKFLOW}"
trusted-root = "trusted_root.json"
"""


@pytest.fixture(scope="module")
def sigstore() -> Sigstore:
    return Sigstore()


@pytest.fixture
def keyless(guarded: Guarded, sigstore: Sigstore) -> Guarded:
    """A gate that wants 'release' instead of the keys."""
    (guarded.folder / "trusted_root.json").write_bytes(sigstore.trusted_root())
    write_policy(guarded.folder, POLICY.replace('["acme", "deputy"]\n[[', '["release"]\n[[', 1) + IDENTITY)
    guarded.policy.reload()
    return guarded


def sign_keyless(keyless: Guarded, app: Pushed, sigstore: Sigstore, subject: str = WORKFLOW) -> None:
    payload = Bundle.read(signature(app)[1]).envelope.payload
    bundle = json.dumps(sigstore.sign(payload, sigstore.holder(subject))).encode()
    attach(keyless.client, REPOSITORY, build_bundle_referrer(app.descriptor, bundle, COSIGN_SIGN), bundle)


def test_the_tag_appears_with_the_signature_of_the_identity(keyless: Guarded, sigstore: Sigstore) -> None:
    app = component(keyless.client)
    assert put(keyless.client, REPOSITORY, "1.0.0", app.data).status == 201
    sign_keyless(keyless, app, sigstore, WORKFLOW + "1")
    sign_keyless(keyless, app, Sigstore())
    assert keyless.get("1.0.0") == (403, "signature wrong")
    sign_keyless(keyless, app, sigstore)
    assert keyless.get("1.0.0") == (200, app.digest)


def test_another_root_is_noticed(keyless: Guarded, sigstore: Sigstore) -> None:
    app = component(keyless.client)
    sign_keyless(keyless, app, sigstore)
    assert put(keyless.client, REPOSITORY, "1.0.0", app.data).status == 201
    (keyless.folder / "trusted_root.json").write_bytes(Sigstore().trusted_root())
    assert keyless.get("1.0.0") == (403, "signature wrong")


def test_without_sigstore_nothing_can_be_checked(
    keyless: Guarded, sigstore: Sigstore, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Missing:
        @staticmethod
        def find_spec(name: str, *_: object) -> None:
            if name == "sigstore":
                raise ModuleNotFoundError("No module named 'sigstore'", name=name)

    app = component(keyless.client)
    sign_keyless(keyless, app, sigstore)
    for name in [name for name in sys.modules if name.partition(".")[0] == "sigstore"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "wpkg.trust.sigstore_verifier", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Missing, *sys.meta_path])
    answer = put(keyless.client, REPOSITORY, "1.0.0", app.data)
    assert answer.status == 403
    (error,) = answer.json["errors"]
    assert error["detail"]["reason"] == "could not check"
    assert "it is keyless, and what checks that is not installed" in error["message"]
    assert "pip install 'wpkg[keyless]'" in json.dumps(error)
