from __future__ import annotations

import pytest

from wpkg.names.package_name import PackageName
from wpkg.names.requirement import Requirement
from wpkg.names.version import Version
from wpkg.resolve.explain import NoVersionFits
from wpkg.resolve.solve import Solution, solve

Universe = dict[str, dict[str, dict[str, str]]]  # package -> version -> package -> requirement


class Published:
    """A universe as a source that counts what it was asked."""

    def __init__(self, universe: Universe) -> None:
        self.universe = {PackageName("t", name): versions for name, versions in universe.items()}
        self.looked_at: list[str] = []

    def versions(self, package: PackageName) -> list[Version]:
        return [Version.parse(text) for text in self.universe[package]]

    def dependencies(self, package: PackageName, version: Version) -> dict[PackageName, Requirement]:
        self.looked_at.append(f"{package.name} {version}")
        found = self.universe[package][str(version)]
        return {PackageName("t", name): Requirement.parse(text) for name, text in found.items()}


def solution(universe: Universe, wanted: dict[str, str], pins: dict[str, str] | None = None) -> dict[str, str]:
    result = solved(Published(universe), wanted, pins)
    return {name.name: str(version) for name, version in result.versions.items()}


def solved(source: Published, wanted: dict[str, str], pins: dict[str, str] | None = None) -> Solution:
    return solve(
        {PackageName("t", name): Requirement.parse(text) for name, text in wanted.items()},
        source,
        {PackageName("t", name): Version.parse(text) for name, text in (pins or {}).items()},
    )


DIAMOND: Universe = {
    "a": {"1.0.0": {"c": "^1"}, "1.1.0": {"c": "^1.2"}},
    "b": {"1.0.0": {"c": "<1.2"}},
    "c": {"1.0.0": {}, "1.1.0": {}, "1.2.0": {}, "2.0.0": {}},
}


def test_the_highest_version_is_taken() -> None:
    assert solution({"a": {"1.0.0": {}, "1.2.0": {}, "2.0.0": {}}}, {"a": "1"}) == {"a": "1.2.0"}


def test_a_pin_is_kept_while_it_satisfies() -> None:
    universe: Universe = {"a": {"1.0.0": {}, "1.2.0": {}, "2.0.0": {}}}
    assert solution(universe, {"a": "1"}, {"a": "1.0.0"}) == {"a": "1.0.0"}
    assert solution(universe, {"a": "2"}, {"a": "1.0.0"}) == {"a": "2.0.0"}


def test_requirements_that_meet_are_satisfied_together_by_going_back() -> None:
    assert solution(DIAMOND, {"a": "1", "b": "1"}) == {"a": "1.0.0", "b": "1.0.0", "c": "1.1.0"}


def test_edges_are_part_of_the_solution() -> None:
    result = solved(Published(DIAMOND), {"a": "1", "b": "1"})
    c = PackageName("t", "c")
    assert [result.dependencies[PackageName("t", name)] for name in "abc"] == [(c,), (c,), ()]


def test_only_versions_that_may_be_taken_are_looked_at() -> None:
    source = Published({"a": {f"1.{i}.0": {} for i in range(20)}})
    solved(source, {"a": "1"})
    assert set(source.looked_at) == {"a 1.19.0"}


def test_a_pre_release_has_to_be_asked_for() -> None:
    universe: Universe = {"a": {"1.0.0": {}, "1.1.0-rc.1": {}}}
    assert solution(universe, {"a": "1"}) == {"a": "1.0.0"}
    assert solution(universe, {"a": "^1.1.0-rc.1"}) == {"a": "1.1.0-rc.1"}


def test_a_conflict_says_who_requires_what_and_what_there_is() -> None:
    with pytest.raises(NoVersionFits) as caught:
        solution({**DIAMOND, "d": {"1.0.0": {"c": "^2"}}}, {"b": "1", "d": "1"})
    text = str(caught.value)
    assert "t:b@1.0.0 requires t:c <1.2" in text
    assert "t:d@1.0.0 requires t:c ^2" in text
    assert "2.0.0, 1.2.0, 1.1.0, 1.0.0" in text


def test_a_requirement_that_nothing_satisfies_is_the_project_s_own() -> None:
    with pytest.raises(NoVersionFits, match="the project requires t:a \\^3 .*published versions of t:a: 1.0.0"):
        solution({"a": {"1.0.0": {}}}, {"a": "^3"})


def test_the_order_of_the_requirements_does_not_matter() -> None:
    assert solution(DIAMOND, {"b": "1", "a": "1"}) == solution(DIAMOND, {"a": "1", "b": "1"})
