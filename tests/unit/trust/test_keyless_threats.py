"""Keyless bundles by the right identity and for the right artifact, but for one thing, which is enough."""

from __future__ import annotations

import base64
import copy
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from msgspec.structs import replace

from tests.fakes.sigstore.authority import usages
from tests.fakes.sigstore.clock import Clock
from tests.fakes.sigstore.instance import ISSUER, WORKFLOW, Sigstore
from tests.fakes.sigstore.rekor import Rekor, text
from tests.unit.trust.keyless_release import ANOTHER_TAG, MANY, Release
from wpkg.trust.bundle import Bundle
from wpkg.trust.keyless import NotBySigner, find_identity
from wpkg.trust.sigstore_verifier import NotVouchedFor, verify_envelope
from wpkg.trust.verification import Outcome, State, Verification

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.trust.conftest import App

pytestmark = pytest.mark.usefixtures("no_network")

LATE = timedelta(minutes=11)  # a certificate lives ten
CODE_SIGNING = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])


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

    def test_a_certificate_of_neither_root(self, release: Release) -> None:
        other = release.signer("elsewhere", pattern=MANY, trusted_root=Sigstore().trusted_root())
        stranger = Sigstore().sign(release.app.statement.encode())
        found = release.verify(stranger, rule=release.rule(release.signer(), other, release.signer("again")))
        self.refused(found, Outcome.UNUSABLE, "its signature is not by 'release', whom it names: failed")
        assert found.findings[0].reason.count("whom it names") == 2
        assert "and its signature is not by 'elsewhere', whom it names" in found.findings[0].reason

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

    @pytest.mark.parametrize(
        "uses",
        [
            pytest.param((), id="none"),
            pytest.param((usages(certifies=True), CODE_SIGNING), id="no signatures"),
            pytest.param((usages(signs=True),), id="no purpose"),
            pytest.param(
                (usages(signs=True), x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])), id="servers"
            ),
        ],
    )
    def test_a_certificate_for_another_use(self, release: Release, uses: tuple[x509.ExtensionType, ...]) -> None:
        for version in (1, 2):
            found = release.verify(release.bundle(version=version, holder=release.sigstore.holder(uses=uses)))
            self.refused(found, Outcome.UNUSABLE, "its signature is not by 'release', whom it names")

    @pytest.mark.parametrize(
        "seconds", ["253402300800", "9223372036854775807", "9223372036854775808", "99999999999999999"]
    )
    def test_a_time_that_is_none(self, release: Release, seconds: str) -> None:
        bundle = release.bundle()
        put(f"{ENTRY}/integratedTime", seconds)(bundle)
        self.refused(release.verify(bundle), Outcome.UNUSABLE, "its signature is not by 'release', whom it names")

    def test_a_serial_number_that_cryptography_advises_against(self, release: Release) -> None:
        bundle = release.bundle()
        raw = bytearray(base64.b64decode(bundle["verificationMaterial"]["certificate"]["rawBytes"]))
        serial = raw.index(b"\xa0\x03\x02\x01\x02\x02") + 7  # version 3, then an INTEGER
        raw[serial] = 0x81  # whatever follows, DER has no shorter form for it
        put("verificationMaterial/certificate/rawBytes", text(bytes(raw)))(bundle)
        self.refused(release.verify(bundle), Outcome.UNUSABLE, "its signature is not by 'release', whom it names")

    def test_bytes_that_are_no_certificate(self, release: Release) -> None:
        bundle = release.bundle()
        put("verificationMaterial/certificate/rawBytes", "AAAA")(bundle)
        self.refused(release.verify(bundle), Outcome.UNUSABLE, "its certificate is malformed")

    def test_another_certificate_than_was_read(self, release: Release) -> None:
        document = json.dumps(release.bundle()).encode()
        mine, read = (Bundle.read(data).certificate for data in (document, json.dumps(release.bundle()).encode()))
        root = release.sigstore.trusted_root()
        assert read is not None
        assert mine is not None
        assert verify_envelope(document, mine, root)[1] == release.app.statement.encode()
        with pytest.raises(NotVouchedFor, match="the certificate is another one than was read"):
            verify_envelope(document, read, root)

    def test_another_envelope_than_was_read(self, release: Release) -> None:
        bundle = Bundle.read(json.dumps(release.bundle()).encode())
        assert bundle.certificate is not None
        assert find_identity(bundle, bundle.certificate, release.rule()).name == "release"
        other = replace(bundle, envelope=replace(bundle.envelope, payload=b"{}"))
        with pytest.raises(NotBySigner, match="its envelope can be read in two ways"):
            find_identity(other, bundle.certificate, release.rule())

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
