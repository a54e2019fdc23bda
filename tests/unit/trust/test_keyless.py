"""Keyless bundles, by a sigstore of our own: what counts, for whom, and what does not."""

from __future__ import annotations

import base64
import copy
import json
import socket
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.fakes.sigstore.clock import Clock
from tests.fakes.sigstore.instance import ISSUER, WORKFLOW, Sigstore
from tests.fakes.sigstore.rekor import Rekor, text
from wpkg.oci.descriptor import Descriptor
from wpkg.trust.canonical_base64 import encode_base64
from wpkg.trust.identity import Identity
from wpkg.trust.legacy import SIGNATURE_ANNOTATION, SIMPLE_SIGNING, SimpleSigning, add_signature
from wpkg.trust.policy import RequiredPredicate, Rule, Signer
from wpkg.trust.statement import SLSA_PROVENANCE, provenance_statement
from wpkg.trust.verification import Outcome, State, Verification
from wpkg.trust.verify import LegacyCandidates, verify_signatures

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.trust.conftest import App

MANY = r"https://forge\.example/acme/app/\.github/workflows/release\.yml@refs/tags/v1\..*"
ANOTHER_TAG = WORKFLOW.replace("v1.4.0", "v1.3.9")
LATE = timedelta(minutes=11)  # a certificate lives ten


@dataclass(frozen=True)
class Release:
    """The workflow that releases acme:app, whom a rule calls 'release'."""

    app: App
    sigstore: Sigstore

    def signer(self, name: str = "release", *, pattern: str | None = None, **changes: Any) -> Signer:
        members = {
            "issuer": ISSUER,
            "subject": None if pattern else WORKFLOW,
            "pattern": pattern,
            "trusted_root": self.sigstore.trusted_root(),
        }
        return Signer(name, Identity(**{**members, **changes}))

    def rule(self, *signers: Signer, **members: Any) -> Rule:
        return Rule("ghcr.io/acme/**", signers or (self.signer(),), **members)

    def bundle(self, payload: bytes | None = None, **how: Any) -> dict[str, Any]:
        return self.sigstore.sign(self.app.statement.encode() if payload is None else payload, **how)

    def verify(self, *bundles: dict[str, Any], rule: Rule | None = None) -> Verification:
        candidates = [self.app.attach(json.dumps(bundle).encode()) for bundle in bundles]
        return self.app.verify(*candidates, rule=rule or self.rule())

    @property
    def provenance(self) -> bytes:
        return provenance_statement(self.app.published, {"made": "up"}).encode()


@pytest.fixture(scope="session")
def release(app: App) -> Release:
    return Release(app, Sigstore())


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("verification looks something up")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


class TestAccepting:
    @pytest.mark.parametrize("version", [1, 2])
    def test_a_signature_by_the_identity_verifies(self, release: Release, version: int) -> None:
        found = release.verify(release.bundle(version=version))
        assert found.state is State.VERIFIED
        assert [(signer.name, signer.hint) for signer in found.signers] == [("release", f"{ISSUER} {WORKFLOW}")]
        (finding,) = found.findings
        assert (finding.outcome, finding.reason) == (Outcome.SIGNATURE, "a signature by 'release'")

    def test_by_a_person(self, release: Release) -> None:
        mallory = release.sigstore.holder("jo@acme.example")
        found = release.verify(
            release.bundle(holder=mallory), rule=release.rule(release.signer(subject="jo@acme.example"))
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


def at(path: str, change: Callable[[Any], Any]) -> Callable[[dict[str, Any]], None]:
    """A change of the member of a bundle at 'a/b/0'."""

    def apply(bundle: dict[str, Any]) -> None:
        where: Any = bundle
        *parents, last = [int(step) if step.isdigit() else step for step in path.split("/")]
        for step in parents:
            where = where[step]
        where[last] = change(where[last])

    return apply


def put(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return at(path, lambda _: value)


ENTRY = "verificationMaterial/tlogEntries/0"
STAMP = "verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp"


class TestRefusing:
    """Each is signed by the right identity and for the right artifact, but for one thing."""

    @staticmethod
    def refused(found: Verification, outcome: Outcome, reason: str) -> None:
        (finding,) = found.findings
        assert (finding.outcome, found.state, found.signers) == (outcome, State.FAILED, ()), finding
        assert reason in finding.reason

    @pytest.mark.parametrize(
        "holder",
        [
            pytest.param({"subject": ANOTHER_TAG}, id="another subject"),
            pytest.param({"subject": WORKFLOW + "1"}, id="a longer subject"),
            pytest.param({"issuer": "https://token.evil.example"}, id="another issuer"),
            pytest.param({"issuer": ISSUER + "/"}, id="an issuer with a slash"),
        ],
    )
    def test_another_identity(self, release: Release, holder: dict[str, str]) -> None:
        found = release.verify(release.bundle(holder=release.sigstore.holder(**holder)))
        self.refused(
            found, Outcome.UNKNOWN_SIGNER, f"its certificate is for '{holder.get('subject', WORKFLOW)}' of"
        )

    @pytest.mark.parametrize(
        "subject",
        [
            f"https://evil.example/?{WORKFLOW}",
            WORKFLOW.replace("forge.example", "forge_example"),
            "https://forge.example/acme/app/.github/workflows/release.yml@refs/tags/v1.",
        ],
    )
    @pytest.mark.parametrize("pattern", [MANY[:-2] + r"\d+\.\d+", f"^{MANY[:-2]}[0-9.]+$"])
    def test_a_pattern_is_for_the_whole_subject(self, release: Release, pattern: str, subject: str) -> None:
        rule = release.rule(release.signer(pattern=pattern))
        assert release.verify(release.bundle(), rule=rule).state is State.VERIFIED
        for other in (subject, WORKFLOW + "/evil"):
            found = release.verify(release.bundle(holder=release.sigstore.holder(other)), rule=rule)
            self.refused(found, Outcome.UNKNOWN_SIGNER, "whom the rule does not name")

    def test_alternatives_of_a_pattern_are_anchored_both(self, release: Release) -> None:
        rule = release.rule(release.signer(pattern="https://a.example/x|https://b.example/y"))
        for subject in ("https://a.example/x/evil", "https://evil.example/?https://b.example/y"):
            found = release.verify(release.bundle(holder=release.sigstore.holder(subject)), rule=rule)
            self.refused(found, Outcome.UNKNOWN_SIGNER, "whom the rule does not name")

    @pytest.mark.parametrize("version", [1, 2])
    def test_an_expired_certificate(self, release: Release, version: int) -> None:
        self.refused(release.verify(release.bundle(version=version, after=LATE)), Outcome.UNUSABLE, "chain")
        early = release.bundle(version=version, after=-timedelta(minutes=1))
        self.refused(release.verify(early), Outcome.UNUSABLE, "its signature is not by 'release', whom it names")

    def test_a_certificate_of_another_root(self, release: Release) -> None:
        stranger = Sigstore()
        found = release.verify(stranger.sign(release.app.statement.encode()))
        self.refused(found, Outcome.UNUSABLE, "its signature is not by 'release', whom it names: failed to build")

    def test_a_certificate_of_another_root_with_the_logs_of_this_one(self, release: Release) -> None:
        mine = release.sigstore
        impostor = Sigstore(certificates=mine.certificates, log=mine.log, clock=mine.clock)
        for version in (1, 2):
            found = release.verify(impostor.sign(release.app.statement.encode(), version=version))
            self.refused(found, Outcome.UNUSABLE, "failed to build")

    @pytest.mark.parametrize(
        "other",
        [
            pytest.param({"log": Rekor()}, id="another log"),
            pytest.param({"certificates": Sigstore().certificates}, id="another certificate log"),
        ],
    )
    def test_what_another_log_has_seen(self, release: Release, other: dict[str, Any]) -> None:
        mine = release.sigstore
        elsewhere = Sigstore(
            **{"root": mine.root, "certificates": mine.certificates, "log": mine.log, "clock": mine.clock, **other}
        )
        elsewhere.authority = mine.authority
        for version in (1, 2):
            found = release.verify(elsewhere.sign(release.app.statement.encode(), version=version))
            self.refused(found, Outcome.UNUSABLE, "its signature is not by 'release', whom it names")

    def test_what_another_clock_has_stamped(self, release: Release) -> None:
        bundle = release.bundle(version=2)
        signature = base64.b64decode(bundle["dsseEnvelope"]["signatures"][0]["sig"])
        for clock, message in ((Clock(), signature), (release.sigstore.clock, b"something else")):
            stamped = copy.deepcopy(bundle)
            put(STAMP, text(clock.stamp(message, release.sigstore.holder().at)))(stamped)
            self.refused(release.verify(stamped), Outcome.UNUSABLE, "not enough sources of verified time")

    def test_a_certificate_that_no_log_has_seen(self, release: Release) -> None:
        self.refused(release.verify(release.bundle(seen=False)), Outcome.UNUSABLE, "SCT")

    @pytest.mark.parametrize("version", [1, 2])
    def test_another_payload(self, release: Release, version: int, another_app: App) -> None:
        bundle = release.bundle(another_app.statement.encode(), version=version)
        self.refused(release.verify(bundle), Outcome.CONTRADICTION, "'release' signed another artifact with it")
        put("dsseEnvelope/payload", text(release.app.statement.encode()))(bundle)
        self.refused(release.verify(bundle), Outcome.UNUSABLE, "DSSE: invalid signature")

    @pytest.mark.parametrize("version", [1, 2])
    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            pytest.param(put("verificationMaterial/tlogEntries", []), "one log entry", id="no entry"),
            pytest.param(at("verificationMaterial", lambda m: {**m, "tlogEntries": m["tlogEntries"] * 2}), "one log entry", id="two entries"),
            pytest.param(put(f"{ENTRY}/inclusionProof", None), "inclusionProof", id="no proof"),
            pytest.param(put(f"{ENTRY}/inclusionProof/checkpoint", None), "checkpoint", id="no checkpoint"),
            pytest.param(put(f"{ENTRY}/inclusionProof/logIndex", "2"), "proof", id="another index"),
            pytest.param(put(f"{ENTRY}/inclusionProof/hashes/0", text(bytes(32))), "root hash", id="another path"),
            pytest.param(at(f"{ENTRY}/inclusionProof/checkpoint/envelope", lambda t: t.replace(" - 1\n", " - 2\n")), "checkpoint", id="another checkpoint"),
            pytest.param(put(f"{ENTRY}/canonicalizedBody", text(b"{}")), "root hash", id="another entry"),
            pytest.param(put(f"{ENTRY}/kindVersion/kind", "intoto"), "nsupported", id="an unknown kind"),
            pytest.param(put("dsseEnvelope/signatures/0/sig", "AAAA"), "its signature is not by 'release'", id="another signature"),
        ],
    )  # fmt: skip
    def test_a_log_entry_that_is_not(
        self, release: Release, version: int, change: Callable[[dict[str, Any]], None], reason: str
    ) -> None:
        bundle = release.bundle(version=version)
        change(bundle)
        found = release.verify(bundle)
        if version == 1 and "nsupported" in reason:
            reason = "Integrated time only supported"
        self.refused(found, Outcome.UNUSABLE, reason)

    def test_an_entry_of_something_else_that_was_signed(self, release: Release, another_app: App) -> None:
        for version in (1, 2):
            bundle, other = (
                release.bundle(payload, version=version, holder=holder)
                for holder in [release.sigstore.holder()]
                for payload in (release.app.statement.encode(), another_app.statement.encode())
            )
            bundle["verificationMaterial"]["tlogEntries"] = other["verificationMaterial"]["tlogEntries"]
            self.refused(release.verify(bundle), Outcome.UNUSABLE, "its signature is not by 'release'")

    def test_a_time_that_nobody_promised(self, release: Release) -> None:
        bundle = release.bundle(after=LATE)
        seconds = str(int(release.sigstore.holder().at.timestamp()) + 60)
        put(f"{ENTRY}/integratedTime", seconds)(bundle)
        self.refused(release.verify(bundle), Outcome.UNUSABLE, "SET: invalid inclusion promise")
        put(f"{ENTRY}/inclusionPromise", None)(bundle)
        self.refused(release.verify(bundle), Outcome.UNUSABLE, "inclusion promise or signed timestamp")

    @pytest.mark.parametrize(
        ("holder", "reason"),
        [
            pytest.param({"extra_names": (x509.UniformResourceIdentifier("https://evil.example"),)}, "2 names where a subject", id="two subjects"),
            pytest.param({"extra_names": (x509.DNSName("evil.example"),)}, "neither a URI nor an e-mail", id="a host name"),
            pytest.param({"old_issuer": "https://evil.example"}, "2 names where an issuer", id="two issuers"),
            pytest.param({"subject": "https://a.example/\x1b[2J"}, "a subject that is none", id="an escape sequence"),
            pytest.param({"subject": "https://a.example/ b"}, "a subject that is none", id="white space"),
            pytest.param({"subject": "https://a.example/" + "b" * 2000}, "a subject that is none", id="a novel"),
            pytest.param({"issuer": "https://a.example\n"}, "an issuer that is none", id="an issuer with a line feed"),
            pytest.param({"certified": rsa.generate_private_key(65537, 2048).public_key()}, "another kind than ECDSA", id="an RSA key"),
        ],
    )  # fmt: skip
    def test_a_certificate_that_says_it_in_two_ways(
        self, release: Release, holder: dict[str, Any], reason: str
    ) -> None:
        who = release.sigstore.holder(**holder)
        self.refused(release.verify(release.bundle(holder=who)), Outcome.UNUSABLE, reason)

    def test_bytes_that_are_no_certificate(self, release: Release) -> None:
        bundle = release.bundle()
        put("verificationMaterial/certificate/rawBytes", "AAAA")(bundle)
        self.refused(release.verify(bundle), Outcome.UNUSABLE, "its certificate is malformed")

    def test_a_rule_without_identities(self, release: Release) -> None:
        found = release.verify(release.bundle(), rule=release.app.rule())
        self.refused(
            found, Outcome.UNKNOWN_SIGNER, "it is keyless (signed with a certificate), and the rule names"
        )

    @pytest.mark.parametrize("members", [{"tlogs": []}, {"ctlogs": 1}, {"certificateAuthorities": []}, {"x": 1}])
    def test_a_root_that_cannot_be_used(self, release: Release, members: dict[str, Any]) -> None:
        root = release.sigstore.trusted_root(**members)
        found = release.verify(release.bundle(), rule=release.rule(release.signer(trusted_root=root)))
        self.refused(found, Outcome.UNUSABLE, "the trusted root of 'release' cannot be used: ")


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
