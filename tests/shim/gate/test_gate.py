"""What the gate shows, refuses and lets wait."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest

from registry_shim.gate.verdicts import VERDICT_SECONDS
from registry_shim.gate.waiting import WAITING_FILE, WaitingTag, WaitingTags
from registry_shim.protocol.messages import ErrorCode, Refusal
from tests.shim.gate.conftest import (
    KEYS,
    POLICY,
    REPOSITORY,
    Guarded,
    attach,
    component,
    sign,
    signature,
    write_policy,
)
from tests.shim.wire import EMPTY_JSON, InProcessClient, push_blob, push_index, put
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import Digest
from wpkg.oci.manifest import IMAGE_INDEX, IMAGE_MANIFEST, Index, Manifest
from wpkg.oci.referrers import MAX_REFERRERS, build_referrer
from wpkg.trust.legacy import SimpleSigning, add_signature, legacy_tag, sign_payload

if TYPE_CHECKING:
    from pathlib import Path


class TestOrderOfWpkg:
    """By digest, signature, tag: nobody ever sees an unsigned tag."""

    def test_what_is_signed_can_be_tagged_and_seen(self, guarded: Guarded) -> None:
        app = component(guarded.client)
        assert put(guarded.client, REPOSITORY, app.digest, app.data).status == 201
        assert guarded.get(app.digest) == (200, app.digest)
        sign(guarded.client, app)
        answer = put(guarded.client, REPOSITORY, "1.0.0", app.data)
        assert (answer.status, "warning" in answer.headers) == (201, False)
        assert guarded.get("1.0.0") == (200, app.digest)
        assert guarded.get("1.0.0", method="HEAD") == (200, app.digest)
        assert guarded.tags() == ["1.0.0"]

    def test_what_is_unsigned_is_not_tagged(self, guarded: Guarded) -> None:
        app = component(guarded.client)
        put(guarded.client, REPOSITORY, app.digest, app.data)
        answer = put(guarded.client, REPOSITORY, "1.0.0", app.data)
        assert (answer.status, answer.code) == (403, "DENIED")
        (error,) = answer.json["errors"]
        assert error["message"] == (
            f"unsigned: acme/app:1.0.0 ({Digest.parse(app.digest).short}) carries no signature; sign it by digest, "
            f"then the tag shows it: cosign sign --key KEY registry.test/acme/app@{app.digest}"
        )
        assert error["detail"]["reason"] == "unsigned"
        assert "'acme', 'deputy'" in error["detail"]["hint"]
        assert guarded.get("1.0.0") == (404, "MANIFEST_UNKNOWN")
        assert guarded.tags() == []
        sign(guarded.client, app)
        assert guarded.get("1.0.0") == (404, "MANIFEST_UNKNOWN")  # nobody has tagged it
        assert put(guarded.client, REPOSITORY, "1.0.0", app.data).status == 201

    def test_the_signature_may_be_there_before_the_artifact(self, guarded: Guarded) -> None:
        app = component(guarded.client)
        sign(guarded.client, app)
        answer = put(guarded.client, REPOSITORY, "1.0.0", app.data)
        assert (answer.status, "warning" in answer.headers) == (201, False)
        assert guarded.get("1.0.0") == (200, app.digest)

    def test_tag_parameters_are_looked_at_each(self, guarded: Guarded) -> None:
        app = component(guarded.client)
        query = f"{app.digest}?tag=latest&tag=1.0.0"
        assert put(guarded.client, REPOSITORY, query, app.data).status == 403
        sign(guarded.client, app)
        answer = put(guarded.client, REPOSITORY, f"{app.digest}?tag=latest&tag=2.0.0", app.data)
        assert (answer.status, answer.json["errors"][0]["detail"]["reason"]) == (403, "signature wrong")
        assert put(guarded.client, REPOSITORY, query, app.data).status == 201


class TestOrderOfDocker:
    """Tag first, sign afterwards: the tag waits."""

    def test_the_tag_appears_with_the_signature(self, guarded: Guarded) -> None:
        app = component(guarded.client)
        answer = put(guarded.client, REPOSITORY, "1.0.0", app.data)
        assert (answer.status, answer.headers["docker-content-digest"]) == (201, app.digest)
        assert answer.location == f"/v2/{REPOSITORY}/manifests/{app.digest}"
        assert answer.headers["warning"].startswith('299 - "the tag waits: unsigned: acme/app:1.0.0 (sha256:')
        assert guarded.get("1.0.0") == (403, "unsigned")
        assert "unsigned" in guarded.get("1.0.0", method="HEAD")[1]
        assert guarded.tags() == []
        assert put(guarded.client, REPOSITORY, "1.0.0", app.data).status == 201  # once more is no harm
        sign(guarded.client, app, "stranger")
        assert guarded.get("1.0.0") == (403, "signature wrong")
        sign(guarded.client, app)
        assert guarded.store.find(REPOSITORY).find("1.0.0") is not None  # type: ignore[union-attr]
        assert guarded.get("1.0.0") == (200, app.digest)
        assert guarded.tags() == ["1.0.0"]

    def test_meanwhile_the_tag_shows_what_it_showed(self, guarded: Guarded) -> None:
        first, second = component(guarded.client), component(guarded.client, version="2.0.0")
        sign(guarded.client, first)
        assert put(guarded.client, REPOSITORY, "latest", first.data).status == 201
        assert "warning" in put(guarded.client, REPOSITORY, "latest", second.data).headers
        assert guarded.get("latest") == (200, first.digest)
        sign(guarded.client, second, version="2.0.0")
        assert guarded.get("latest") == (200, second.digest)

    def test_two_tags_of_one_manifest_wait(self, guarded: Guarded) -> None:
        app = component(guarded.client)
        assert [put(guarded.client, REPOSITORY, tag, app.data).status for tag in ("1.0.0", "latest")] == [201, 201]
        sign(guarded.client, app)
        assert guarded.tags() == ["1.0.0", "latest"]

    def test_waiting_survives_a_restart(self, guarded: Guarded) -> None:
        app = component(guarded.client)
        put(guarded.client, REPOSITORY, "1.0.0", app.data)
        guarded.restart()
        assert guarded.get("1.0.0") == (403, "unsigned")
        sign(guarded.client, app)
        assert guarded.get("1.0.0") == (200, app.digest)

    def test_what_waits_does_not_come_back_after_the_tag_has_moved(self, guarded: Guarded) -> None:
        old, new = component(guarded.client), component(guarded.client, version="2.0.0")
        put(guarded.client, REPOSITORY, "latest", old.data)
        sign(guarded.client, new, version="2.0.0")
        assert put(guarded.client, REPOSITORY, "latest", new.data).status == 201
        # a crash between the tag and the list of what waits leaves the older entry
        WaitingTags(guarded.folder / "root" / WAITING_FILE).add(
            WaitingTag(REPOSITORY, "latest", Digest.parse(old.digest), None)
        )
        guarded.restart()
        sign(guarded.client, old)
        assert guarded.get("latest") == (200, new.digest)

    def test_a_waiting_tag_can_be_deleted(self, guarded: Guarded) -> None:
        app = component(guarded.client)
        put(guarded.client, REPOSITORY, "1.0.0", app.data)
        assert guarded.client.send("DELETE", f"/v2/{REPOSITORY}/manifests/1.0.0").status == 202
        assert guarded.client.send("DELETE", f"/v2/{REPOSITORY}/manifests/1.0.0").status == 404
        sign(guarded.client, app)
        assert guarded.get("1.0.0") == (404, "MANIFEST_UNKNOWN")

    @pytest.mark.parametrize("is_shown", [False, True])
    def test_a_delete_that_is_refused_leaves_it_waiting(self, guarded: Guarded, *, is_shown: bool) -> None:
        first, second = component(guarded.client), component(guarded.client, version="2.0.0")
        if is_shown:
            sign(guarded.client, first)
            assert put(guarded.client, REPOSITORY, "latest", first.data).status == 201
        assert "warning" in put(guarded.client, REPOSITORY, "latest", second.data).headers
        path = f"/v2/{REPOSITORY}/manifests/latest"
        stale, malformed = {"If-Match": f'"{second.digest}"'}, {"If-Match": second.digest}
        assert guarded.client.send("DELETE", path, headers=stale).status == 412
        assert guarded.client.send("DELETE", path, headers=malformed).status == 400
        failure = Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, ErrorCode.UNSUPPORTED, "its disk is gone")
        guarded.behind.broken[path] = failure.response
        assert guarded.client.send("DELETE", path).status == 500
        guarded.behind.broken.clear()
        sign(guarded.client, second, version="2.0.0")
        assert guarded.get("latest") == (200, second.digest)

    def test_a_delete_whose_condition_holds_ends_the_waiting(self, guarded: Guarded) -> None:
        first, second = component(guarded.client), component(guarded.client, version="2.0.0")
        sign(guarded.client, first)
        put(guarded.client, REPOSITORY, "latest", first.data)
        put(guarded.client, REPOSITORY, "latest", second.data)
        seen = {"If-Match": f'"{first.digest}"'}
        assert guarded.client.send("DELETE", f"/v2/{REPOSITORY}/manifests/latest", headers=seen).status == 202
        sign(guarded.client, second, version="2.0.0")
        assert guarded.get("latest") == (404, "MANIFEST_UNKNOWN")

    def test_a_conditional_push_does_not_wait(self, guarded: Guarded) -> None:
        app = component(guarded.client)
        headers = {"Content-Type": IMAGE_MANIFEST, "If-None-Match": "*"}
        answer = guarded.client.send("PUT", f"/v2/{REPOSITORY}/manifests/1.0.0", app.data, headers)
        assert (answer.status, answer.code) == (403, "DENIED")

    def test_a_new_policy_may_accept_what_waits(self, guarded: Guarded) -> None:
        app = component(guarded.client)
        sign(guarded.client, app, "stranger")
        put(guarded.client, REPOSITORY, "1.0.0", app.data)
        assert guarded.get("1.0.0") == (403, "signature wrong")
        write_policy(guarded.folder, POLICY.replace("deputy", "stranger"))
        assert guarded.get("1.0.0") == (200, app.digest)

    def test_what_nothing_would_mend_does_not_wait(self, guarded: Guarded) -> None:
        app = component(guarded.client)
        guarded.behind.broken["/referrers/"] = Refusal(503, ErrorCode.UNSUPPORTED, "down").response
        answer = put(guarded.client, REPOSITORY, "1.0.0", app.data)
        assert (answer.status, answer.json["errors"][0]["detail"]["reason"]) == (403, "could not check")


class TestWrongSignatures:
    @pytest.fixture
    def app(self, guarded: Guarded) -> object:
        app = component(guarded.client)
        put(guarded.client, REPOSITORY, "1.0.0", app.data)
        return app

    def refused(self, guarded: Guarded, reason: str) -> None:
        answer = guarded.client.send("GET", f"/v2/{REPOSITORY}/manifests/1.0.0")
        (error,) = answer.json["errors"]
        assert (answer.status, error["code"], error["detail"]["reason"]) == (403, "DENIED", "signature wrong")
        assert reason in error["message"], error["message"]
        assert guarded.tags() == []

    def test_another_key(self, guarded: Guarded, app: object) -> None:
        sign(guarded.client, app, "stranger")  # type: ignore[arg-type]
        self.refused(guarded, "it is signed by a key that the rule does not name")

    def test_tampered(self, guarded: Guarded, app: object) -> None:
        referrer, bundle = signature(app)  # type: ignore[arg-type]
        document = json.loads(bundle)
        signed = document["dsseEnvelope"]["signatures"][0]
        signed["sig"] = ("B" if signed["sig"][8] != "B" else "C").join((signed["sig"][:8], signed["sig"][9:]))
        bundle = json.dumps(document).encode()
        blob = Descriptor.of(referrer.layers[0].media_type, bundle)
        assert referrer.subject is not None
        attach(
            guarded.client,
            REPOSITORY,
            build_referrer(referrer.subject, referrer.artifact_type or "", blob, {}),
            bundle,
        )
        self.refused(guarded, "its signature is not by 'acme', whom it names")

    def test_for_another_digest(self, guarded: Guarded, app: object) -> None:
        _, bundle = signature(component(guarded.client, version="2.0.0"), version="2.0.0")
        referrer, _ = signature(app)  # type: ignore[arg-type]
        assert referrer.subject is not None
        blob = Descriptor.of(referrer.layers[0].media_type, bundle)
        attach(guarded.client, REPOSITORY, build_referrer(referrer.subject, "x/y", blob, {}), bundle)
        self.refused(guarded, "'acme' signed another artifact with it")

    def test_for_another_version(self, guarded: Guarded, app: object) -> None:
        sign(guarded.client, app, version="0.9.0")  # type: ignore[arg-type]
        self.refused(guarded, "signed it with dev.wpkg.version '0.9.0', not '1.0.0'")

    def test_one_of_two(self, guarded: Guarded) -> None:
        app = component(guarded.client, "both/app")
        put(guarded.client, "both/app", "1.0.0", app.data)
        sign(guarded.client, app, "acme", "both/app")
        assert guarded.get("1.0.0", "both/app") == (403, "signature wrong")
        sign(guarded.client, app, "deputy", "both/app")
        assert guarded.get("1.0.0", "both/app") == (200, app.digest)

    @pytest.mark.parametrize("tag", ["2.0.0", "v0.9.0", "1.0.0_raw", "1.0.0_build"])
    def test_a_signed_version_under_another_tag(self, guarded: Guarded, tag: str) -> None:
        app = component(guarded.client)
        sign(guarded.client, app)
        answer = put(guarded.client, REPOSITORY, tag, app.data)
        assert "the tag waits: signature wrong" in answer.headers["warning"]
        assert guarded.get(tag) == (403, "signature wrong")

    def test_raw_under_its_own_tag_only(self, guarded: Guarded) -> None:
        raw = component(guarded.client, kind="raw")
        attach(guarded.client, REPOSITORY, *signature(raw, kind="raw"))
        assert put(guarded.client, REPOSITORY, "1.0.0_raw", raw.data).status == 201
        assert put(guarded.client, REPOSITORY, "1.0.0", raw.data).status == 403
        assert guarded.get("1.0.0_raw") == (200, raw.digest)


class TestCouldNotCheck:
    @pytest.fixture
    def app(self, guarded: Guarded) -> str:
        app = component(guarded.client)
        sign(guarded.client, app)
        put(guarded.client, REPOSITORY, "1.0.0", app.data)
        assert guarded.get("1.0.0") == (200, app.digest)
        guarded.clock.seconds += VERDICT_SECONDS
        return app.digest

    def test_the_referrers_cannot_be_listed(self, guarded: Guarded, app: str) -> None:
        guarded.behind.broken["/referrers/"] = Refusal(503, ErrorCode.UNSUPPORTED, "down").response
        assert guarded.get("1.0.0") == (403, "could not check")
        assert guarded.get(app) == (200, app)
        del guarded.behind.broken["/referrers/"]
        guarded.clock.seconds += VERDICT_SECONDS
        assert guarded.get("1.0.0") == (200, app)

    @pytest.mark.usefixtures("app")
    def test_a_signature_cannot_be_read(self, guarded: Guarded) -> None:
        _, bundle = signature(component(guarded.client))
        guarded.behind.broken[str(Digest.of(bundle))] = Refusal(500, ErrorCode.UNSUPPORTED, "broken disk").response
        assert guarded.get("1.0.0") == (403, "could not check")

    def test_a_damaged_manifest(self, guarded: Guarded, app: str) -> None:
        path = guarded.folder / "root" / REPOSITORY / "blobs" / app.replace(":", "/")
        path.write_bytes(b"{}")
        assert guarded.get("1.0.0")[0] == 403

    @pytest.mark.usefixtures("app")
    def test_too_many_referrers(self, guarded: Guarded) -> None:
        subject = component(guarded.client).descriptor
        push_blob(guarded.client, REPOSITORY, b"{}")
        for number in range(MAX_REFERRERS):
            data = Manifest(EMPTY_JSON, (), subject, annotations={"number": str(number)}).encode()
            put(guarded.client, REPOSITORY, str(Digest.of(data)), data)
        assert guarded.get("1.0.0") == (403, "could not check")
        assert guarded.tags() == []

    def test_a_policy_that_broke(self, guarded: Guarded, app: str, caplog: pytest.LogCaptureFixture) -> None:
        write_policy(guarded.folder, POLICY + "[trust.keys.acme]\n")
        assert guarded.get("1.0.0") == (403, "could not check")
        assert guarded.get(app) == (200, app)
        assert "nothing is accepted until the policy is mended" in caplog.text
        write_policy(guarded.folder)
        assert guarded.get("1.0.0") == (200, app)


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


class TestMovingTags:
    def test_what_is_shown_is_what_was_verified(self, guarded: Guarded) -> None:
        """The tag moves, behind the gate's back, after it was looked up (CVE-2022-47633)."""
        signed, other = component(guarded.client), component(guarded.client, version="2.0.0")
        sign(guarded.client, signed)
        put(guarded.client, REPOSITORY, "1.0.0", signed.data)
        put(guarded.client, REPOSITORY, other.digest, other.data)
        behind = InProcessClient(guarded.store, str(guarded.folder))

        def move(asked: str) -> None:
            if asked.startswith("HEAD") and asked.endswith("/1.0.0"):
                put(behind, REPOSITORY, "1.0.0", other.data)

        guarded.behind.after = move
        assert guarded.get("1.0.0") == (200, signed.digest)
        guarded.behind.after = None
        assert guarded.get("1.0.0") == (403, "signature wrong")


class TestOtherTags:
    def test_a_rule_may_let_the_unsigned_pass(self, guarded: Guarded) -> None:
        app = component(guarded.client, "open/app")
        assert "warning" not in put(guarded.client, "open/app", "1.0.0", app.data).headers
        assert guarded.get("1.0.0", "open/app") == (200, app.digest)

    def test_the_index_under_a_referrers_tag(self, guarded: Guarded) -> None:
        app = component(guarded.client)
        put(guarded.client, REPOSITORY, app.digest, app.data)
        signed = sign(guarded.client, app)
        data = guarded.client.send("GET", f"/v2/{REPOSITORY}/manifests/{signed}").body
        tag = app.digest.replace(":", "-")
        index = push_index(guarded.client, REPOSITORY, tag, [Descriptor.of(IMAGE_MANIFEST, data)])
        assert guarded.get(tag) == (200, index.digest)
        assert guarded.tags() == [tag]

    def test_is_no_way_around(self, guarded: Guarded) -> None:
        app = component(guarded.client)
        tag = "sha256-" + "0" * 64
        put(guarded.client, REPOSITORY, tag, app.data)
        assert guarded.get(tag) == (403, "unsigned")
        data = Index((app.descriptor,)).encode()
        put(guarded.client, REPOSITORY, tag, data, IMAGE_INDEX)
        assert guarded.get(tag) == (403, "unsigned")
        other = component(guarded.client, version="2.0.0")
        put(guarded.client, REPOSITORY, f"{tag}.sig", other.data)
        assert guarded.get(f"{tag}.sig") == (403, "unsigned")

    def test_where_cosign_2_keeps_signatures(self, guarded: Guarded) -> None:
        payload = push_blob(guarded.client, REPOSITORY, b"{}")
        layer = Descriptor("application/vnd.dev.cosign.simplesigning.v1+json", payload.digest, payload.size)
        data = Manifest(EMPTY_JSON, (layer,)).encode()
        tag = "sha256-" + "0" * 64 + ".sig"
        assert put(guarded.client, REPOSITORY, tag, data).status == 201
        assert guarded.get(tag) == (200, str(Digest.of(data)))

    def test_a_list_in_pages(self, guarded: Guarded) -> None:
        app = component(guarded.client)
        sign(guarded.client, app)
        for tag in ("1.0.0", "a", "b", "c"):
            put(guarded.client, REPOSITORY, tag, app.data)
        put(guarded.client, REPOSITORY, "aa", component(guarded.client, version="3.0.0").data)
        first = guarded.client.send("GET", f"/v2/{REPOSITORY}/tags/list?n=2")
        assert (first.json["tags"], 'rel="next"' in first.headers["link"]) == (["1.0.0", "a"], True)

    @pytest.mark.parametrize("path", ["/v2/", "/v2/acme/app/blobs/uploads/"])
    def test_everything_else_passes(self, guarded: Guarded, path: str) -> None:
        method, status = ("GET", 200) if path == "/v2/" else ("POST", 202)
        assert guarded.client.send(method, path).status == status

    def test_bad_requests_are_refused_as_ever(self, guarded: Guarded) -> None:
        app = component(guarded.client)
        assert put(guarded.client, REPOSITORY, "-bad-", app.data).status == 400
        assert put(guarded.client, REPOSITORY, f"sha256:{'0' * 64}?tag=x", app.data).code == "DIGEST_INVALID"
        assert put(guarded.client, REPOSITORY, "1.0.0", b"not json").code == "MANIFEST_INVALID"
        assert put(guarded.client, REPOSITORY, "1.0.0", b" " * 5_000_000).status == 413
        assert (
            guarded.client.send("PATCH", f"/v2/{REPOSITORY}/manifests/x").status == HTTPStatus.METHOD_NOT_ALLOWED
        )


def test_many_at_once(guarded: Guarded) -> None:
    """Tags that wait, their signatures and readers, all at the same time: nothing is shown too early or lost."""
    apps = [component(guarded.client, version=f"1.0.{number}") for number in range(12)]
    early: list[object] = []

    def publish(number: int) -> None:
        app, tag = apps[number], f"1.0.{number}"
        assert put(guarded.client, REPOSITORY, tag, app.data).status == 201
        early.append(guarded.get(tag))
        sign(guarded.client, app, version=tag)

    def read(_: int) -> None:
        for tag in guarded.tags():
            assert guarded.get(tag)[0] == 200

    with ThreadPoolExecutor(8) as pool:
        reading = [pool.submit(read, number) for number in range(8)]
        for done in [*pool.map(publish, range(12)), *reading]:
            if done is not None:
                done.result()
    assert set(early) == {(403, "unsigned")}
    assert guarded.tags() == sorted(f"1.0.{number}" for number in range(12))
    assert WaitingTags(guarded.folder / "root" / WAITING_FILE).of(REPOSITORY) == []


def test_a_damaged_list_of_waiting_tags_is_an_empty_one(tmp_path: Path) -> None:
    waiting = WaitingTags(tmp_path / WAITING_FILE)
    waiting.add(WaitingTag("a", "b", Digest.of(b""), None))
    assert WaitingTags(tmp_path / WAITING_FILE).find("a", "b") is not None
    (tmp_path / WAITING_FILE).write_bytes((tmp_path / WAITING_FILE).read_bytes()[:-3])
    assert WaitingTags(tmp_path / WAITING_FILE).find("a", "b") is None
