"""What the gate shows and refuses, and that there is no way around it."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from tests.shim.gate.conftest import KEYS, REPOSITORY, Guarded, attach, component, sign
from tests.shim.wire import EMPTY_JSON, InProcessClient, push_blob, push_index, put
from wpkg.oci.artifact import WasmConfig, build_artifact
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import Digest
from wpkg.oci.manifest import IMAGE_INDEX, IMAGE_MANIFEST, Index, Manifest
from wpkg.trust.bundle import build_bundle_referrer, sign_statement
from wpkg.trust.statement import COSIGN_SIGN, Statement, Subject


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
            f"then the tag shows it: cosign sign --key KEY -a dev.wpkg.version=1.0.0 registry.test/acme/app@{app.digest}"
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

    def test_a_file_is_no_package_whose_version_would_have_to_be_signed(self, guarded: Guarded) -> None:
        """What `cosign sign` does with what `oras push` has tagged; a component that it signs so might be another."""
        wasm = push_blob(guarded.client, REPOSITORY, b"content")
        layer = Descriptor("application/wasm", wasm.digest, wasm.size)
        of_nobody = build_artifact(layer, WasmConfig(None, (), ()))
        for config in (b"{}", of_nobody.config_bytes):
            push_blob(guarded.client, REPOSITORY, config)
        for data, seen in ((Manifest(EMPTY_JSON, (layer,)).encode(), True), (of_nobody.manifest_bytes, False)):
            assert put(guarded.client, REPOSITORY, "1.0.0", data).status == 201  # it waits
            about = Descriptor.of(IMAGE_MANIFEST, data)
            bundle = sign_statement(
                KEYS["acme"], Statement((Subject({"sha256": about.digest.encoded}),), COSIGN_SIGN)
            )
            attach(guarded.client, REPOSITORY, build_bundle_referrer(about, bundle, COSIGN_SIGN), bundle)
            assert (guarded.get("1.0.0") == (200, str(about.digest))) is seen
        refusal = put(guarded.client, REPOSITORY, "2.0.0", of_nobody.manifest_bytes)
        assert "'acme' signed it without dev.wpkg.version" in refusal.headers["warning"]

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
