"""Keyless bundles, by a sigstore of our own: what counts, and in which role. What is refused: `test_keyless_threats`."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tests.fakes.sigstore.instance import ISSUER, WORKFLOW, Sigstore
from tests.unit.trust.keyless_release import ANOTHER_TAG, MANY, Release
from wpkg.oci.descriptor import Descriptor
from wpkg.trust.canonical_base64 import encode_base64
from wpkg.trust.legacy import SIGNATURE_ANNOTATION, SIMPLE_SIGNING, SimpleSigning, add_signature
from wpkg.trust.policy import RequiredPredicate, Signer
from wpkg.trust.statement import SLSA_PROVENANCE
from wpkg.trust.verification import Outcome, State
from wpkg.trust.verify import LegacyCandidates, verify_signatures

pytestmark = pytest.mark.usefixtures("no_network")


class TestAccepting:
    @pytest.mark.parametrize("version", [1, 2])
    def test_a_signature_by_the_identity_verifies(self, release: Release, version: int) -> None:
        found = release.verify(release.bundle(version=version))
        assert found.state is State.VERIFIED
        assert [(signer.name, signer.hint) for signer in found.signers] == [("release", f"{ISSUER} {WORKFLOW}")]
        (finding,) = found.findings
        assert (finding.outcome, finding.reason) == (Outcome.SIGNATURE, "a signature by 'release'")

    def test_by_a_person(self, release: Release) -> None:
        jo = release.sigstore.holder("jo@acme.example")
        found = release.verify(
            release.bundle(holder=jo), rule=release.rule(release.signer(subject="jo@acme.example"))
        )
        assert (found.state, found.signers[0].hint) == (State.VERIFIED, f"{ISSUER} jo@acme.example")

    def test_the_subject_is_recorded_and_not_the_pattern(self, release: Release) -> None:
        found = release.verify(release.bundle(), rule=release.rule(release.signer(pattern=MANY)))
        assert [signer.hint for signer in found.signers] == [f"{ISSUER} {WORKFLOW}"]

    def test_after_the_certificate_has_expired(self, release: Release) -> None:
        holder = release.sigstore.holder()
        assert release.verify(release.bundle(holder=holder, after=timedelta(minutes=9))).state is State.VERIFIED

    def test_two_of_two_are_a_key_and_an_identity(self, release: Release) -> None:
        both = release.rule(release.signer(), Signer("acme", release.app.acme.public), threshold=2)
        keyless = release.app.attach(json.dumps(release.bundle()).encode())
        assert release.app.verify(keyless, release.app.signature(), rule=both).state is State.VERIFIED
        assert release.app.verify(keyless, rule=both).state is State.FAILED

    def test_what_a_stranger_signed_keyless_takes_nothing_away(self, release: Release) -> None:
        other = release.bundle(holder=release.sigstore.holder("https://forge.example/evil"))
        assert release.verify(other, release.bundle()).state is State.VERIFIED


class TestRoles:
    def test_an_attestation_is_no_signature(self, release: Release) -> None:
        found = release.verify(release.bundle(release.provenance))
        assert (found.state, found.signers, list(found.attestations)) == (State.NOT_SIGNED, (), [SLSA_PROVENANCE])

    def test_unless_the_rule_takes_it_for_one(self, release: Release) -> None:
        rule = release.rule(accepted_attestations=(SLSA_PROVENANCE,))
        assert release.verify(release.bundle(release.provenance), rule=rule).state is State.VERIFIED

    def test_who_may_attest_may_not_sign(self, release: Release) -> None:
        required = RequiredPredicate(SLSA_PROVENANCE, (release.signer(),))
        rule = release.rule(Signer("acme", release.app.acme.public), required=(required,))
        found = release.verify(release.bundle(), release.bundle(release.provenance), rule=rule)
        assert (found.signers, found.unmet) == ((), ())
        assert any("whom the rule names for attestations only" in finding.reason for finding in found.findings)
        signed = release.app.signature()
        attested = release.app.attach(json.dumps(release.bundle(release.provenance)).encode())
        assert release.app.verify(signed, attested, rule=rule).state is State.VERIFIED
        assert release.app.verify(signed, release.app.attestation(), rule=rule).unmet

    def test_two_subjects_of_one_identity_are_one_signer(self, release: Release) -> None:
        two = [release.bundle(), release.bundle(holder=release.sigstore.holder(ANOTHER_TAG))]
        many = release.signer("many", pattern=MANY)
        key = Signer("acme", release.app.acme.public)
        found = release.verify(*two, rule=release.rule(many, key, threshold=2))
        assert (found.count, len(found.signers), found.state) == (1, 2, State.FAILED)
        assert "1 of 2 signatures count" in str(found.error_for("it"))

    def test_one_subject_of_two_identities_is_one_signer(self, release: Release) -> None:
        rule = release.rule(release.signer("many", pattern=MANY), release.signer("one"), threshold=2)
        found = release.verify(release.bundle(), release.bundle(), rule=rule)
        assert (found.count, found.state) == (1, State.FAILED)

    def test_an_identity_counts_for_each_role_that_covers_it(self, release: Release) -> None:
        required = RequiredPredicate(SLSA_PROVENANCE, (release.signer("any-tag", pattern=MANY),))
        rule = release.rule(release.signer("exact"), required=(required,))
        found = release.verify(release.bundle(), release.bundle(release.provenance), rule=rule)
        assert (found.state, found.unmet) == (State.VERIFIED, ())

    def test_an_identity_known_by_another_root_does_not_count_for_it(self, release: Release) -> None:
        other = release.signer("elsewhere", trusted_root=Sigstore().trusted_root())
        rule = release.rule(release.signer(), required=(RequiredPredicate(SLSA_PROVENANCE, (other,)),))
        found = release.verify(release.bundle(), release.bundle(release.provenance), rule=rule)
        assert found.unmet == (f"{SLSA_PROVENANCE} is required, attested by 'elsewhere', and is not there",)

    def test_the_root_that_vouches_is_found_among_several(self, release: Release) -> None:
        first = release.signer("elsewhere", pattern=MANY, trusted_root=Sigstore().trusted_root())
        found = release.verify(release.bundle(), rule=release.rule(first, release.signer()))
        assert [signer.name for signer in found.signers] == ["release"]


def test_a_keyless_signature_under_the_sig_tag_is_refused(release: Release) -> None:
    app = release.app
    payload = SimpleSigning("ghcr.io/acme/app", str(app.subject.digest)).encode()
    annotations = {
        SIGNATURE_ANNOTATION: encode_base64(app.stranger.sign(payload)),
        "dev.sigstore.cosign/certificate": "-----BEGIN CERTIFICATE-----",
    }
    layer = Descriptor.of(SIMPLE_SIGNING, payload, annotations)
    manifest, _ = add_signature(layer, None, None)
    rule = release.rule(formats=("bundle", "legacy"))
    found = verify_signatures(
        app.subject, [], rule, app.expected, LegacyCandidates(manifest, {layer.digest: payload})
    )
    assert [finding.reason for finding in found.findings] == ["it is keyless, which counts as a bundle only"]
    assert found.state is State.FAILED
