"""The solver: resolvelib's search, with cargo's taste.

A pin of the lock is preferred as long as it satisfies, else the highest version is. Of each release line of a
package (`Version.line`) there is one version; versions of different lines may stand side by side. What exists is
asked of a `PackageSource`, version lists first and dependencies only of versions that are looked at, because each
question may be a request to a registry.

The search knows two kinds of slots to fill. A line takes a version. Where the versions that satisfy a requirement
are of several lines, there is a choice before it, which takes a line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import resolvelib
from msgspec import Struct

from wpkg.errors import NoSolution, WpkgError
from wpkg.names.pin import Pin
from wpkg.resolve.explain import NoVersionFits, Wish

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from resolvelib.structs import RequirementInformation

    from wpkg.names.package_name import PackageName
    from wpkg.names.requirement import Requirement
    from wpkg.names.version import Version

    Line = tuple[int, int, int]

MAX_ROUNDS = 20_000  # steps of the search before it is given up


class PackageSource(Protocol):
    """What exists."""

    def versions(self, package: PackageName) -> Sequence[Version]:
        """The published versions, in any order."""

    def dependencies(self, pin: Pin) -> Mapping[PackageName, Requirement]:
        """What one version requires."""

    def expect(self, packages: Iterable[PackageName], pins: Iterable[Pin]) -> None:
        """A hint: the versions of `packages` and the dependencies of `pins` are about to be asked for."""


class Solution(Struct, frozen=True):
    """Every version that is needed, sorted, and which of the others meet its requirements."""

    dependencies: Mapping[Pin, tuple[Pin, ...]]


class TooManySteps(NoSolution):
    """The search was given up."""


def solve(wishes: Iterable[Wish], source: PackageSource, preferred: Collection[Pin] = ()) -> Solution:
    """The versions that satisfy `wishes` and everything that follows from them.

    Deterministic: the same questions and answers give the same solution, in whatever order they are put.

    Raises: NoVersionFits, TooManySteps, and whatever `source` raises.
    """
    wishes = sorted(set(wishes), key=lambda wish: (wish.package, str(wish.requirement), str(wish.by)))
    provider = _Provider(source, frozenset(preferred))
    resolver: resolvelib.Resolver[_Wanted, _Filling, _Slot] = resolvelib.Resolver(
        provider, resolvelib.BaseReporter()
    )
    try:
        result = resolver.resolve(provider.wanted(wishes), max_rounds=MAX_ROUNDS)
    except resolvelib.ResolutionImpossible as impossible:
        causes = [cause.requirement.wish for cause in impossible.causes]
        versions = {wish.package: sorted(source.versions(wish.package)) for wish in causes}
        raise NoVersionFits(causes, versions, provider.asked, provider.in_effect(wishes)) from None
    except resolvelib.ResolutionTooDeep:
        raise TooManySteps(
            f"no solution was found in {MAX_ROUNDS} steps",
            hint="narrow the requirements in wasmcloud.toml, for example to the versions that wpkg.lock has",
        ) from None
    chosen = sorted({filling for filling in result.mapping.values() if isinstance(filling, Pin)})
    return _reached(wishes, chosen, source)


def _reached(wishes: Sequence[Wish], chosen: Sequence[Pin], source: PackageSource) -> Solution:
    """The chosen versions that the wishes lead to; a requirement is met by the highest that satisfies it."""
    highest_first: dict[PackageName, list[Pin]] = {}
    for pin in reversed(chosen):
        highest_first.setdefault(pin.name, []).append(pin)

    def met(package: PackageName, requirement: Requirement) -> Pin:
        return next(pin for pin in highest_first[package] if requirement.matches(pin.version))

    found: dict[Pin, tuple[Pin, ...]] = {}
    pending = [met(wish.package, wish.requirement) for wish in wishes]
    while pending:
        pin = pending.pop()
        if pin not in found:
            found[pin] = tuple(sorted(met(name, wanted) for name, wanted in source.dependencies(pin).items()))
            pending += found[pin]
    return Solution(dict(sorted(found.items())))


class _Slot(Struct, frozen=True, order=True):
    """What the search has to fill: a line of a package with a version, or a choice with a line.

    Ordered so that lines come before choices, which they may decide.
    """

    is_choice: bool
    package: PackageName
    line: Line  # (0, 0, 0) for a choice
    requirement: str  # '' for a line


class _LineChoice(Struct, frozen=True):
    """A line that a requirement is to be met from."""

    slot: _Slot
    wish: Wish
    line: Line


class _Wanted(Struct, frozen=True):
    """A wish and the slot whose filling fulfils it."""

    wish: Wish
    slot: _Slot
    admitted: frozenset[Version]  # at hand, because resolvelib asks again at every step whether each pin satisfies


_Filling = Pin | _LineChoice


class _Provider(resolvelib.AbstractProvider[_Wanted, _Filling, _Slot]):
    def __init__(self, source: PackageSource, preferred: frozenset[Pin]) -> None:
        self._source = source
        self._preferred = preferred
        self._expected: set[Pin] = set()
        self._ordered: dict[PackageName, list[Version]] = {}
        self._admitted: dict[tuple[PackageName, str], frozenset[Version]] = {}
        self.asked: dict[Pin | str, tuple[Wish, ...]] = {}  # what each version that was looked at requires

    def wanted(self, wishes: Sequence[Wish]) -> list[_Wanted]:
        """The wishes with their slots."""
        self._source.expect(sorted({wish.package for wish in wishes}), ())
        for wish in wishes:
            self.asked[wish.by] = (*self.asked.get(wish.by, ()), wish)
        return [_Wanted(wish, self._slot_of(wish), self._admits(wish)) for wish in wishes]

    def in_effect(self, wishes: Sequence[Wish]) -> list[Wish]:
        """`wishes` and what follows from them without a choice, as far as that can be had."""
        found: list[Wish] = []
        pending = list(wishes)
        while pending:
            wish = pending.pop()
            if wish not in found:
                found.append(wish)
                admitted = self._admits(wish)
                if len(admitted) == 1:
                    pending += self._asked_by(Pin(wish.package, *admitted))
        return found

    def _asked_by(self, pin: Pin) -> tuple[Wish, ...]:
        """What a version requires; nothing where that cannot be had, for a conflict is there to be told."""
        if pin not in self.asked:
            try:
                self.get_dependencies(pin)
            except WpkgError:
                return ()
        return self.asked[pin]

    def _slot_of(self, wish: Wish) -> _Slot:
        lines = {version.line for version in self._admits(wish)}
        if len(lines) > 1:
            return _Slot(is_choice=True, package=wish.package, line=(0, 0, 0), requirement=str(wish.requirement))
        line = next(iter(lines), (0, 0, 0))
        return _Slot(is_choice=False, package=wish.package, line=line, requirement="")

    def _versions(self, package: PackageName) -> list[Version]:
        """The versions in the order of taste."""
        if package not in self._ordered:
            self._ordered[package] = sorted(
                self._source.versions(package),
                key=lambda version: (Pin(package, version) in self._preferred, version.place),
                reverse=True,
            )
        return self._ordered[package]

    def _admits(self, wish: Wish) -> frozenset[Version]:
        """The versions that satisfy a wish; asked for again and again."""
        key = (wish.package, wish.requirement.text)
        if key not in self._admitted:
            matching = filter(wish.requirement.matches, self._versions(wish.package))
            self._admitted[key] = frozenset(matching)
        return self._admitted[key]

    def identify(self, requirement_or_candidate: _Wanted | _Filling) -> _Slot:
        thing = requirement_or_candidate
        if isinstance(thing, Pin):
            return _Slot(is_choice=False, package=thing.name, line=thing.version.line, requirement="")
        return thing.slot

    def narrow_requirement_selection(
        self,
        identifiers: Iterable[_Slot],
        resolutions: Mapping[_Slot, _Filling],  # noqa: ARG002
        candidates: Mapping[_Slot, Iterator[_Filling]],
        information: Mapping[_Slot, Iterator[object]],  # noqa: ARG002
        backtrack_causes: Sequence[RequirementInformation[_Wanted, _Filling]],
    ) -> Iterable[_Slot]:
        """The one to fill next: what was in the way last time, else the first in the order of slots.

        What would be taken for each is announced, so that it is there when its turn comes.
        """
        slots = list(identifiers)
        first = [next(candidates[slot], None) for slot in slots if not slot.is_choice]
        new = sorted({pin for pin in first if isinstance(pin, Pin)} - self._expected)
        self._expected.update(new)
        self._source.expect((), new)
        in_the_way = {cause.requirement.slot for cause in backtrack_causes}
        return [min(in_the_way.intersection(slots) or slots)]

    def get_preference(self, *_: object, **__: object) -> int:
        """Which of several slots comes first: there is one, `narrow_requirement_selection` leaves no more."""
        return 0

    def find_matches(
        self,
        identifier: _Slot,
        requirements: Mapping[_Slot, Iterator[_Wanted]],
        incompatibilities: Mapping[_Slot, Iterator[_Filling]],
    ) -> Iterable[_Filling]:
        excluded = set(incompatibilities[identifier])
        wanted = list(requirements[identifier])
        admitted = frozenset.intersection(*(each.admitted for each in wanted))
        fitting = [version for version in self._versions(identifier.package) if version in admitted]
        found: list[_Filling]
        if identifier.is_choice:
            lines = dict.fromkeys(version.line for version in fitting)
            found = [_LineChoice(identifier, wanted[0].wish, line) for line in lines]
        else:
            found = [Pin(identifier.package, v) for v in fitting if v.line == identifier.line]
        return [filling for filling in found if filling not in excluded]

    def is_satisfied_by(self, requirement: _Wanted, candidate: _Filling) -> bool:
        if isinstance(candidate, Pin):
            return candidate.version in requirement.admitted
        return requirement.slot == candidate.slot

    def get_dependencies(self, candidate: _Filling) -> Iterable[_Wanted]:
        if isinstance(candidate, Pin):
            found = self._source.dependencies(candidate)
            self.asked[candidate] = ()
            return self.wanted([Wish(name, found[name], candidate) for name in sorted(found)])
        slot = _Slot(is_choice=False, package=candidate.slot.package, line=candidate.line, requirement="")
        return [_Wanted(candidate.wish, slot, self._admits(candidate.wish))]
