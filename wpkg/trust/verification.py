"""What a verification found, as a value: the state, the evidence, and the error it amounts to."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct, field

from wpkg.errors import NotTrusted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wpkg.oci.digest import Digest
    from wpkg.trust.policy import Rule, Signer
    from wpkg.trust.statement import Statement


class State(StrEnum):
    """What is known about an artifact."""

    VERIFIED = "verified"  # enough of those whom the rule names have signed it
    NOT_SIGNED = "not-signed"  # nothing there claims to be a signature
    FAILED = "failed"  # something there claims to be one and does not count


class Outcome(StrEnum):
    """What became of a candidate."""

    SIGNATURE = "signature"
    ATTESTATION = "attestation"
    UNRELATED = "unrelated"  # not a sigstore bundle
    UNKNOWN_SIGNER = "unknown-signer"  # by somebody whom the rule does not name, or cannot
    REVOKED = "revoked"  # by a key that the policy revokes, or that has expired
    UNUSABLE = "unusable"  # not fetched, not what its digest says, malformed
    CONTRADICTION = "contradiction"  # by somebody whom the rule names, and it says something else
    UNNAMED = "unnamed"  # by somebody whom the rule names, and it does not say which package it is
    NOT_CHECKED = "not-checked"  # keyless, and `sigstore` is not installed
    NOT_EXAMINED = "not-examined"  # the artifact as a whole was not looked at


# Outcomes of which there is no trace on an artifact that nobody ever signed.
_CLAIMS = frozenset(set(Outcome) - {Outcome.ATTESTATION, Outcome.UNRELATED})
# Outcomes that a rule which allows unsigned artifacts does not cover. All others an attacker can bring
# about, or undo, by deleting referrers; refusing them would protect nobody.
_INTOLERABLE = frozenset({Outcome.CONTRADICTION, Outcome.NOT_EXAMINED})


# What verifies keyless signatures.
KEYLESS_EXTRA = "pip install 'wpkg[keyless]'"


class Finding(Struct, frozen=True):
    """What became of one candidate, and why."""

    # Of its manifest, or of its payload under the `.sig` tag; None where it is about the artifact as a whole.
    referrer: Digest | None
    outcome: Outcome
    reason: str  # a clause about 'it', the candidate
    signer: str | None = None  # hint of the key, where it is by one that the rule names

    def order(self) -> tuple[str, str, str]:
        """The key by which findings are sorted."""
        return (str(self.referrer or ""), self.outcome, self.reason)

    def __str__(self) -> str:
        return f"{self.referrer.short}: {self.reason}" if self.referrer is not None else self.reason


class Attestation(Struct, frozen=True):
    """A statement, other than a signature, by somebody whom the rule names."""

    referrer: Digest
    signer: Signer
    statement: Statement


class NotSigned(NotTrusted):
    """An artifact carries no signature."""


class SignatureInvalid(NotTrusted):
    """An artifact carries signatures, and too few of them count."""


class Verification(Struct, frozen=True):
    """What is proven about an artifact under a rule."""

    subject: Digest
    rule: Rule
    signers: tuple[Signer, ...] = ()  # distinct keys and subjects of identities, sorted by hint
    attestations: Mapping[str, tuple[Attestation, ...]] = field(default_factory=dict)  # by predicate type
    findings: tuple[Finding, ...] = ()  # one per candidate, sorted
    unmet: tuple[str, ...] = ()  # what the rule requires besides signatures and is not there

    @property
    def state(self) -> State:
        """Step 13 of `wpkg.trust.verify`, and whether there is a claim at all."""
        if self._is_signed:
            return State.FAILED if self.unmet else State.VERIFIED
        outcomes = {finding.outcome for finding in self.findings}
        return State.FAILED if outcomes & _CLAIMS else State.NOT_SIGNED

    @property
    def _is_signed(self) -> bool:
        """Whether as many have signed as the rule wants, whatever it requires besides."""
        examined = all(finding.outcome is not Outcome.NOT_EXAMINED for finding in self.findings)
        return examined and self.count >= max(self.rule.threshold, 1)

    @property
    def count(self) -> int:
        """How many of those whom the rule names have signed; several subjects of one identity are one."""
        return min(len({signer.name for signer in self.signers}), len({signer.hint for signer in self.signers}))

    @property
    def is_tolerated(self) -> bool:
        """Whether the rule lets the artifact through although it is not verified."""
        return self.rule.unsigned != "reject" and not any(
            finding.outcome in _INTOLERABLE for finding in self.findings
        )

    def raise_unless_accepted(self, artifact: str) -> None:
        """Nothing when the artifact is verified or tolerated. Raises: NotSigned, SignatureInvalid."""
        if self.state is not State.VERIFIED and not self.is_tolerated:
            raise self.error_for(artifact)

    def error_for(self, artifact: str) -> NotSigned | SignatureInvalid:
        """What is wrong with `artifact`, which must not be verified, with every reason."""
        reasons = "; ".join((*self.unmet, *(str(finding) for finding in self.findings)))
        state = self.state
        if state is State.VERIFIED:
            raise RuntimeError("the artifact is verified, there is no error")
        if self._is_signed:
            unmet, findings = "; ".join(self.unmet), "; ".join(map(str, self.findings))
            return SignatureInvalid(
                f"{artifact} is signed and not trusted: {unmet} ({findings})",
                hint=f"{self._rule_text} requires it, besides signatures",
            )
        if state is State.NOT_SIGNED:
            found = f" ({reasons})" if reasons else ""
            return NotSigned(f"{artifact} is not signed{found}", hint=self._hint())
        count = f"{self.count} of {self.rule.threshold} signatures count"
        return SignatureInvalid(f"{artifact} is not trusted, {count}: {reasons}", hint=self._hint())

    def _hint(self) -> str:
        if any(finding.outcome is Outcome.NOT_CHECKED for finding in self.findings):
            return KEYLESS_EXTRA
        origin = f" of {self.rule.origin}" if self.rule.origin else ""
        if any(finding.outcome is Outcome.UNNAMED for finding in self.findings):
            signing = "whoever publishes it signs it by its name: wpkg sign NS:NAME@VERSION"
            if self.rule.is_of_keys:
                return f"{signing}; or take it for what a reference names: REGISTRY/PATH:TAG"
            return (
                f"{signing}; to take the registry's word for the name, write 'require-identity = false' into the "
                f"[[trust.rule]] for '{self.rule.match}'{origin}"
            )
        if self.rule.is_default:
            return (
                f"no rule{origin} is for it; say who signs it: [trust.keys.NAME] path = 'NAME.pub' and "
                f"[[trust.rule]] match = '{self.rule.match}', signers = ['NAME']"
            )
        names = ", ".join(f"'{signer.name}'" for signer in self.rule.signers) or "nobody"
        if self.rule.is_of_keys:
            return f"it has to be signed by one of the keys given, {names}; 'wpkg inspect' shows who says to have"
        return f"{self._rule_text} wants {self.rule.threshold} of these signers: {names}"

    @property
    def _rule_text(self) -> str:
        origin = f" of {self.rule.origin}" if self.rule.origin else ""
        return f"the rule for '{self.rule.match}'{origin}"
