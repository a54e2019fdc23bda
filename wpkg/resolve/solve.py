"""The solver: resolvelib's search, with cargo's taste.

A pin of the lock is preferred as long as it satisfies, else the highest version is. One version for each package.
What exists is asked of a `PackageSource`, version lists first and dependencies only of versions that are looked
at, because each question may be a request to a registry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import resolvelib
from msgspec import Struct

from wpkg.resolve.explain import NoVersionFits, Wish

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from resolvelib.structs import RequirementInformation

    from wpkg.names.package_name import PackageName
    from wpkg.names.requirement import Requirement
    from wpkg.names.version import Version

MAX_ROUNDS = 20_000  # steps of the search before it is given up


class PackageSource(Protocol):
    """What exists."""

    def versions(self, package: PackageName) -> Sequence[Version]:
        """The published versions, in any order."""

    def dependencies(self, package: PackageName, version: Version) -> Mapping[PackageName, Requirement]:
        """What one version requires."""


class Candidate(Struct, frozen=True):
    """One version of one package."""

    package: PackageName
    version: Version


class Solution(Struct, frozen=True):
    """A version for each package that is needed, and which package needs which."""

    versions: Mapping[PackageName, Version]
    dependencies: Mapping[PackageName, tuple[PackageName, ...]]


def solve(
    requirements: Mapping[PackageName, Requirement],
    source: PackageSource,
    preferred: Mapping[PackageName, Version],
) -> Solution:
    """The versions that satisfy `requirements` and everything that follows from them.

    Deterministic: the same questions and answers give the same solution, whatever the order of the mappings.

    Raises: NoVersionFits, and whatever `source` raises.
    """
    wishes = [Wish(name, requirements[name], None) for name in sorted(requirements)]
    provider = _Provider(source, preferred)
    resolver: resolvelib.Resolver[Wish, Candidate, PackageName] = resolvelib.Resolver(
        provider, resolvelib.BaseReporter()
    )
    try:
        result = resolver.resolve(wishes, max_rounds=MAX_ROUNDS)
    except resolvelib.ResolutionImpossible as impossible:
        causes = [cause.requirement for cause in impossible.causes]
        versions = {wish.package: sorted(source.versions(wish.package)) for wish in causes}
        raise NoVersionFits(causes, versions) from None
    chosen = {name: candidate.version for name, candidate in result.mapping.items()}
    return Solution(
        versions=dict(sorted(chosen.items())),
        dependencies={
            name: tuple(sorted(source.dependencies(name, version))) for name, version in sorted(chosen.items())
        },
    )


class _Provider(resolvelib.AbstractProvider["Wish", Candidate, "PackageName"]):
    def __init__(self, source: PackageSource, preferred: Mapping[PackageName, Version]) -> None:
        self._source = source
        self._preferred = preferred

    def identify(self, requirement_or_candidate: Wish | Candidate) -> PackageName:
        return requirement_or_candidate.package

    def get_preference(
        self,
        identifier: PackageName,
        resolutions: Mapping[PackageName, Candidate],  # noqa: ARG002
        candidates: Mapping[PackageName, Iterator[Candidate]],  # noqa: ARG002
        information: Mapping[PackageName, Iterator[object]],  # noqa: ARG002
        backtrack_causes: Sequence[RequirementInformation[Wish, Candidate]],
    ) -> tuple[bool, PackageName]:
        """What was in the way last time first, then by name."""
        in_the_way = any(cause.requirement.package == identifier for cause in backtrack_causes)
        return (not in_the_way, identifier)

    def find_matches(
        self,
        identifier: PackageName,
        requirements: Mapping[PackageName, Iterator[Wish]],
        incompatibilities: Mapping[PackageName, Iterator[Candidate]],
    ) -> Iterable[Candidate]:
        wanted = [wish.requirement for wish in requirements[identifier]]
        excluded = {candidate.version for candidate in incompatibilities[identifier]}
        pinned = self._preferred.get(identifier)
        fitting = [
            version
            for version in self._source.versions(identifier)
            if version not in excluded and all(requirement.matches(version) for requirement in wanted)
        ]
        fitting.sort(key=lambda version: (version == pinned, version), reverse=True)
        return [Candidate(identifier, version) for version in fitting]

    def is_satisfied_by(self, requirement: Wish, candidate: Candidate) -> bool:
        return requirement.requirement.matches(candidate.version)

    def get_dependencies(self, candidate: Candidate) -> Iterable[Wish]:
        found = self._source.dependencies(candidate.package, candidate.version)
        by = f"{candidate.package}@{candidate.version}"
        return [Wish(name, found[name], by) for name in sorted(found)]
