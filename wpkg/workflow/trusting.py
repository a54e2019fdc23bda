"""Policy and evidence brought together: who has to have signed a release, and who has."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from wpkg.errors import LockOutOfDate, NotTrusted
from wpkg.trust.expected import Expected
from wpkg.trust.identity import describe_signer
from wpkg.trust.verify import verify_signatures
from wpkg.workflow.evidence import Evidence, fetch_evidence, kept_evidence

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from wpkg.names.package_name import PackageName
    from wpkg.names.requirement import Requirement
    from wpkg.names.version import Version
    from wpkg.project.lockfile import LockedPackage
    from wpkg.trust.policy import Rule, TrustPolicy
    from wpkg.trust.verification import Verification
    from wpkg.workflow.release import Release
    from wpkg.workflow.world import World


class SignatureDisappeared(NotTrusted):
    """A package that was signed when it was locked no longer is."""


class SignerChanged(NotTrusted):
    """A package is signed, and by nobody who signed what is locked."""


class VersionLowered(LockOutOfDate):
    """A registry offers only versions that are older than the locked one."""


def expect(release: Release, package: PackageName | None, version: Version | None) -> Expected:
    """What `release` must have been signed as when it was asked for as `package` `version`."""
    kind = release.kind if package is not None else None
    return Expected(package, version, kind, release.component, release.config.record)


def verify_release(
    world: World, release: Release, policy: TrustPolicy, expected: Expected, *, locked: bool = False
) -> Verification:
    """What the registry has to prove about `release` now.

    Keys that have expired count only for what is `locked` already.

    Raises: WrongPlace; RegistryError when it cannot be looked up.
    """
    legacy = any("legacy" in rule.formats for rule in rules_for(release, policy))
    evidence = fetch_evidence(world, release, legacy=legacy)
    return verify_evidence(
        release, evidence, policy, expected if locked else replace(expected, today=_today(world))
    )


def _today(world: World) -> date:
    return datetime.fromtimestamp(world.now(), UTC).date()


def verify_from_cache(
    world: World, release: Release, policy: TrustPolicy, expected: Expected, *, locked: bool = True
) -> Verification | None:
    """What the evidence kept by an earlier look-up proves; None where there is none.

    Keys that have expired count only for what is `locked` already. Raises: WrongPlace.
    """
    evidence = kept_evidence(world, release)
    if evidence is None:
        return None
    return verify_evidence(
        release, evidence, policy, expected if locked else replace(expected, today=_today(world))
    )


def rules_for(release: Release, policy: TrustPolicy) -> list[Rule]:
    """The rules that `release` has to satisfy, one of each policy, that of `policy` itself first."""
    repository = str(release.reference.repository)
    return [each.rule_for(repository) for each in (policy, *policy.also)]


def verify_evidence(release: Release, evidence: Evidence, policy: TrustPolicy, expected: Expected) -> Verification:
    """The verification under the first policy that refuses the release, else under `policy` itself.

    Raises: WrongPlace.
    """
    if expected.package is not None:
        for each in (policy, *policy.also):
            each.check_place(expected.package, str(release.reference.repository))
    verifications = [
        verify_signatures(release.manifest, evidence.candidates, rule, expected, evidence.legacy)
        for rule in rules_for(release, policy)
    ]
    return next((v for v in verifications if v.state != "verified" and not v.is_tolerated), verifications[0])


def is_pinned(release: Release, before: LockedPackage | None) -> bool:
    """Whether `release` is what the lock has recorded of the package so far."""
    return before is not None and before.manifest == release.manifest.digest


def trusted_signers(
    world: World,
    release: Release,
    policy: TrustPolicy,
    expected: Expected,
    verification: Verification,
    before: LockedPackage | None,
) -> tuple[str, ...]:
    """The hints of who signed `release` and is named by `policy`, keys and identities, to be recorded in the lock.

    `verification` is what it has proven under `policy`, `before` what the lock has recorded of the package so far.

    Raises: NotTrusted and its kin SignatureDisappeared and SignerChanged; RegistryError.
    """
    from wpkg.workflow.verify_inputs import check_required_inputs

    what = f"{expected.package} {expected.version}"
    disappeared = before is not None and before.signers and not verification.signers
    if before is not None and disappeared and (verification.state == "not-signed" or verification.is_tolerated):
        counts = "" if verification.state == "not-signed" else " that counts"
        raise SignatureDisappeared(
            f"{what} has no signature{counts}, and {before.name} {before.version} was signed when it was locked",
            hint="ask whoever publishes it; the lock is left as it is",
        )
    verification.raise_unless_accepted(f"{what} ({release.reference.repository})")
    check_required_inputs(world, what, release, verification, policy)
    if not verification.signers:
        world.reporter.warn(f"{what} is not signed; rule '{verification.rule.match}' lets it pass")
    signers = tuple(sorted({signer.hint for signer in verification.signers}))
    if before is not None:
        _check_same_signers(what, before, signers, verification.rule)
    return signers


def _check_same_signers(what: str, before: LockedPackage, signers: Sequence[str], rule: Rule) -> None:
    """Nothing when one who signed before has signed again, or the rule names old and new signers."""
    named = all(any(signer.is_recorded_as(hint) for signer in rule.signers) for hint in before.signers)
    if before.signers and not set(before.signers) & set(signers) and not named:
        now, then = (" and ".join(map(describe_signer, hints)) for hints in (signers, before.signers))
        raise SignerChanged(
            f"{what} is signed by {now}, and {before.name} {before.version} was locked with a signature by {then}",
            hint=f"when a signer was replaced: name both in the rule for '{rule.match}' until the lock is renewed",
        )


def check_not_lowered(before: LockedPackage, version: Version, requirement: Requirement) -> None:
    """Nothing when `version` takes the place of `before` by request. Raises: VersionLowered."""
    if version < before.version and requirement.matches(before.version):
        raise VersionLowered(
            f"{before.name} {before.version} is locked, and the registry has nothing newer than {version} now",
            hint=f"ask whoever publishes it; to go back on purpose: wpkg update {before.name} --precise {version}",
        )


def check_recorded_signers(artifact: str, recorded: Sequence[str], verification: Verification) -> None:
    """Nothing when everybody whom the lock records still counts. Raises: SignatureDisappeared."""
    found = {signer.hint for signer in verification.signers}
    gone = sorted(set(recorded) - found)
    if gone:
        raise SignatureDisappeared(
            f"{artifact}: wpkg.lock records a signature by {describe_signer(gone[0])}, "
            "which is not there or no longer trusted",
            hint="ask whoever publishes it; if a key was replaced, run 'wpkg lock' to record the new signer",
        )
