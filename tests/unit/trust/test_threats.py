"""Attacks on verification. The attacker writes to the registry: every digest and size of theirs fits."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from wpkg.errors import WpkgError
from wpkg.names.package_name import PackageName
from wpkg.names.version import Version
from wpkg.oci.artifact import PackageRecord
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.manifest import IMAGE_MANIFEST, MAX_MANIFEST_SIZE, Index
from wpkg.oci.referrers import MAX_REFERRERS
from wpkg.trust.bundle import MAX_BUNDLE_SIZE, Bundle, build_bundle_referrer, sign_statement
from wpkg.trust.expected import Expected
from wpkg.trust.statement import COSIGN_SIGN, Statement, Subject
from wpkg.trust.verification import Outcome, State
from wpkg.trust.verify import Candidate

if TYPE_CHECKING:
    from tests.unit.trust.conftest import App


def refused(app: App, candidate: Candidate, outcome: Outcome, reason: str, **given_: Any) -> None:
    """The candidate does not count, for this reason."""
    found = app.verify(candidate, **given_)
    assert found.state is not State.VERIFIED
    assert found.signers == ()
    assert found.attestations == {}
    (finding,) = found.findings
    assert (finding.outcome, reason in finding.reason) == (outcome, True), finding.reason


class TestReplay:
    def test_a_signature_of_another_artifact_does_not_count(self, app: App, another_app: App) -> None:
        bundle = sign_statement(app.acme, another_app.statement)
        refused(app, app.attach(bundle), Outcome.CONTRADICTION, "'acme' signed another artifact with it")

    def test_a_referrer_of_another_artifact_does_not_count(self, app: App, another_app: App) -> None:
        candidate = app.attach(sign_statement(app.acme, app.statement), another_app.subject)
        refused(app, candidate, Outcome.UNUSABLE, "its manifest refers to another artifact")

    def test_a_manifest_without_subject_does_not_count(self, app: App) -> None:
        bundle = sign_statement(app.acme, app.statement)
        manifest = replace(build_bundle_referrer(app.subject, bundle, COSIGN_SIGN), subject=None).encode()
        candidate = Candidate(Descriptor.of(IMAGE_MANIFEST, manifest), manifest, bundle)
        refused(app, candidate, Outcome.UNUSABLE, "refers to another artifact")

    def test_a_digest_under_another_algorithm_does_not_count(self, app: App) -> None:
        statement = Statement((Subject({"sha512": app.subject.digest.encoded}),), COSIGN_SIGN)
        refused(app, app.signature(statement=statement), Outcome.CONTRADICTION, "another artifact")

    def test_the_component_alone_is_not_the_artifact(self, app: App) -> None:
        statement = replace(app.statement, subjects=app.statement.subjects[1:])
        refused(app, app.signature(statement=statement), Outcome.CONTRADICTION, "another artifact")


class TestStrangers:
    def test_a_strangers_signature_does_not_count(self, app: App) -> None:
        reason = "signed by a key that the rule does not name"
        refused(app, app.signature(app.stranger), Outcome.UNKNOWN_SIGNER, reason)

    def test_a_stranger_who_names_a_trusted_key_does_not_count(self, app: App) -> None:
        envelope = Bundle.read(sign_statement(app.stranger, app.statement)).envelope
        candidate = app.attach(Bundle(envelope, app.acme.public.hint).encode())
        refused(app, candidate, Outcome.UNUSABLE, "its signature is not by 'acme', whom it names")

    def test_a_key_inside_the_bundle_is_not_used(self, app: App) -> None:
        candidate = app.signed(
            app.statement.encode(),
            verificationMaterial={"publicKey": {"hint": "", "rawBytes": "AAAA"}},
        )
        refused(app, candidate, Outcome.UNUSABLE, "unknown member 'rawBytes'")

    def test_what_a_stranger_says_is_not_read(self, app: App) -> None:
        document = json.loads(sign_statement(app.stranger, app.statement))
        document["dsseEnvelope"]["payload"] = base64.b64encode(b"not even JSON").decode()
        candidate = app.attach(json.dumps(document).encode())
        refused(app, candidate, Outcome.UNKNOWN_SIGNER, "a key that the rule does not name")

    def test_nobody_counts_when_the_rule_names_nobody(self, app: App) -> None:
        rule = app.rule(signers=())
        refused(app, app.signature(), Outcome.UNKNOWN_SIGNER, "does not name", rule=rule)


class TestThreshold:
    def test_one_key_of_two_is_not_enough(self, app: App) -> None:
        found = app.verify(app.signature(), rule=app.rule("acme", "stranger", threshold=2))
        assert found.state is State.FAILED
        assert len(found.signers) == 1

    def test_two_signatures_by_one_key_count_once(self, app: App) -> None:
        spaced = replace(app.statement, predicate={"again": True})
        found = app.verify(
            app.signature(),
            app.signature(statement=spaced),
            rule=app.rule("acme", "stranger", threshold=2),
        )
        assert [finding.outcome for finding in found.findings] == [Outcome.SIGNATURE] * 2
        assert found.state is State.FAILED


class TestRoles:
    def test_an_attestation_by_the_right_key_is_no_signature(self, app: App) -> None:
        found = app.verify(app.attestation())
        assert found.state is State.NOT_SIGNED
        assert found.signers == ()
        assert found.findings[0].reason == "an attestation by 'acme', which is not a signature"

    @pytest.mark.parametrize("kind", [COSIGN_SIGN + "/", COSIGN_SIGN.upper(), " " + COSIGN_SIGN, "x"])
    def test_only_the_exact_predicate_type_is_a_signature(self, kind: str, app: App) -> None:
        found = app.verify(app.signature(statement=replace(app.statement, predicate_type=kind)))
        assert found.state is State.NOT_SIGNED

    def test_the_predicate_type_in_the_annotations_does_not_matter(self, app: App) -> None:
        bundle = app.attestation().bundle
        assert isinstance(bundle, bytes)
        manifest = build_bundle_referrer(app.subject, bundle, COSIGN_SIGN).encode()
        found = app.verify(Candidate(Descriptor.of(IMAGE_MANIFEST, manifest), manifest, bundle))
        assert found.state is State.NOT_SIGNED


class TestIdentity:
    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"package": PackageName.parse("acme:admin")}, "dev.wpkg.package 'acme:app', not 'acme:admin'"),
            ({"version": Version.parse("1.4.1")}, "dev.wpkg.version '1.4.0', not '1.4.1'"),
            ({"version": Version.parse("1.4.0+x")}, "dev.wpkg.version '1.4.0', not '1.4.0+x'"),
            ({"kind": "component"}, "dev.wpkg.kind 'composed', not 'component'"),
        ],
        ids=["package", "version", "build metadata", "raw for composed"],
    )
    def test_another_package_version_or_kind_does_not_count(
        self, change: dict[str, Any], reason: str, app: App
    ) -> None:
        expected = replace(app.expected, **change)
        refused(app, app.signature(), Outcome.CONTRADICTION, reason, expected=expected)
        refused(app, app.attestation(), Outcome.CONTRADICTION, reason, expected=expected)

    def test_an_annotation_of_another_type_does_not_count(self, app: App) -> None:
        subject = replace(app.statement.subjects[0], annotations={"dev.wpkg.version": ["1.4.0"]})
        statement = replace(app.statement, subjects=(subject,))
        refused(app, app.signature(statement=statement), Outcome.CONTRADICTION, "dev.wpkg.version")

    @pytest.mark.parametrize(
        ("said", "reason"),
        [
            ({}, "signed it without dev.wpkg.package, so that it may be another package of theirs"),
            ({"dev.wpkg.package": "acme:app"}, "without dev.wpkg.version, so that it may be another version"),
            ({"dev.wpkg.version": "1.4.0"}, "without dev.wpkg.package"),
        ],
    )
    def test_the_right_key_did_not_say_which_package_it_is(
        self, said: dict[str, str], reason: str, app: App
    ) -> None:
        """Whatever else that key has signed could be served under the name."""
        subject = replace(app.statement.subjects[0], annotations=said)
        signature = app.signature(statement=replace(app.statement, subjects=(subject,)))
        refused(app, signature, Outcome.UNNAMED, reason)
        error = app.verify(signature).error_for("acme:app 1.4.0")
        assert error.hint == (
            "whoever publishes it signs it by its name: wpkg sign NS:NAME@VERSION; to take the registry's word for "
            "the name, write 'require-identity = false' into the [[trust.rule]] for 'ghcr.io/acme/**'"
        )

    def test_the_config_says_another_package(self, app: App) -> None:
        record = PackageRecord(PackageName.parse("acme:admin"), Version.parse("1.4.0"), "composed")
        expected = replace(app.expected, record=record)
        reason = "dev.wpkg.package 'acme:admin', not 'acme:app'"
        refused(app, app.signature(), Outcome.CONTRADICTION, reason, expected=expected)

    def test_every_subject_that_is_the_artifact_must_agree(self, app: App) -> None:
        right = app.statement.subjects[0]
        wrong = replace(right, annotations={"dev.wpkg.version": "9.9.9"})
        for subjects in ((right, wrong), (wrong, right)):
            statement = replace(app.statement, subjects=subjects)
            refused(app, app.signature(statement=statement), Outcome.CONTRADICTION, "'9.9.9'")

    def test_another_component_of_the_same_file_name_does_not_count(self, app: App) -> None:
        first, second = app.statement.subjects
        for digests in ({"sha256": "00" * 32}, {}, {"sha512": second.digests["sha256"]}):
            statement = replace(app.statement, subjects=(first, replace(second, digests=digests)))
            refused(
                app,
                app.signature(statement=statement),
                Outcome.CONTRADICTION,
                "'acme' signed another component of that file name",
            )

    def test_control_characters_of_an_annotation_are_not_shown(self, app: App) -> None:
        subject = replace(app.statement.subjects[0], annotations={"dev.wpkg.version": "\x1b[2J" + "9" * 1000})
        found = app.verify(app.signature(statement=replace(app.statement, subjects=(subject,))))
        assert found.findings[0].reason.isprintable()
        assert len(found.findings[0].reason) < 200


class TestReasonsThatAttackersWrite:
    @pytest.mark.parametrize("text", ["\x1b[2J\x07", "\u202e", "\ud800", "x" * 100_000])
    def test_are_short_and_printable(self, text: str, app: App) -> None:
        name = json.dumps(text)[1:-1]
        bundle = f'{{"{name}":1,"{name}":2}}'.encode()
        manifest = f'{{"mediaType":"{name}"}}'.encode()
        candidate = Candidate(Descriptor.of(IMAGE_MANIFEST, manifest), manifest, b"")
        for found in (app.verify(app.attach(bundle)), app.verify(candidate)):
            reason = found.findings[0].reason
            assert reason.isprintable()
            assert len(reason) < 1000


class TestTampering:
    def test_a_bundle_changed_at_any_byte_never_verifies(self, app: App) -> None:
        """Even with every digest made to fit. Only the value of the hint, which is not signed, may change."""
        bundle = sign_statement(app.acme, app.statement)
        hint = bundle.index(app.acme.public.hint.encode())
        free = range(hint, hint + len(app.acme.public.hint))
        for position in range(len(bundle)):
            for mask in (0x01, 0x20, 0x80):
                changed = bytearray(bundle)
                changed[position] ^= mask
                found = app.verify(app.attach(bytes(changed)))
                assert found.state is not State.VERIFIED or position in free, (position, bytes(changed))

    def test_a_bundle_cut_anywhere_never_verifies(self, app: App) -> None:
        bundle = sign_statement(app.acme, app.statement)
        for length in range(len(bundle)):
            assert app.verify(app.attach(bundle[:length])).state is State.FAILED
        for tail in (b" x", b"{}", b"\0"):
            assert app.verify(app.attach(bundle + tail)).state is State.FAILED

    def test_bytes_that_are_not_those_of_the_digest_do_not_count(self, app: App) -> None:
        good = app.signature()
        assert isinstance(good.manifest, bytes)
        assert isinstance(good.bundle, bytes)
        same_size = good.bundle.replace(b"publicKey", b"publicKez")
        refused(app, replace(good, bundle=same_size), Outcome.UNUSABLE, "its bundle does not match its digest")
        refused(app, replace(good, bundle=good.bundle + b" "), Outcome.UNUSABLE, "its bundle is longer")
        refused(app, replace(good, bundle=good.bundle[:-1]), Outcome.UNUSABLE, "its bundle has")
        refused(app, replace(good, manifest=good.manifest + b" "), Outcome.UNUSABLE, "its manifest is longer")
        refused(app, replace(good, manifest=b""), Outcome.UNUSABLE, "its manifest has 0 bytes")

    def test_a_size_in_the_index_that_does_not_fit_does_not_count(self, app: App) -> None:
        good = app.signature()
        descriptor = replace(good.descriptor, size=good.descriptor.size + 1)
        refused(app, replace(good, descriptor=descriptor), Outcome.UNUSABLE, "its descriptor says")

    @given(st.data())
    def test_any_change_is_refused_without_a_crash(self, app: App, data: st.DataObject) -> None:
        bundle = bytearray(sign_statement(app.acme, app.statement))
        for _ in range(data.draw(st.integers(1, 4))):
            start = data.draw(st.integers(0, len(bundle)))
            bundle[start : start + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        found = app.verify(app.attach(bytes(bundle)))
        if found.state is State.VERIFIED:  # the hint was changed, or nothing, or white space was added
            assert Statement.read(Bundle.read(bytes(bundle)).envelope.payload) == app.statement

    @given(st.binary(max_size=200))
    def test_any_signed_payload_is_refused_without_a_crash(self, app: App, payload: bytes) -> None:
        refused(app, app.signed(payload), Outcome.CONTRADICTION, "what 'acme' signed: the statement")

    @given(st.binary(max_size=200))
    def test_any_manifest_is_refused_without_a_crash(self, app: App, manifest: bytes) -> None:
        candidate = Candidate(Descriptor.of(IMAGE_MANIFEST, manifest), manifest, b"")
        assert app.verify(candidate).state is State.FAILED

    def test_a_referrer_manifest_cut_anywhere_is_refused(self, app: App) -> None:
        good = app.signature()
        assert isinstance(good.manifest, bytes)
        for length in range(len(good.manifest)):
            cut = good.manifest[:length]
            candidate = Candidate(Descriptor.of(IMAGE_MANIFEST, cut), cut, good.bundle)
            assert app.verify(candidate).state is State.FAILED


class TestTwoMeanings:
    @pytest.mark.parametrize(
        ("old", "new"),
        [
            pytest.param(b'"dsseEnvelope"', b'"dsseEnvelope":{},"dsseEnvelope"', id="a member twice"),
            pytest.param(b'"payloadType"', b'"payload":"e30=","payloadType"', id="a payload twice"),
            pytest.param(b'"sig"', b'"sig":"AAAA","sig"', id="a signature twice"),
            pytest.param(b'"mediaType"', b'"unknown":1,"mediaType"', id="an unknown member"),
            pytest.param(b'bundle.v0.3+json"', b'bundle.v0.9+json"', id="an unknown version"),
            pytest.param(b"application/vnd.in-toto+json", b"application/json", id="another payload type"),
        ],
    )
    def test_a_bundle_is_refused_with(self, old: bytes, new: bytes, app: App) -> None:
        bundle = sign_statement(app.acme, app.statement)
        assert bundle.count(old) == 1
        found = app.verify(app.attach(bundle.replace(old, new)))
        assert found.state is State.FAILED

    def test_a_payload_type_that_was_signed_but_is_no_statement_is_refused(self, app: App) -> None:
        candidate = app.signed(app.statement.encode(), "text/plain")
        refused(app, candidate, Outcome.UNUSABLE, "its payload is not an in-toto statement")

    def test_a_statement_with_a_member_twice_is_refused(self, app: App) -> None:
        payload = app.statement.encode().replace(b'"predicate":{}', b'"predicate":{},"predicate":{}')
        refused(app, app.signed(payload), Outcome.CONTRADICTION, "'predicate' occurs twice")

    def test_a_statement_of_an_unknown_version_is_refused(self, app: App) -> None:
        payload = app.statement.encode().replace(b"Statement/v1", b"Statement/v2")
        refused(app, app.signed(payload), Outcome.CONTRADICTION, "other than in-toto v1 and v0.1")

    def test_base64_of_another_spelling_is_refused(self, app: App) -> None:
        # One more predicate byte at a time until the payload has padding, whose left-over bits are free.
        for pad in range(3):
            statement = replace(app.statement, predicate={"x": "x" * pad})
            document = json.loads(sign_statement(app.acme, statement))
            payload = document["dsseEnvelope"]["payload"]
            if not payload.endswith("="):
                continue
            last = len(payload.rstrip("=")) - 1
            spelled = payload[:last] + chr(ord(payload[last]) + 1) + payload[last + 1 :]
            assert base64.b64decode(spelled) == base64.b64decode(payload)
            document["dsseEnvelope"]["payload"] = spelled
            refused(app, app.attach(json.dumps(document).encode()), Outcome.UNUSABLE, "canonical spelling")

    def test_two_signatures_are_refused_even_when_both_are_good(self, app: App) -> None:
        document = json.loads(sign_statement(app.acme, app.statement))
        document["dsseEnvelope"]["signatures"] *= 2
        refused(app, app.attach(json.dumps(document).encode()), Outcome.UNUSABLE, "2 signatures")

    def test_a_keyid_neither_helps_nor_harms(self, app: App) -> None:
        for key, verifies in ((app.acme, True), (app.stranger, False)):
            document = json.loads(sign_statement(key, app.statement))
            document["dsseEnvelope"]["signatures"][0]["keyid"] = app.acme.public.hint + "wrong"
            found = app.verify(app.attach(json.dumps(document).encode()))
            assert (found.state is State.VERIFIED) is verifies


class TestFlooding:
    def test_as_many_candidates_as_the_limit_are_looked_at(self, app: App) -> None:
        noise = [app.signature(app.stranger, replace(app.statement, predicate={"n": n})) for n in range(63)]
        assert len(noise) + 1 == MAX_REFERRERS
        assert app.verify(*noise, app.signature()).state is State.VERIFIED

    def test_one_more_fails_although_a_good_signature_is_among_them(self, app: App) -> None:
        found = app.verify(*[app.signature()] * (MAX_REFERRERS + 1))
        assert found.state is State.FAILED
        assert found.signers == ()
        (finding,) = found.findings
        assert (finding.referrer, finding.outcome) == (None, Outcome.NOT_EXAMINED)
        assert finding.reason == "the artifact has 65 referrers, over the limit of 64"
        with pytest.raises(WpkgError, match="over the limit of 64"):
            found.raise_unless_accepted("ghcr.io/acme/app")

    def test_allowing_unsigned_does_not_allow_a_flood(self, app: App) -> None:
        found = app.verify(*[app.signature()] * 65, rule=app.rule(unsigned="allow"))
        assert not found.is_tolerated

    def test_a_declared_size_over_the_limit_is_refused_before_anything_is_read(self, app: App) -> None:
        good = app.signature()
        descriptor = replace(good.descriptor, size=MAX_MANIFEST_SIZE + 1)
        refused(app, replace(good, descriptor=descriptor), Outcome.UNUSABLE, "over the limit of 4194304")
        assert isinstance(good.manifest, bytes)
        assert bundle_layer_of(app, good, MAX_BUNDLE_SIZE) is not None
        assert bundle_layer_of(app, good, MAX_BUNDLE_SIZE + 1) is None

    def test_an_index_among_the_referrers_is_not_followed(self, app: App) -> None:
        index = Index((app.subject,)).encode()
        refused(
            app,
            Candidate(Descriptor.of(IMAGE_MANIFEST, index), index, b""),
            Outcome.UNUSABLE,
            "the registry that it is",
        )

    def test_the_artifact_itself_is_not_its_own_referrer(self, app: App) -> None:
        manifest = build_bundle_referrer(app.subject, b"{}", "x").encode()
        subject = Descriptor.of(IMAGE_MANIFEST, manifest)
        found = app.verify(Candidate(app.subject, manifest, b"{}"))
        assert found.state is State.FAILED
        assert subject.digest != app.subject.digest


def bundle_layer_of(app: App, good: Candidate, size: int) -> Descriptor | None:
    from wpkg.trust.verify import bundle_layer

    manifest = build_bundle_referrer(app.subject, b"", "x")
    layer = replace(manifest.layers[0], size=size)
    data = replace(manifest, layers=(layer,)).encode()
    return bundle_layer(app.subject, Descriptor.of(good.descriptor.media_type, data), data)


def test_nothing_expected_leaves_the_digest_check_in_place(app: App, another_app: App) -> None:
    bundle = sign_statement(app.acme, another_app.statement)
    refused(app, app.attach(bundle), Outcome.CONTRADICTION, "another artifact", expected=Expected())
