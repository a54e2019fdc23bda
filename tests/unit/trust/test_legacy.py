"""Signatures under the `.sig` tag, the good one and the attacks on it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from wpkg.documents.strict_json import dump_json
from wpkg.errors import InvalidInput, WpkgError
from wpkg.names.package_name import PackageName
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.manifest import Index, Manifest, read_manifest
from wpkg.oci.referrers import MAX_REFERRERS
from wpkg.registry.errors import NotFound
from wpkg.trust.legacy import (
    MAX_PAYLOAD_SIZE,
    SIGNATURE_ANNOTATION,
    InvalidLegacySignature,
    SimpleSigning,
    add_signature,
    legacy_tag,
    sign_payload,
)
from wpkg.trust.policy import RequiredPredicate, Signer, TrustPolicy, WrongPlace
from wpkg.trust.statement import SLSA_PROVENANCE, provenance_statement
from wpkg.trust.verification import Outcome, State, Verification
from wpkg.trust.verify import LegacyCandidates, verify_signatures

if TYPE_CHECKING:
    from tests.unit.trust.conftest import App
    from wpkg.oci.digest import Digest
    from wpkg.trust.keys import PrivateKey

BOTH = ("bundle", "legacy")


def claim(app: App, **changes: Any) -> SimpleSigning:
    made = SimpleSigning("ghcr.io/acme/app:1.4.0", str(app.subject.digest), app.published.annotations)
    return replace(made, **changes)


def under_tag(*signed: tuple[PrivateKey, bytes]) -> LegacyCandidates:
    data: bytes | None = None
    config: bytes | None = None
    payloads: dict[Digest, bytes | WpkgError] = {}
    for key, payload in signed:
        layer = sign_payload(key, payload)
        manifest = read_manifest(data) if data is not None else None
        assert not isinstance(manifest, Index)
        data, config = add_signature(layer, manifest, config)
        payloads[layer.digest] = payload
    assert data is not None
    return LegacyCandidates(data, payloads)


def verify(app: App, legacy: LegacyCandidates, **changes: Any) -> Verification:
    rule = app.rule(**{"formats": BOTH, **changes})
    return verify_signatures(app.subject, (), rule, app.expected, legacy)


def refused(app: App, legacy: LegacyCandidates, outcome: Outcome, reason: str, **changes: Any) -> None:
    found = verify(app, legacy, **changes)
    assert found.state is State.FAILED
    assert found.signers == ()
    assert [(f.outcome, reason in f.reason) for f in found.findings] == [(outcome, True)], found.findings


def test_the_payload_is_the_one_that_cosign_writes(app: App) -> None:
    payload = SimpleSigning("ghcr.io/acme/app", "sha256:" + "0" * 64).encode()
    assert payload == (
        b'{"critical":{"identity":{"docker-reference":"ghcr.io/acme/app"},'
        b'"image":{"docker-manifest-digest":"sha256:' + b"0" * 64 + b'"},'
        b'"type":"cosign container image signature"},"optional":null}'
    )
    assert SimpleSigning.read(payload).tag is None
    assert SimpleSigning("127.0.0.1:5000/a", "").tag is None
    assert SimpleSigning("127.0.0.1:5000/a:1.0", "").tag == "1.0"
    assert legacy_tag(app.subject.digest) == f"sha256-{app.subject.digest.encoded}.sig"


def test_a_good_signature_counts_where_the_rule_takes_it(app: App) -> None:
    legacy = under_tag((app.acme, claim(app).encode()))
    assert verify(app, legacy).state is State.VERIFIED
    assert verify(app, legacy, formats=("bundle",)).state is State.NOT_SIGNED


def test_one_good_signature_among_others_is_enough(app: App) -> None:
    payload = claim(app).encode()
    found = verify(app, under_tag((app.stranger, payload), (app.acme, payload)))
    assert found.state is State.VERIFIED
    assert sorted(f.outcome for f in found.findings) == [Outcome.SIGNATURE, Outcome.UNKNOWN_SIGNER]


def test_a_bundle_and_a_legacy_signature_by_one_key_are_one_signer(app: App) -> None:
    rule = app.rule("acme", "stranger", threshold=2, formats=BOTH)
    legacy = under_tag((app.acme, claim(app).encode()))
    found = verify_signatures(app.subject, (app.signature(),), rule, app.expected, legacy)
    assert (found.state, len(found.signers)) == (State.FAILED, 1)


class TestAttacks:
    def test_a_stranger_signs(self, app: App) -> None:
        refused(app, under_tag((app.stranger, claim(app).encode())), Outcome.UNKNOWN_SIGNER, "does not name")

    def test_a_signature_is_replayed_onto_another_digest(self, app: App, another_app: App) -> None:
        legacy = under_tag((app.acme, claim(another_app).encode()))
        refused(app, legacy, Outcome.CONTRADICTION, "signed another artifact with it")

    def test_a_byte_of_the_payload_is_changed(self, app: App) -> None:
        payload = claim(app).encode()
        layer = sign_payload(app.acme, payload)
        changed = payload.replace(b"1.4.0", b"1.4.1")
        moved = Descriptor.of(layer.media_type, changed, layer.annotations)
        legacy = LegacyCandidates(add_signature(moved, None, None)[0], {moved.digest: changed})
        refused(app, legacy, Outcome.UNKNOWN_SIGNER, "does not name")

    def test_the_payload_is_not_what_its_digest_says(self, app: App) -> None:
        legacy = under_tag((app.acme, claim(app).encode()))
        payloads = dict.fromkeys(legacy.payloads, b"something else")
        refused(app, LegacyCandidates(legacy.manifest, payloads), Outcome.UNUSABLE, "payload")

    def test_the_payload_cannot_be_fetched(self, app: App) -> None:
        legacy = under_tag((app.acme, claim(app).encode()))
        payloads = dict.fromkeys(legacy.payloads, NotFound("gone"))
        refused(app, LegacyCandidates(legacy.manifest, payloads), Outcome.UNUSABLE, "could not be fetched: gone")

    @pytest.mark.parametrize("signature", ["", "!", "AAAA", "AAA="])
    def test_the_signature_is_not_one(self, app: App, signature: str) -> None:
        payload = claim(app).encode()
        layer = replace(sign_payload(app.acme, payload), annotations={SIGNATURE_ANNOTATION: signature})
        legacy = LegacyCandidates(add_signature(layer, None, None)[0], {layer.digest: payload})
        assert verify(app, legacy).state is State.FAILED

    @pytest.mark.parametrize(
        ("name", "value"),
        [("dev.wpkg.package", "acme:admin"), ("dev.wpkg.version", "1.3.0"), ("dev.wpkg.kind", "raw")],
    )
    def test_the_right_key_signed_another_package_or_version(self, app: App, name: str, value: str) -> None:
        annotations = {**app.published.annotations, name: value}
        legacy = under_tag((app.acme, claim(app, annotations=annotations).encode()))
        refused(app, legacy, Outcome.CONTRADICTION, f"signed it with {name} '{value}'")

    def test_the_signed_reference_has_the_tag_of_another_version(self, app: App) -> None:
        legacy = under_tag((app.acme, claim(app, reference="ghcr.io/acme/app:1.3.0", annotations={}).encode()))
        refused(app, legacy, Outcome.CONTRADICTION, "signed it as '1.3.0', not '1.4.0'")

    def test_identity_is_required_unless_the_rule_says_otherwise(self, app: App) -> None:
        legacy = under_tag((app.acme, claim(app, annotations={}).encode()))
        assert verify(app, legacy, require_identity=False).state is State.VERIFIED
        for required in (None, True):
            refused(app, legacy, Outcome.UNNAMED, "signed it without dev.wpkg.package", require_identity=required)

    @pytest.mark.parametrize(
        "payload",
        [
            b"",
            b"[]",
            b'{"critical":{},"critical":{}}',
            b'{"critical":{"identity":{"docker-reference":"a"},"image":{"docker-manifest-digest":"b"},"type":"atomic"}}',
        ],
    )
    def test_what_is_signed_is_no_claim(self, app: App, payload: bytes) -> None:
        refused(app, under_tag((app.acme, payload)), Outcome.CONTRADICTION, "what 'acme' signed")

    @pytest.mark.parametrize("where", ["top", "critical", "identity", "image"])
    def test_a_claim_with_a_member_that_nobody_knows(self, where: str) -> None:
        critical: dict[str, Any] = {
            "identity": {"docker-reference": "a"},
            "image": {"docker-manifest-digest": "b"},
            "type": "cosign container image signature",
        }
        document: dict[str, Any] = {"critical": critical, "optional": {}}
        assert SimpleSigning.read(dump_json(document)).digest == "b"
        {"top": document, "critical": critical, **critical}[where]["extra"] = 1
        with pytest.raises(InvalidLegacySignature, match="unknown member 'extra'"):
            SimpleSigning.read(dump_json(document))

    def test_there_are_too_many_signatures(self, app: App) -> None:
        layers = tuple(
            sign_payload(app.acme, claim(app, annotations={"n": n}).encode()) for n in range(MAX_REFERRERS + 1)
        )
        data = Manifest(Descriptor.of("config", b""), layers).encode()
        refused(app, LegacyCandidates(data, {}), Outcome.NOT_EXAMINED, f"over the limit of {MAX_REFERRERS}")

    def test_a_payload_is_too_large(self, app: App) -> None:
        layer = sign_payload(app.acme, claim(app).encode())
        large = replace(layer, size=MAX_PAYLOAD_SIZE + 1)
        legacy = LegacyCandidates(add_signature(large, None, None)[0], {})
        refused(app, legacy, Outcome.UNUSABLE, "not a signed payload of at most")

    @pytest.mark.parametrize("data", [b"", b"{}", Index(()).encode()])
    def test_something_else_is_under_the_tag(self, app: App, data: bytes) -> None:
        refused(app, LegacyCandidates(data, {}), Outcome.UNUSABLE, "what is under its .sig tag")


class TestStanding:
    def test_a_revoked_key_never_counts(self, app: App) -> None:
        rule = app.rule(signers=(Signer("acme", app.acme.public, revoked=True),), formats=BOTH)
        for evidence in (((app.signature(),), None), ((), under_tag((app.acme, claim(app).encode())))):
            found = verify_signatures(app.subject, evidence[0], rule, app.expected, evidence[1])
            assert found.state is State.FAILED
            assert [f.outcome for f in found.findings] == [Outcome.REVOKED]
            assert "'acme', whose key is revoked" in str(found.error_for("it"))

    @pytest.mark.parametrize(
        ("today", "state"),
        [(date(2027, 12, 31), State.VERIFIED), (date(2028, 1, 1), State.FAILED), (None, State.VERIFIED)],
    )
    def test_an_expired_key_makes_nothing_new_trusted(self, app: App, today: date | None, state: State) -> None:
        rule = app.rule(signers=(Signer("acme", app.acme.public, expires=date(2027, 12, 31)),))
        found = app.verify(app.signature(), rule=rule, expected=replace(app.expected, today=today))
        assert found.state is state
        if state is State.FAILED:
            assert "whose key has expired on 2027-12-31" in str(found.error_for("it"))


class TestRequired:
    def rule(self, app: App, builder: str | None = None) -> Any:
        ci = Signer("ci", app.stranger.public)
        return app.rule(required=(RequiredPredicate(SLSA_PROVENANCE, (ci,), builder),))

    def test_a_required_attestation_must_be_there_by_whom_the_rule_names_for_it(self, app: App) -> None:
        missing = app.verify(app.signature(), rule=self.rule(app))
        assert missing.state is State.FAILED
        assert f"{SLSA_PROVENANCE} is required, attested by 'ci', and is not there" in str(missing.error_for("it"))
        by_another = app.verify(app.signature(), app.attestation(app.acme), rule=self.rule(app))
        assert by_another.state is State.FAILED
        assert (
            app.verify(app.signature(), app.attestation(app.stranger), rule=self.rule(app)).state is State.VERIFIED
        )

    def test_who_attests_does_not_sign(self, app: App) -> None:
        found = app.verify(app.signature(app.stranger), app.attestation(app.stranger), rule=self.rule(app))
        assert found.state is State.FAILED
        assert "whom the rule names for attestations only" in str(found.error_for("it"))

    def test_the_builder_is_compared(self, app: App) -> None:
        said = provenance_statement(app.published, {"runDetails": {"builder": {"id": "https://local"}}})
        evidence = (app.signature(), app.signature(app.stranger, said))
        assert app.verify(*evidence, rule=self.rule(app, "https://local")).state is State.VERIFIED
        found = app.verify(*evidence, rule=self.rule(app, "https://ci"))
        assert found.state is State.FAILED
        assert "of the builder 'https://local', https://ci is required" in str(found.error_for("it"))
        without = app.verify(app.signature(), app.attestation(app.stranger), rule=self.rule(app, "https://ci"))
        assert without.state is State.FAILED

    def test_an_attestation_is_a_signature_only_where_the_rule_says_so(self, app: App) -> None:
        assert app.verify(app.attestation()).state is State.NOT_SIGNED
        rule = app.rule(accepted_attestations=(SLSA_PROVENANCE,))
        assert app.verify(app.attestation(), rule=rule).state is State.VERIFIED
        assert app.verify(app.attestation(app.stranger), rule=rule).state is State.FAILED


@pytest.mark.parametrize(
    ("repository", "good"),
    [
        ("ghcr.io/acme/app", True),
        ("GHCR.io:443/acme/app", True),
        ("ghcr.io/acme", True),
        ("ghcr.io/acme-evil/app", False),
        ("docker.io/acme/app", False),
    ],
)
def test_a_namespace_comes_from_one_place_only(repository: str, *, good: bool) -> None:
    policy = TrustPolicy(namespaces={"acme": "ghcr.io/acme"})
    policy.check_place(PackageName.parse("other:app"), repository)
    if good:
        policy.check_place(PackageName.parse("acme:app"), repository)
    else:
        with pytest.raises(WrongPlace, match="packages of 'acme' come from ghcr.io/acme only") as caught:
            policy.check_place(PackageName.parse("acme:app"), repository)
        assert caught.value.exit_code == 5


@pytest.mark.parametrize(
    "config", [b"", b"{}", b'{"history":1,"rootfs":{"diff_ids":[]}}', b'{"history":[],"rootfs":1}']
)
def test_a_config_that_cannot_be_extended_is_refused(app: App, config: bytes) -> None:
    layer = sign_payload(app.acme, b"payload")
    with pytest.raises(InvalidInput, match="config of the signatures under the .sig tag is malformed"):
        add_signature(layer, None, config)
