from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wpkg.names.package_name import PackageName
from wpkg.names.pin import Pin
from wpkg.names.requirement import Requirement
from wpkg.names.version import Version
from wpkg.resolve.explain import NoVersionFits, Wish
from wpkg.resolve.solve import Solution, solve

if TYPE_CHECKING:
    from collections.abc import Iterable

Universe = dict[str, dict[str, dict[str, str]]]  # package -> version -> package -> requirement


class Published:
    """A universe as a source that counts what it was asked."""

    def __init__(self, universe: Universe) -> None:
        self.universe = {PackageName("t", name): versions for name, versions in universe.items()}
        self.looked_at: list[str] = []
        self.expected: list[str] = []

    def versions(self, package: PackageName) -> list[Version]:
        return [Version.parse(text) for text in self.universe[package]]

    def dependencies(self, pin: Pin) -> dict[PackageName, Requirement]:
        self.looked_at.append(f"{pin.name.name} {pin.version}")
        found = self.universe[pin.name][str(pin.version)]
        return {PackageName("t", name): Requirement.parse(text) for name, text in found.items()}

    def expect(self, packages: Iterable[PackageName], pins: Iterable[Pin]) -> None:
        self.expected += [str(name) for name in packages] + [str(pin) for pin in pins]


def solution(universe: Universe, wanted: dict[str, str], pins: dict[str, str] | None = None) -> list[str]:
    result = solved(Published(universe), wanted, pins)
    return [f"{pin.name.name} {pin.version}" for pin in result.dependencies]


def solved(source: Published, wanted: dict[str, str], pins: dict[str, str] | None = None) -> Solution:
    return solve(
        [Wish(PackageName("t", name), Requirement.parse(text)) for name, text in wanted.items()],
        source,
        [Pin(PackageName("t", name), Version.parse(text)) for name, text in (pins or {}).items()],
    )


DIAMOND: Universe = {
    "a": {"1.0.0": {"c": "^1"}, "1.1.0": {"c": "^1.2"}},
    "b": {"1.0.0": {"c": "<1.2"}},
    "c": {"1.0.0": {}, "1.1.0": {}, "1.2.0": {}, "2.0.0": {}},
}


def test_the_highest_version_is_taken() -> None:
    assert solution({"a": {"1.0.0": {}, "1.2.0": {}, "2.0.0": {}}}, {"a": "1"}) == ["a 1.2.0"]


def test_a_pin_is_kept_while_it_satisfies() -> None:
    universe: Universe = {"a": {"1.0.0": {}, "1.2.0": {}, "2.0.0": {}}}
    assert solution(universe, {"a": "1"}, {"a": "1.0.0"}) == ["a 1.0.0"]
    assert solution(universe, {"a": ">=1"}, {"a": "1.0.0"}) == ["a 1.0.0"]
    assert solution(universe, {"a": "2"}, {"a": "1.0.0"}) == ["a 2.0.0"]


def test_requirements_that_meet_are_satisfied_together_by_going_back() -> None:
    assert solution(DIAMOND, {"a": "1", "b": "1"}) == ["a 1.0.0", "b 1.0.0", "c 1.1.0"]


def test_edges_are_part_of_the_solution() -> None:
    result = solved(Published(DIAMOND), {"a": "1", "b": "1"})
    c = Pin.parse("t:c 1.1.0")
    assert list(result.dependencies.values()) == [(c,), (c,), ()]


TWO_LINES: Universe = {
    "a": {"1.0.0": {"c": "^1"}},
    "b": {"1.0.0": {"c": "^2"}},
    "c": {"1.0.0": {}, "1.1.0": {}, "2.0.0": {}, "2.1.0": {}},
}


def test_versions_of_two_lines_stand_side_by_side() -> None:
    result = solved(Published(TWO_LINES), {"a": "1", "b": "1"})
    one, two = Pin.parse("t:c 1.1.0"), Pin.parse("t:c 2.1.0")
    assert list(result.dependencies.values()) == [(one,), (two,), (), ()]


def test_of_one_line_there_is_one_version() -> None:
    universe: Universe = {**TWO_LINES, "b": {"1.0.0": {"c": "=1.0.0"}}}
    assert solution(universe, {"a": "1", "b": "1"}) == ["a 1.0.0", "b 1.0.0", "c 1.0.0"]
    zero: Universe = {"c": {"0.0.1": {}, "0.0.2": {}, "0.1.0": {}}, "a": {"1.0.0": {"c": "0.0.1"}}}
    assert solution(zero, {"a": "1", "c": "0.0.2"}) == ["a 1.0.0", "c 0.0.1", "c 0.0.2"]


def test_a_requirement_over_several_lines_takes_another_line_when_the_first_does_not_do() -> None:
    universe: Universe = {
        "a": {"1.0.0": {}, "2.0.0": {"gone": "1"}, "3.0.0": {"c": "^1", "d": "1"}},
        "c": {"1.0.0": {}},
        "d": {"1.0.0": {"c": ">1.0.0"}},
        "gone": {"2.0.0": {}},
    }
    assert solution(universe, {"a": ">=1"}) == ["a 1.0.0"]


def test_a_version_that_is_there_anyway_is_not_doubled() -> None:
    """`>=1, <3` alone would keep its pin 1.0.0; another one needs 2.1.0, which satisfies both."""
    assert solution(TWO_LINES, {"b": "1", "c": ">=1, <3"}, {"c": "1.0.0"}) == ["b 1.0.0", "c 2.1.0"]


def test_only_versions_that_may_be_taken_are_looked_at() -> None:
    source = Published({"a": {f"1.{i}.0": {} for i in range(20)}})
    solved(source, {"a": "1"})
    assert set(source.looked_at) == {"a 1.19.0"}


def test_what_is_announced_is_asked_for() -> None:
    source = Published(DIAMOND)
    solved(source, {"a": "1", "b": "1"})
    assert {name for name in source.expected if " " in name} <= {f"t:{name}" for name in source.looked_at}
    assert source.expected[:4] == ["t:a", "t:b", "t:a 1.1.0", "t:b 1.0.0"]


def test_a_pre_release_has_to_be_asked_for() -> None:
    universe: Universe = {"a": {"1.0.0": {}, "1.1.0-rc.1": {}}}
    assert solution(universe, {"a": "1"}) == ["a 1.0.0"]
    assert solution(universe, {"a": "^1.1.0-rc.1"}) == ["a 1.1.0-rc.1"]


CONFLICTS: list[tuple[Universe, dict[str, str], str, str]] = [
    (
        {**DIAMOND, "a": {"1.1.0": {"c": "^1.2"}}},
        {"a": "1", "b": "^1"},
        (
            "no version of t:c fits: t:a 1.1.0 requires ^1.2 and t:b 1.0.0 requires <1.2 "
            "(published: 2.0.0, 1.2.0, 1.1.0, 1.0.0)"
        ),
        'loosen one of these requirements in wasmcloud.toml:\n"t:a" = "1"\n"t:b" = "^1"',
    ),
    (
        {**DIAMOND, "a": {"1.1.0": {"c": "^1.2"}}, "d": {"3.0.0": {"b": "1"}}},
        {"a": "1", "d": "*"},
        (
            "no version of t:c fits: t:a 1.1.0 requires ^1.2 and "
            "t:b 1.0.0 requires <1.2 (by way of the project → t:d 3.0.0) (published: 2.0.0, 1.2.0, 1.1.0, 1.0.0)"
        ),
        'loosen one of these requirements in wasmcloud.toml:\n"t:a" = "1"\n"t:d" = "*"',
    ),
    (
        {"a": {"1.0.0": {}, "1.1.0-rc.1": {}}},
        {"a": "^3"},
        "no version of t:a fits: the project requires ^3 (published: 1.1.0-rc.1, 1.0.0)",
        'to take the newest version, write "t:a" = "^1.0.0" in wasmcloud.toml',
    ),
    (
        {"a": {"1.0.0-rc.2": {}, "1.0.0-rc.1": {}}},
        {"a": ">=0.5, <2"},
        "no version of t:a fits: the project requires >=0.5, <2 (published: 1.0.0-rc.2, 1.0.0-rc.1)",
        'only pre-releases fit, and those have to be asked for: "t:a" = "^1.0.0-rc.2"',
    ),
    (
        {"a": {"1.0.0": {"c": "2"}}, "c": {f"1.{i}.0": {} for i in range(10)}},
        {"a": "1"},
        (
            "no version of t:c fits: t:a 1.0.0 requires 2 "
            "(published: 1.9.0, 1.8.0, 1.7.0, 1.6.0, 1.5.0, 1.4.0, 1.3.0, 1.2.0 and 2 more)"
        ),
        "take another version of t:a, or ask whoever publishes it",
    ),
    (
        {"a": {"1.0.0": {"b": "1", "c": "1"}}, "b": {"1.0.0": {"c": "=1.0.0"}}, "c": {"1.0.0": {}, "1.1.0": {}}},
        {"a": "1", "c": "1.1"},
        (
            "no version of t:c fits: t:b 1.0.0 requires =1.0.0 (by way of the project → t:a 1.0.0) "
            "and the project requires 1.1 (published: 1.1.0, 1.0.0)"
        ),
        'loosen one of these requirements in wasmcloud.toml:\n"t:a" = "1"\n"t:c" = "1.1"',
    ),
    (
        {
            "c": {"1.0.0": {}, "1.1.0": {}, "1.2.0": {}},
            "d": {"1.0.0": {"m": "1"}},
            "m": {"1.0.0": {"c": "~1.1"}},
            "n": {"1.0.0": {"c": ">=1.2"}},
            "o": {"1.0.0": {"c": "~1.0"}},
            "p": {"1.0.0": {"c": "1"}},  # has no part in it
        },
        {"d": "1", "n": "1", "o": "1", "p": "1"},
        (
            "no version of t:c fits: t:m 1.0.0 requires ~1.1 (by way of the project → t:d 1.0.0), "
            "t:n 1.0.0 requires >=1.2 and t:o 1.0.0 requires ~1.0 (published: 1.2.0, 1.1.0, 1.0.0)"
        ),
        'loosen some of these requirements in wasmcloud.toml:\n"t:d" = "1"\n"t:n" = "1"\n"t:o" = "1"',
    ),
    (
        {"a": {}},
        {"a": "1"},
        "no version of t:a fits: the project requires 1 (published: nothing)",
        "publish a version of t:a, or check its name and [registries] in wasmcloud.toml",
    ),
]


@pytest.mark.parametrize(("universe", "wanted", "said", "hint"), CONFLICTS)
def test_a_conflict_is_explained(universe: Universe, wanted: dict[str, str], said: str, hint: str) -> None:
    with pytest.raises(NoVersionFits) as caught:
        solution(universe, wanted)
    assert str(caught.value) == said
    assert caught.value.hint == hint


def test_a_conflict_is_explained_to_programs() -> None:
    with pytest.raises(NoVersionFits) as caught:
        solution({"a": {"1.0.0": {"c": "2"}}, "c": {"1.0.0": {}}}, {"a": "1"})
    assert caught.value.details == {
        "requirements": [{"package": "t:c", "requirement": "2", "path": ["the project", "t:a 1.0.0"]}],
        "published": {"t:c": ["1.0.0"]},
    }


def test_the_order_of_the_requirements_does_not_matter() -> None:
    assert solution(DIAMOND, {"b": "1", "a": "1"}) == solution(DIAMOND, {"a": "1", "b": "1"})


def test_who_could_still_be_another_is_not_accused() -> None:
    """An older t:o would do, so only those are named of whom there is no choice."""
    universe: Universe = {
        "c": {"1.0.0": {}, "1.1.0": {}, "1.2.0": {}},
        "m": {"1.0.0": {"c": "~1.1"}},
        "n": {"1.0.0": {"c": "~1.2"}},
        "o": {"1.0.0": {"c": "1"}, "1.1.0": {"c": "~1.0"}},
    }
    with pytest.raises(NoVersionFits, match=r"t:m 1.0.0 requires ~1.1 and t:n 1.0.0 requires ~1.2 \(published"):
        solution(universe, {"m": "1", "n": "1", "o": "1"})


def test_the_lines_of_members_say_whose_they_are() -> None:
    name = PackageName("t", "c")
    wishes = [Wish(name, Requirement.parse(f"={text}"), by) for by, text in (("one", "1.0.0"), ("two", "1.1.0"))]
    with pytest.raises(NoVersionFits) as caught:
        solve(wishes, Published(DIAMOND))
    assert caught.value.hint == (
        'loosen one of these requirements in wasmcloud.toml:\n"t:c" = "=1.0.0"  # one\n"t:c" = "=1.1.0"  # two'
    )
