"""What verification accepts, and what it reports about it. What it refuses is in `test_threats`."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from wpkg.errors import RegistryError
from wpkg.names.package_name import PackageName
from wpkg.names.version import Version
from wpkg.oci.artifact import PackageRecord
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import Digest
from wpkg.oci.manifest import IMAGE_INDEX, IMAGE_MANIFEST, Index, Manifest, read_manifest
from wpkg.oci.referrers import build_referrer
from wpkg.trust.expected import Expected
from wpkg.trust.keys import PublicKey
from wpkg.trust.policy import Rule, Signer, TrustPolicy
from wpkg.trust.statement import COSIGN_SIGN, SLSA_PROVENANCE, Statement, Subject
from wpkg.trust.verification import Outcome, State
from wpkg.trust.verify import Candidate, bundle_layer, verify_signatures

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.trust.conftest import App


class TestAccepting:
    def test_a_signature_by_a_key_of_the_rule_verifies(self, app: App) -> None:
        found = app.verify(app.signature())
        assert found.state is State.VERIFIED
        assert [(signer.name, signer.hint) for signer in found.signers] == [("acme", app.acme.public.hint)]
        assert [(finding.outcome, finding.signer) for finding in found.findings] == [
            (Outcome.SIGNATURE, app.acme.public.hint)
        ]

    def test_an_artifact_type_from_the_index_is_not_looked_at(self, app: App) -> None:
        good = app.signature()
        for artifact_type in (None, "application/vnd.oci.empty.v1+json", "text/html"):
            listed = replace(good, descriptor=replace(good.descriptor, artifact_type=artifact_type))
            assert app.verify(listed).state is State.VERIFIED

    def test_a_good_signature_counts_among_bad_ones(self, app: App) -> None:
        good, bad = app.signature(), app.signature(app.stranger)
        broken = replace(app.attestation(), bundle=b"garbage")
        for order in permutations([good, bad, broken]):
            assert app.verify(*order).state is State.VERIFIED

    def test_the_order_of_candidates_does_not_matter(self, app: App) -> None:
        candidates = [app.signature(), app.signature(app.stranger), app.attestation()]
        rule = app.rule("acme", "stranger")
        found = {repr(app.verify(*order, rule=rule)) for order in permutations(candidates)}
        assert len(found) == 1
        assert [signer.hint for signer in app.verify(*candidates, rule=rule).signers] == sorted(
            [app.acme.public.hint, app.stranger.public.hint]
        )

    def test_a_threshold_of_two_is_met_by_two_keys(self, app: App) -> None:
        found = app.verify(
            app.signature(), app.signature(app.stranger), rule=app.rule("acme", "stranger", threshold=2)
        )
        assert found.state is State.VERIFIED

    def test_a_hint_that_names_another_key_does_not_matter(self, app: App) -> None:
        for hint in ({"hint": app.stranger.public.hint}, {"hint": "nonsense"}, {}):
            candidate = app.signed(app.statement.encode(), verificationMaterial={"publicKey": hint})
            assert app.verify(candidate, rule=app.rule("stranger", "acme")).state is State.VERIFIED

    def test_a_statement_that_names_no_package_verifies_where_the_config_does(self, app: App) -> None:
        """The config is signed with the manifest: what it says is as good as what the statement says."""
        statement = Statement((Subject({"sha256": app.subject.digest.encoded}),), COSIGN_SIGN)
        record = PackageRecord(PackageName.parse("acme:app"), Version.parse("1.4.0"), "composed")
        expected = replace(app.expected, record=record)
        for rule in (app.rule(), app.rule(require_identity=True)):
            assert (
                app.verify(app.signature(statement=statement), rule=rule, expected=expected).state
                is State.VERIFIED
            )

    def test_a_statement_that_names_no_package_verifies_where_nobody_asks_for_one(self, app: App) -> None:
        statement = Statement((Subject({"sha256": app.subject.digest.encoded}),), COSIGN_SIGN)
        signature = app.signature(statement=statement)
        assert app.verify(signature, expected=Expected()).state is State.VERIFIED
        assert app.verify(signature, rule=app.rule(require_identity=False)).state is State.VERIFIED

    def test_an_attestation_that_is_taken_for_a_signature_need_not_name_a_package(self, app: App) -> None:
        """Builders put none into it; who wants one all the same can say so."""
        statement = Statement((Subject({"sha256": app.subject.digest.encoded}),), SLSA_PROVENANCE)
        taken = {"accepted_attestations": (SLSA_PROVENANCE,)}
        signature = app.signature(statement=statement)
        assert app.verify(signature, rule=app.rule(**taken)).state is State.VERIFIED
        found = app.verify(signature, rule=app.rule(**taken, require_identity=True))
        assert (found.state, found.findings[0].outcome) == (State.FAILED, Outcome.UNNAMED)

    def test_subjects_of_other_files_do_not_matter(self, app: App) -> None:
        others = (Subject({"sha256": "00" * 32}, "sbom.json"), Subject({"sha256": "00" * 32}))
        statement = replace(app.statement, subjects=(*others, *app.statement.subjects))
        assert app.verify(app.signature(statement=statement)).state is State.VERIFIED

    def test_the_artifact_may_be_called_like_its_file(self, app: App) -> None:
        statement = replace(app.statement, subjects=(replace(app.statement.subjects[0], name="app.wasm"),))
        assert app.verify(app.signature(statement=statement)).state is State.VERIFIED

    def test_what_was_not_asked_for_is_not_checked(self, another_app: App) -> None:
        assert another_app.verify(another_app.signature(), expected=Expected()).state is State.VERIFIED

    def test_the_same_candidate_listed_twice_is_one_finding(self, app: App) -> None:
        assert len(app.verify(app.signature(), app.signature()).findings) == 1


class TestAttestations:
    def test_are_collected_by_predicate_type_with_statement_and_signer(self, app: App) -> None:
        candidate = app.attestation()
        found = app.verify(app.signature(), candidate)
        assert list(found.attestations) == [SLSA_PROVENANCE]
        (attestation,) = found.attestations[SLSA_PROVENANCE]
        assert attestation.signer.name == "acme"
        assert attestation.referrer == candidate.descriptor.digest
        assert attestation.statement.predicate == {"made": "up"}

    def test_listed_twice_are_collected_once_and_sorted(self, app: App) -> None:
        other = app.signature(statement=replace(app.statement, predicate_type=SLSA_PROVENANCE))
        found = app.verify(app.attestation(), other, app.attestation())
        referrers = [attestation.referrer for attestation in found.attestations[SLSA_PROVENANCE]]
        assert referrers == sorted([app.attestation().descriptor.digest, other.descriptor.digest])

    def test_by_a_stranger_are_not_collected(self, app: App) -> None:
        assert app.verify(app.signature(), app.attestation(app.stranger)).attestations == {}

    def test_a_signature_is_no_attestation(self, app: App) -> None:
        assert app.verify(app.signature()).attestations == {}


class TestWhatCosignWrote:
    """The files of `data`; see its README for the commands."""

    @pytest.fixture
    def subject(self, data: Path) -> Descriptor:
        return Descriptor.of(IMAGE_MANIFEST, (data / "artifact.manifest.json").read_bytes())

    @pytest.fixture
    def expected(self, data: Path) -> Expected:
        manifest = read_manifest((data / "artifact.manifest.json").read_bytes())
        assert isinstance(manifest, Manifest)
        return Expected(PackageName.parse("acme:app"), Version.parse("1.4.0"), "composed", manifest.layers[0])

    @staticmethod
    def candidate(data: Path, name: str) -> Candidate:
        manifest = (data / f"{name}.referrer.json").read_bytes()
        return Candidate(
            Descriptor.of(IMAGE_MANIFEST, manifest), manifest, (data / f"{name}.bundle.json").read_bytes()
        )

    @staticmethod
    def rule(data: Path, key: str) -> Rule:
        return TrustPolicy.of_keys({key: PublicKey.from_pem((data / f"{key}.pub").read_bytes())}).rule_for("a/b")

    @pytest.mark.parametrize(
        ("name", "key"),
        [
            ("cosign-v3.1.2-sign", "cosign-v3.1.2"),
            ("cosign-v3.1.2-sign-rsa", "openssl-rsa-2048"),
            ("cosign-v2.6.4-sign", "cosign-v2.6.4"),
        ],
    )
    def test_a_signature_verifies(
        self, name: str, key: str, data: Path, subject: Descriptor, expected: Expected
    ) -> None:
        record = PackageRecord(PackageName.parse("acme:app"), Version.parse("1.4.0"), "composed")
        candidates, rule = [self.candidate(data, name)], self.rule(data, key)
        found = verify_signatures(subject, candidates, rule, replace(expected, record=record))
        assert found.state is State.VERIFIED
        foreign = verify_signatures(subject, candidates, rule, expected)
        assert (foreign.state, foreign.findings[0].outcome) == (State.FAILED, Outcome.UNNAMED)

    def test_an_attestation_of_statement_v0_1_is_read(
        self, data: Path, subject: Descriptor, expected: Expected
    ) -> None:
        candidate = self.candidate(data, "cosign-v3.1.2-attest")
        found = verify_signatures(subject, [candidate], self.rule(data, "cosign-v3.1.2"), expected)
        assert found.state is State.NOT_SIGNED
        assert list(found.attestations) == [SLSA_PROVENANCE]

    def test_an_annotation_given_to_cosign_sign_is_compared(self, data: Path, subject: Descriptor) -> None:
        candidate, rule = self.candidate(data, "cosign-v3.1.2-sign"), self.rule(data, "cosign-v3.1.2")
        expected = Expected(version=Version.parse("1.4.1"))
        assert verify_signatures(subject, [candidate], rule, expected).state is State.FAILED

    def test_the_key_of_the_other_version_does_not_verify(
        self, data: Path, subject: Descriptor, expected: Expected
    ) -> None:
        candidate = self.candidate(data, "cosign-v3.1.2-sign")
        found = verify_signatures(subject, [candidate], self.rule(data, "cosign-v2.6.4"), expected)
        assert found.state is State.FAILED


class TestCandidatesThatAreNoBundles:
    def test_are_unrelated_and_leave_an_artifact_unsigned(self, app: App) -> None:
        sbom = build_referrer(app.subject, "text/sbom", Descriptor.of("text/sbom", b"{}"), {}).encode()
        two = Manifest(
            app.subject, (Descriptor.of("application/vnd.dev.sigstore.bundle.v0.3+json", b"{}"),) * 2, app.subject
        ).encode()
        index = Index(()).encode()
        found = app.verify(
            Candidate(Descriptor.of(IMAGE_MANIFEST, sbom), sbom),
            Candidate(Descriptor.of(IMAGE_MANIFEST, two), two),
            Candidate(Descriptor.of(IMAGE_INDEX, index), index),
        )
        assert found.state is State.NOT_SIGNED
        assert [finding.outcome for finding in found.findings] == [Outcome.UNRELATED] * 3

    def test_are_not_fetched(self, app: App) -> None:
        good = app.signature()
        assert isinstance(good.manifest, bytes)
        assert isinstance(good.bundle, bytes)
        assert bundle_layer(app.subject, good.descriptor, good.manifest) == Descriptor.of(
            "application/vnd.dev.sigstore.bundle.v0.3+json", good.bundle
        )
        assert bundle_layer(app.subject, good.descriptor, good.manifest + b" ") is None
        assert bundle_layer(app.layer, good.descriptor, good.manifest) is None
        sbom = build_referrer(app.subject, "text/sbom", Descriptor.of("text/sbom", b"{}"), {}).encode()
        assert bundle_layer(app.subject, Descriptor.of(IMAGE_MANIFEST, sbom), sbom) is None


class TestReasons:
    def test_a_failed_fetch_is_told_with_its_error(self, app: App) -> None:
        good = app.signature()
        for candidate in (
            replace(good, manifest=RegistryError("the registry said 503")),
            replace(good, bundle=RegistryError("the registry said 503")),
        ):
            found = app.verify(candidate)
            assert found.state is State.FAILED
            assert "could not be fetched: the registry said 503" in found.findings[0].reason

    def test_a_bundle_that_nobody_fetched_could_not_be_fetched(self, app: App) -> None:
        found = app.verify(replace(app.signature(), bundle=None))
        assert found.findings[0].reason == "its bundle could not be fetched"

    def test_keyless_bundles_are_recognised(self, app: App) -> None:
        candidate = app.signed(app.statement.encode(), verificationMaterial={"certificate": {"rawBytes": "AAAA"}})
        (finding,) = app.verify(candidate).findings
        assert finding.outcome is Outcome.UNKNOWN_SIGNER
        assert finding.reason == "it is keyless (signed with a certificate), and the rule names no identity"

    def test_findings_are_sorted(self, app: App) -> None:
        statements = [replace(app.statement, predicate={"n": n}) for n in range(10)]
        found = app.verify(*(app.signature(app.stranger, statement) for statement in statements))
        assert len(found.findings) == 10
        assert list(found.findings) == sorted(found.findings, key=lambda finding: str(finding.referrer))

    def test_signers_are_named_as_the_policy_names_them(self, app: App, another_app: App) -> None:
        rule = Rule("**", (Signer("Zoë", app.acme.public),))
        found = app.verify(app.signature(statement=another_app.statement), rule=rule)
        assert found.findings[0].reason == "'Zoë' signed another artifact with it"


def test_no_candidates_and_no_signers_is_not_signed(app: App) -> None:
    assert app.verify().state is State.NOT_SIGNED
    assert app.verify(rule=Rule("a/b")).state is State.NOT_SIGNED


def test_a_threshold_below_one_does_not_verify_an_unsigned_artifact(app: App) -> None:
    assert app.verify(rule=app.rule(threshold=0)).state is State.NOT_SIGNED


def test_an_artifact_of_another_digest_algorithm_is_not_examined(app: App) -> None:
    subject = replace(app.subject, digest=Digest.of(b"x", "sha512"))
    found = verify_signatures(subject, [app.signature()], app.rule(), app.expected)
    assert found.state is State.FAILED
    assert found.findings[0].outcome is Outcome.NOT_EXAMINED


def test_signers_of_a_rule_may_be_of_every_kind(app: App, data: Path) -> None:
    other = PublicKey.from_pem((data / "openssl-rsa-2048.pub").read_bytes())
    rule = Rule("**", (Signer("rsa", other), Signer("acme", app.acme.public)))
    assert app.verify(app.signature(), rule=rule).state is State.VERIFIED
