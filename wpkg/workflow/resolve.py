"""Resolve what a workspace needs against its registries, and verify what is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.project.lockfile import Lock, LockedPackage
from wpkg.resolve.explain import Wish
from wpkg.workflow.policies import project_policy
from wpkg.workflow.published import PublishedPackages
from wpkg.workflow.trusting import SignatureDisappeared, expect, verify_release

if TYPE_CHECKING:
    from collections.abc import Collection

    from wpkg.names.pin import Pin
    from wpkg.resolve.solve import Solution
    from wpkg.trust.policy import TrustPolicy
    from wpkg.workflow.opened import OpenedWorkspace
    from wpkg.workflow.release import Release
    from wpkg.workflow.world import World


def resolve_lock(
    world: World,
    workspace: OpenedWorkspace,
    kept: Collection[Pin] | None = None,
    preferred: Collection[Pin] = (),
) -> Lock:
    """A new lock. Every release in it is verified by the policy of the workspace.

    Pins among `kept`, by default all there are, stay as long as they satisfy; those among `preferred` are taken
    rather than newer ones. Whatever was locked and is taken again must be what it was.

    Raises: NoSolution, RegistryError, LockOutOfDate, NotTrusted, InvalidInput.
    """
    dependencies = workspace.dependencies()
    if not dependencies:
        return Lock(())
    from wpkg.resolve.solve import solve

    if kept is None:
        kept = [package.pin for package in (workspace.lock.all if workspace.lock is not None else ())]
    count = len({dependency.name for _, dependency in dependencies})
    world.reporter.status("Resolving", f"{count} {'dependency' if count == 1 else 'dependencies'}")
    with PublishedPackages(world, workspace, kept) as published:
        wishes = [
            Wish(d.name, d.requirement or published.whatever(d.name), workspace.name_of(member))
            for member, d in dependencies
        ]
        solution = solve(wishes, published, {*kept, *preferred})
        return _lock(world, workspace, published, solution)


def _lock(world: World, workspace: OpenedWorkspace, published: PublishedPackages, solution: Solution) -> Lock:
    policy = project_policy(workspace)
    packages, local = [], []
    for pin, needed in solution.dependencies.items():
        if pin.name in published.local:
            local.append(published.local[pin.name].locked(needed))
            continue
        release = published.release(pin)
        package = LockedPackage(
            name=pin.name,
            version=pin.version,
            kind=published.kind(pin.name, release),
            source=release.reference.repository,
            tag=release.reference.tag or pin.version.tag,
            manifest=release.manifest.digest,
            component=release.component.digest,
            size=release.component.size,
            dependencies=needed,
            signers=verified_signers(world, release, policy, pin),
        )
        before = workspace.lock.at(pin) if workspace.lock is not None else None
        if isinstance(before, LockedPackage):
            _check_still_signed(package, before, policy)
        packages.append(package)
    return Lock(tuple(packages), tuple(local))


def _check_still_signed(package: LockedPackage, before: LockedPackage, policy: TrustPolicy | None) -> None:
    """Refuse a pinned release that was signed when it was pinned and is no longer."""
    if policy is None or before.manifest != package.manifest:
        return
    if before.signers and not package.signers:
        raise SignatureDisappeared(
            f"{package.pin} was signed when it was locked, and is not any more",
            hint="ask whoever publishes it",
        )


def verified_signers(world: World, release: Release, policy: TrustPolicy | None, pin: Pin) -> tuple[str, ...]:
    """The hints of the keys that signed `release` and that `policy` names. Raises: NotTrusted."""
    if policy is None:
        return ()
    verification = verify_release(world, release, policy, expect(release, pin.name, pin.version))
    verification.raise_unless_accepted(f"{pin} ({release.reference.repository})")
    if not verification.signers:
        world.reporter.warn(f"{pin} is not signed; rule '{verification.rule.match}' lets it pass")
    return tuple(sorted(signer.hint for signer in verification.signers))
