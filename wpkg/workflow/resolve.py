"""Resolve what a workspace needs against its registries, and verify what is taken."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from wpkg.errors import InvalidInput
from wpkg.project.lockfile import Lock, LockedPackage
from wpkg.project.wkg_lock import WKG_LOCKS, read_wkg_lock
from wpkg.registry.disk import read_text
from wpkg.resolve.explain import Wish
from wpkg.workflow.ahead import Ahead
from wpkg.workflow.newly_asked import asked_for, check_newly_asked
from wpkg.workflow.policies import project_policy
from wpkg.workflow.published import PublishedPackages, TagMoved
from wpkg.workflow.trusting import check_not_lowered, expect, is_pinned, trusted_signers, verify_release

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from wpkg.names.pin import Pin
    from wpkg.oci.digest import Digest
    from wpkg.resolve.solve import Solution
    from wpkg.trust.policy import TrustPolicy
    from wpkg.workflow.opened import OpenedWorkspace
    from wpkg.workflow.published import ListedTags
    from wpkg.workflow.release import Release
    from wpkg.workflow.world import World


def resolve_lock(
    world: World,
    workspace: OpenedWorkspace,
    kept: Collection[Pin] | None = None,
    preferred: Collection[Pin] = (),
    listed: ListedTags | None = None,
) -> Lock:
    """A new lock. Every release in it is verified by the policy of the workspace.

    Pins among `kept`, by default all there are, stay as long as they satisfy; those among `preferred` are taken
    rather than newer ones. Whatever was locked and is taken again must be what it was. `listed` are lists of tags
    that are known.

    Raises: NoSolution, RegistryError, LockOutOfDate, NotTrusted, InvalidInput.
    """
    policy = project_policy(world, workspace)
    dependencies = workspace.dependencies()
    if not dependencies:
        return Lock(())
    from wpkg.resolve.solve import solve

    if kept is None:
        kept = [package.pin for package in (workspace.lock.all if workspace.lock is not None else ())]
    imported = _wkg_pins(workspace) if workspace.lock is None else {}
    count = len({dependency.name for _, dependency in dependencies})
    world.reporter.status("Resolving", f"{count} {'dependency' if count == 1 else 'dependencies'}")
    preferred_pins = {*kept, *preferred, *imported}
    with PublishedPackages(world, workspace, kept, listed, preferred_pins) as published:
        wishes = [
            Wish(d.name, d.requirement or published.whatever(d.name), workspace.name_of(member))
            for member, d in dependencies
        ]
        solution = solve(wishes, published, preferred_pins)
        _check_not_lowered(workspace, published, solution, preferred)
        lock = _lock(world, workspace, published, solution, policy)
        _check_imported(lock, imported)
        if workspace.lock is not None:
            check_newly_asked(workspace, workspace.lock, lock, _exported(published, lock))
    return lock


def _exported(published: PublishedPackages, lock: Lock) -> list[str]:
    """What the packages of a registry export, by their configs."""
    return [name for package in lock.packages for name in published.release(package.pin).config.exports]


def _lock(
    world: World,
    workspace: OpenedWorkspace,
    published: PublishedPackages,
    solution: Solution,
    policy: TrustPolicy | None,
) -> Lock:
    needs = solution.dependencies
    local = [published.local[pin.name].locked(needs[pin]) for pin in needs if pin.name in published.local]
    releases = {pin: published.release(pin) for pin in needs if pin.name not in published.local}
    signers = _signers(world, workspace, releases, policy)
    packages = []
    for pin, release in releases.items():
        kind = published.kind(pin.name, release)
        package = LockedPackage(
            name=pin.name,
            version=pin.version,
            kind=kind,
            source=release.reference.repository,
            tag=release.reference.tag or pin.version.tag,
            manifest=release.manifest.digest,
            component=release.component.digest,
            size=release.component.size,
            dependencies=needs[pin],
            signers=signers.get(pin, ()),
            imports=asked_for(world, release, kind, str(pin)),
        )
        packages.append(package)
    return Lock(tuple(packages), tuple(local))


def _signers(
    world: World, workspace: OpenedWorkspace, releases: Mapping[Pin, Release], policy: TrustPolicy | None
) -> dict[Pin, tuple[str, ...]]:
    """Who signed each release; of none where there is no policy. Raises: NotTrusted, RegistryError."""
    if policy is None:
        return {}
    expected = {pin: expect(release, pin.name, pin.version) for pin, release in releases.items()}
    before = {pin: _pinned_before(workspace.lock, pin) for pin in releases}
    with Ahead() as ahead:
        verifications = {
            pin: ahead.announce(
                partial(
                    verify_release,
                    world,
                    release,
                    policy,
                    expected[pin],
                    locked=is_pinned(release, before[pin]),
                )
            )
            for pin, release in releases.items()
        }
        return {
            pin: trusted_signers(world, release, policy, expected[pin], verifications[pin].result(), before[pin])
            for pin, release in releases.items()
        }


def _pinned_before(lock: Lock | None, pin: Pin) -> LockedPackage | None:
    """What the lock has had of a package: this version, else one of its line, else the highest."""
    found = [package for package in (lock.packages if lock is not None else ()) if package.name == pin.name]
    found.sort(key=lambda p: (p.version == pin.version, p.version.line == pin.version.line, p.version))
    return found[-1] if found else None


def _check_not_lowered(
    workspace: OpenedWorkspace, published: PublishedPackages, solution: Solution, given: Collection[Pin]
) -> None:
    """Nothing when no locked version was lost that would do, or its successor was asked for.

    Raises: VersionLowered.
    """
    for _, dependency in workspace.dependencies():
        name, requirement = dependency.name, dependency.requirement
        if requirement is None or workspace.lock is None or name in published.local:
            continue
        before = workspace.lock.meeting(name, requirement)
        now = [p for p in solution.dependencies if p.name == name and requirement.matches(p.version)]
        if (
            isinstance(before, LockedPackage)
            and before.version not in published.versions(name)
            and max(now) not in given
        ):
            check_not_lowered(before, max(now).version, requirement)


def _wkg_pins(workspace: OpenedWorkspace) -> dict[Pin, Digest]:
    """What the locks of wkg and wash beside the project files pin: what to begin with. Raises: InvalidInput."""
    found: dict[Pin, Digest] = {}
    for member in workspace.members:
        for name in WKG_LOCKS:
            file = member.root / name
            if file.is_file():
                try:
                    found.update(read_wkg_lock(read_text(file)))
                except InvalidInput as error:
                    raise error.within(str(file)) from None
    return found


def _check_imported(lock: Lock, imported: Mapping[Pin, Digest]) -> None:
    """Nothing when what another tool has locked is what it was. Raises: TagMoved."""
    for package in lock.packages:
        pinned = imported.get(package.pin)
        if pinned not in (None, package.component):
            raise TagMoved(
                f"{package.pin} is {package.component.short} in {package.source}, "
                f"and {WKG_LOCKS[0]} or {WKG_LOCKS[1]} pins {pinned}",
                hint="a published version must not change; ask whoever publishes it, or remove it from that file",
            )
