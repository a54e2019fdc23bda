from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from wpkg.errors import NotTrusted
from wpkg.oci.digest import Digest
from wpkg.trust.policy import RequiredPredicate, Rule, TrustPolicy, Unsigned
from wpkg.trust.statement import SLSA_PROVENANCE
from wpkg.trust.verification import Finding, NotSigned, Outcome, SignatureInvalid, State, Verification

if TYPE_CHECKING:
    from tests.unit.trust.conftest import App

NAME = "ghcr.io/acme/app:1.4.0"
SUBJECT = Digest("sha256", "ee" * 32)
REFERRER = Digest("sha256", "ab" * 32)


def verification(*outcomes: Outcome, rule: Rule | None = None) -> Verification:
    findings = tuple(Finding(REFERRER, outcome, f"it is {outcome}") for outcome in outcomes)
    return Verification(SUBJECT, rule or Rule("ghcr.io/acme/**"), findings=findings)


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        ([], State.NOT_SIGNED),
        ([Outcome.UNRELATED], State.NOT_SIGNED),
        ([Outcome.ATTESTATION, Outcome.UNRELATED], State.NOT_SIGNED),
        ([Outcome.UNRELATED, Outcome.UNKNOWN_SIGNER], State.FAILED),
        ([Outcome.UNUSABLE], State.FAILED),
        ([Outcome.CONTRADICTION], State.FAILED),
        ([Outcome.UNNAMED], State.FAILED),
        ([Outcome.NOT_EXAMINED], State.FAILED),
        ([Outcome.SIGNATURE], State.FAILED),  # the keys are counted, not the findings
    ],
)
def test_the_state_says_whether_anything_claims_to_be_a_signature(outcomes: list[Outcome], state: State) -> None:
    assert verification(*outcomes).state is state


def test_what_was_not_examined_is_not_verified_whoever_signed(app: App) -> None:
    found = app.verify(app.signature())
    flood = Finding(None, Outcome.NOT_EXAMINED, "too many")
    assert replace(found, findings=(*found.findings, flood)).state is State.FAILED


@pytest.mark.parametrize("unsigned", ["warn", "allow"])
@pytest.mark.parametrize(
    ("outcome", "tolerated"),
    [
        (Outcome.UNRELATED, True),
        (Outcome.ATTESTATION, True),
        (Outcome.UNKNOWN_SIGNER, True),
        (Outcome.UNUSABLE, True),
        (Outcome.CONTRADICTION, False),
        (Outcome.UNNAMED, True),  # without that signature it would be let through
        (Outcome.NOT_EXAMINED, False),
    ],
)
def test_allowing_unsigned_covers_strangers_but_not_a_named_key_that_says_otherwise(
    unsigned: Unsigned, outcome: Outcome, *, tolerated: bool
) -> None:
    found = verification(outcome, rule=Rule("127.0.0.1:*/**", unsigned=unsigned))
    assert found.is_tolerated is tolerated
    if tolerated:
        found.raise_unless_accepted(NAME)
    else:
        with pytest.raises(NotTrusted):
            found.raise_unless_accepted(NAME)


def test_nothing_is_tolerated_by_default() -> None:
    assert not verification().is_tolerated
    with pytest.raises(NotSigned):
        verification().raise_unless_accepted(NAME)


def test_a_verified_artifact_is_accepted_and_has_no_error(app: App) -> None:
    found = app.verify(app.signature())
    found.raise_unless_accepted(NAME)
    with pytest.raises(RuntimeError):
        found.error_for(NAME)


def test_not_signed_names_the_artifact_and_every_reason() -> None:
    error = verification().error_for(NAME)
    assert isinstance(error, NotSigned)
    assert (str(error), error.exit_code, error.code) == (f"{NAME} is not signed", 5, "not-signed")

    error = verification(Outcome.ATTESTATION, Outcome.UNRELATED).error_for(NAME)
    assert str(error) == (
        f"{NAME} is not signed (sha256:abababababab: it is attestation; sha256:abababababab: it is unrelated)"
    )


def test_signature_invalid_counts_and_names_every_reason(app: App) -> None:
    found = app.verify(
        app.signature(), app.signature(app.stranger), rule=app.rule(threshold=2, match="ghcr.io/acme/**")
    )
    error = found.error_for(NAME)
    assert isinstance(error, SignatureInvalid)
    assert (error.exit_code, error.code) == (5, "signature-invalid")
    assert str(error).startswith(f"{NAME} is not trusted, 1 of 2 signatures count: sha256:")
    assert "a signature by 'acme'" in str(error)
    assert "it is signed by a key that the rule does not name" in str(error)
    assert error.hint == "the rule for 'ghcr.io/acme/**' wants 2 of these signers: 'acme'"


def test_what_is_signed_and_lacks_something_else_says_so(app: App) -> None:
    required = RequiredPredicate(SLSA_PROVENANCE, app.rule().signers)
    error = app.verify(app.signature(), rule=app.rule(required=(required,))).error_for(NAME)
    assert str(error).startswith(
        f"{NAME} is signed and not trusted: {SLSA_PROVENANCE} is required, attested by 'acme'"
    )
    assert str(error).endswith(": a signature by 'acme')")
    assert error.hint == "the rule for 'ghcr.io/acme/**' requires it, besides signatures"


def test_keys_on_the_command_line_are_no_rule(app: App) -> None:
    policy = TrustPolicy.of_keys({"acme.pub": app.acme.public})
    error = app.verify(app.signature(app.stranger), rule=policy.rule_for("ghcr.io/acme/app")).error_for(NAME)
    assert error.hint == (
        "it has to be signed by one of the keys given, 'acme.pub'; 'wpkg inspect' shows who says to have"
    )


def test_without_a_rule_the_hint_is_the_rule_to_write() -> None:
    error = verification(rule=Rule("ghcr.io/acme/app", is_default=True)).error_for(NAME)
    assert error.hint == (
        "no rule is for it; say who signs it: [trust.keys.NAME] path = 'NAME.pub' and "
        "[[trust.rule]] match = 'ghcr.io/acme/app', signers = ['NAME']"
    )


def test_a_finding_about_the_whole_artifact_names_no_referrer() -> None:
    assert str(Finding(None, Outcome.NOT_EXAMINED, "too many")) == "too many"
