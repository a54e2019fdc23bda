"""Which no it is: a signature that is wrong is not one that could not be looked up."""

from __future__ import annotations

import json

import pytest

from registry_shim.gate.verdicts import VERDICT_SECONDS
from registry_shim.protocol.messages import ErrorCode, Refusal
from tests.shim.gate.conftest import (
    POLICY,
    REPOSITORY,
    Guarded,
    attach,
    component,
    sign,
    signature,
    write_policy,
)
from tests.shim.wire import EMPTY_JSON, push_blob, put
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import Digest
from wpkg.oci.manifest import Manifest
from wpkg.oci.referrers import MAX_REFERRERS, build_referrer


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
