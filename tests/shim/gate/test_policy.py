"""The policy, and what it is about, may change at any time; and it may say many things."""

from __future__ import annotations

from datetime import timedelta

import pytest

from registry_shim.gate.verdicts import VERDICT_SECONDS
from registry_shim.protocol.messages import ErrorCode, Refusal
from tests.shim.gate.conftest import (
    KEYS,
    POLICY,
    REPOSITORY,
    Guarded,
    component,
    sign,
    signature,
    write_policy,
)
from tests.shim.wire import push_blob, put
from wpkg.oci.digest import Digest
from wpkg.trust.legacy import SimpleSigning, add_signature, legacy_tag, sign_payload


class TestWhatChanges:
    def test_a_key_that_is_taken_out_of_the_policy(self, guarded: Guarded) -> None:
        app = component(guarded.client)
        sign(guarded.client, app)
        put(guarded.client, REPOSITORY, "1.0.0", app.data)
        assert guarded.get("1.0.0") == (200, app.digest)
        write_policy(guarded.folder, POLICY.replace('["acme", "deputy"]', '["deputy"]', 1))
        assert guarded.get("1.0.0") == (403, "signature wrong")
        assert guarded.tags() == []
        sign(guarded.client, app, "deputy")
        assert guarded.get("1.0.0") == (200, app.digest)

    def test_a_key_file_that_is_replaced(self, guarded: Guarded) -> None:
        app = component(guarded.client)
        sign(guarded.client, app)
        put(guarded.client, REPOSITORY, "1.0.0", app.data)
        assert guarded.get("1.0.0") == (200, app.digest)
        (guarded.folder / "stranger.pub").replace(guarded.folder / "acme.pub")
        assert guarded.get("1.0.0") == (403, "signature wrong")

    def test_a_signature_that_is_deleted(self, guarded: Guarded) -> None:
        app = component(guarded.client)
        referrer = sign(guarded.client, app)
        put(guarded.client, REPOSITORY, "1.0.0", app.data)
        assert guarded.get("1.0.0") == (200, app.digest)
        assert guarded.client.send("DELETE", f"/v2/{REPOSITORY}/manifests/{referrer}").status == 202
        assert guarded.get("1.0.0") == (403, "unsigned")

    def test_a_bundle_that_is_deleted(self, guarded: Guarded) -> None:
        app = component(guarded.client)
        sign(guarded.client, app)
        put(guarded.client, REPOSITORY, "1.0.0", app.data)
        assert guarded.get("1.0.0") == (200, app.digest)
        _, bundle = signature(app)
        answer = guarded.client.send("DELETE", f"/v2/{REPOSITORY}/blobs/{Digest.of(bundle)}")
        assert answer.status == 202
        assert guarded.get("1.0.0") == (403, "signature wrong")

    def test_a_verdict_is_kept_for_a_while(self, guarded: Guarded) -> None:
        app = component(guarded.client)
        sign(guarded.client, app)
        put(guarded.client, REPOSITORY, "1.0.0", app.data)
        guarded.get("1.0.0")
        guarded.behind.asked.clear()
        guarded.get("1.0.0")
        manifests = f"/v2/{REPOSITORY}/manifests"
        assert guarded.behind.asked == [f"HEAD {manifests}/1.0.0", f"GET {manifests}/{app.digest}"]
        guarded.clock.seconds += VERDICT_SECONDS
        guarded.get("1.0.0")
        assert f"GET /v2/{REPOSITORY}/referrers/{app.digest}" in guarded.behind.asked


class TestEverythingThatAPolicyCanSay:
    """The verifier's own tests show each rule; these, that the gate gives it what it needs for it."""

    def refusal(self, guarded: Guarded, tag: str = "1.0.0") -> str:
        answer = guarded.client.send("GET", f"/v2/{REPOSITORY}/manifests/{tag}")
        assert (answer.status, answer.json["errors"][0]["detail"]["reason"]) == (403, "signature wrong")
        return str(answer.json["errors"][0]["message"])

    @pytest.mark.parametrize(
        ("line", "said"), [("revoked = true", "revoked"), ("expires = 2026-11-25", "expired")]
    )
    def test_a_key_that_no_longer_counts(self, guarded: Guarded, line: str, said: str) -> None:
        app = component(guarded.client)
        sign(guarded.client, app)
        put(guarded.client, REPOSITORY, "1.0.0", app.data)
        assert guarded.get("1.0.0") == (200, app.digest)
        write_policy(guarded.folder, POLICY.replace('"acme.pub"', f'"acme.pub"\n{line}'))
        assert said in self.refusal(guarded)
        sign(guarded.client, app, "deputy")
        assert guarded.get("1.0.0") == (200, app.digest)

    def test_the_day_on_which_a_key_expires(self, guarded: Guarded) -> None:
        write_policy(guarded.folder, POLICY.replace('"acme.pub"', '"acme.pub"\nexpires = 2026-11-26'))
        app = component(guarded.client)
        sign(guarded.client, app)
        put(guarded.client, REPOSITORY, "1.0.0", app.data)
        assert guarded.get("1.0.0") == (200, app.digest)
        guarded.today += timedelta(days=1)
        guarded.clock.seconds += VERDICT_SECONDS
        assert "expired" in self.refusal(guarded)

    def test_a_namespace_that_comes_from_elsewhere(self, guarded: Guarded) -> None:
        app = component(guarded.client)
        sign(guarded.client, app)
        put(guarded.client, REPOSITORY, "1.0.0", app.data)
        write_policy(guarded.folder, POLICY + '[trust.namespaces]\nacme = "registry.test/acme"\n')
        assert guarded.get("1.0.0") == (200, app.digest)
        write_policy(guarded.folder, POLICY + '[trust.namespaces]\nacme = "ghcr.io/acme"\n')
        assert "packages of 'acme' come from ghcr.io/acme only" in self.refusal(guarded)

    def test_an_attestation_that_is_missing(self, guarded: Guarded) -> None:
        needs = 'signers = ["acme", "deputy"]\nrequire = [{ predicate = "https://x.test/p", signers = ["acme"] }]'
        write_policy(guarded.folder, POLICY.replace('signers = ["acme", "deputy"]', needs, 1))
        app = component(guarded.client)
        sign(guarded.client, app)
        put(guarded.client, REPOSITORY, "1.0.0", app.data)
        assert "https://x.test/p" in self.refusal(guarded)

    @pytest.mark.parametrize(("key", "counts"), [("acme", True), ("stranger", False)])
    def test_signatures_under_the_tag_of_cosign_2(self, guarded: Guarded, key: str, counts: bool) -> None:  # noqa: FBT001
        app = component(guarded.client)
        put(guarded.client, REPOSITORY, "1.0.0", app.data)
        payload = SimpleSigning(f"registry.test/{REPOSITORY}", app.digest).encode()
        manifest, config = add_signature(sign_payload(KEYS[key], payload), None, None)
        for blob in (payload, config):
            push_blob(guarded.client, REPOSITORY, blob)
        tag = legacy_tag(Digest.parse(app.digest))
        assert put(guarded.client, REPOSITORY, tag, manifest).status == 201
        assert guarded.get("1.0.0") == (403, "unsigned")  # the rule does not look there
        write_policy(
            guarded.folder,
            POLICY.replace('registry.test/**"', 'registry.test/**"\nformats = ["bundle", "legacy"]'),
        )
        assert guarded.get("1.0.0")[0] == (200 if counts else 403)
        if not counts:
            self.refusal(guarded)
            payload = SimpleSigning(f"registry.test/{REPOSITORY}", app.digest).encode()
            manifest, config = add_signature(sign_payload(KEYS["acme"], payload), None, None)
            push_blob(guarded.client, REPOSITORY, config)
            assert put(guarded.client, REPOSITORY, tag, manifest).status == 201
            assert guarded.store.find(REPOSITORY).find("1.0.0") is not None  # type: ignore[union-attr]
            guarded.behind.broken[str(Digest.of(payload))] = Refusal(500, ErrorCode.UNSUPPORTED, "disk").response
            guarded.clock.seconds += VERDICT_SECONDS
            assert guarded.get("1.0.0") == (403, "could not check")
