"""The solver on small universes, beside one that tries everything."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from wpkg.names.package_name import PackageName
from wpkg.names.pin import Pin
from wpkg.names.requirement import Requirement
from wpkg.names.version import Version
from wpkg.resolve.explain import NoVersionFits, Wish
from wpkg.resolve.solve import Solution, solve

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Universe = dict[Pin, dict[PackageName, Requirement]]

NAMES = [PackageName("t", name) for name in "abcd"]
VERSIONS = [Version.parse(text) for text in ("0.0.1", "0.1.0", "0.1.1", "1.0.0-rc.1", "1.0.0", "1.1.0", "2.0.0")]
REQUIREMENTS = [
    Requirement.parse(text)
    for text in (
        "*",
        "0.0.1",
        "^0.1",
        "=0.1.0",
        "1",
        "^1.1",
        "=1.0.0",
        "<1.1",
        ">=1, <3",
        "2",
        "^1.0.0-rc.1",
        ">=0.1.1",
    )
]
requirements = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(REQUIREMENTS), max_size=2)
universes = st.dictionaries(
    st.builds(Pin, st.sampled_from(NAMES), st.sampled_from(VERSIONS)), requirements, max_size=9
)


class Source:
    def __init__(self, universe: Universe) -> None:
        self.universe = universe

    def versions(self, package: PackageName) -> Sequence[Version]:
        return [pin.version for pin in self.universe if pin.name == package]

    def dependencies(self, pin: Pin) -> Mapping[PackageName, Requirement]:
        return self.universe[pin]

    def expect(self, packages: Iterable[PackageName], pins: Iterable[Pin]) -> None:
        pass


def solved(
    universe: Universe, wanted: dict[PackageName, Requirement], pins: Sequence[Pin] = ()
) -> Solution | None:
    try:
        return solve([Wish(name, requirement) for name, requirement in wanted.items()], Source(universe), pins)
    except NoVersionFits:
        return None


def closed(universe: Universe, wanted: dict[PackageName, Requirement], chosen: Sequence[Pin]) -> bool:
    """Whether `chosen` meets everything, with one version of each line."""
    if len({(pin.name, pin.version.line) for pin in chosen}) != len(chosen):
        return False
    asked = [*wanted.items(), *(item for pin in chosen for item in universe[pin].items())]
    return all(any(p.name == name and wish.matches(p.version) for p in chosen) for name, wish in asked)


def has_solution(universe: Universe, wanted: dict[PackageName, Requirement]) -> bool:
    pins = list(universe)
    sizes = range(len(pins) + 1)
    return any(closed(universe, wanted, some) for size in sizes for some in itertools.combinations(pins, size))


@settings(max_examples=300, deadline=None)
@given(universes, requirements)
def test_there_is_a_solution_exactly_when_trying_everything_finds_one(
    universe: Universe, wanted: dict[PackageName, Requirement]
) -> None:
    assert (solved(universe, wanted) is not None) == has_solution(universe, wanted)


@settings(max_examples=300, deadline=None)
@given(universes, requirements, st.lists(st.sampled_from(VERSIONS), max_size=2))
def test_pins_satisfy_every_requirement_and_none_is_there_for_nothing(
    universe: Universe, wanted: dict[PackageName, Requirement], versions: list[Version]
) -> None:
    pins = [pin for pin in universe if pin.version in versions]
    solution = solved(universe, wanted, pins)
    if solution is None:
        return
    found = solution.dependencies
    assert closed(universe, wanted, list(found))
    for pin, needed in found.items():
        assert [other.name for other in needed] == sorted(universe[pin])
        assert all(universe[pin][other.name].matches(other.version) for other in needed)
    reached = {
        max(p for p in found if p.name == name and wish.matches(p.version)) for name, wish in wanted.items()
    }
    while further := {other for pin in reached for other in found[pin]} - reached:
        reached |= further
    assert reached == set(found)


@settings(max_examples=200, deadline=None)
@given(universes, requirements, st.randoms())
def test_the_order_of_what_is_asked_and_answered_does_not_matter(
    universe: Universe, wanted: dict[PackageName, Requirement], random: object
) -> None:
    pins, names = list(universe), list(wanted)
    random.shuffle(pins)  # type: ignore[attr-defined]
    random.shuffle(names)  # type: ignore[attr-defined]
    shuffled = {pin: dict(reversed(universe[pin].items())) for pin in pins}
    again = solved(shuffled, {name: wanted[name] for name in names})
    first = solved(universe, wanted)
    assert (again.dependencies if again else None) == (first.dependencies if first else None)
    assert again is None or first is None or list(again.dependencies) == list(first.dependencies)


@settings(max_examples=200, deadline=None)
@given(universes, requirements)
def test_what_was_solved_is_kept_when_it_is_solved_again(
    universe: Universe, wanted: dict[PackageName, Requirement]
) -> None:
    """The heart of a lock: with its own pins, and newer versions of everything, a solution stays what it is."""
    first = solved(universe, wanted)
    if first is None:
        return
    newer: Universe = {Pin(pin.name, Version(pin.version.major, pin.version.minor, 90)): {} for pin in universe}
    again = solved({**newer, **universe}, wanted, list(first.dependencies))
    assert again is not None
    assert again.dependencies == first.dependencies
