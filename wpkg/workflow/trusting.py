"""Policy and evidence brought together: who has to have signed a release, and who has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.errors import NotTrusted
from wpkg.trust.verify import Expected, verify_signatures
from wpkg.workflow.evidence import fetch_candidates, kept_candidates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wpkg.names.package_name import PackageName
    from wpkg.names.version import Version
    from wpkg.trust.policy import TrustPolicy
    from wpkg.trust.verification import Verification
    from wpkg.workflow.release import Release
    from wpkg.workflow.world import World


class SignatureDisappeared(NotTrusted):
    """A package that was signed when it was locked no longer is."""


def expect(release: Release, package: PackageName | None, version: Version | None) -> Expected:
    """What `release` must have been signed as when it was asked for as `package` `version`."""
    return Expected(package, version, release.kind if package is not None else None, release.component)


def verify_release(world: World, release: Release, policy: TrustPolicy, expected: Expected) -> Verification:
    """What the registry has to prove about `release` now. Raises: RegistryError when it cannot be looked up."""
    rule = policy.rule_for(str(release.reference.repository))
    return verify_signatures(release.manifest, fetch_candidates(world, release), rule, expected)


def verify_from_cache(
    world: World, release: Release, policy: TrustPolicy, expected: Expected
) -> Verification | None:
    """What the evidence kept by an earlier look-up proves; None where there is none."""
    candidates = kept_candidates(world, release)
    if candidates is None:
        return None
    rule = policy.rule_for(str(release.reference.repository))
    return verify_signatures(release.manifest, candidates, rule, expected)


def check_recorded_signers(artifact: str, recorded: Sequence[str], verification: Verification) -> None:
    """Nothing when everybody whom the lock records still counts. Raises: SignatureDisappeared."""
    found = {signer.hint for signer in verification.signers}
    gone = sorted(set(recorded) - found)
    if gone:
        raise SignatureDisappeared(
            f"{artifact}: wpkg.lock records a signature by the key {gone[0]}, "
            "which is not there or no longer trusted",
            hint="ask whoever publishes it; if a key was replaced, run 'wpkg lock' to record the new signer",
        )
