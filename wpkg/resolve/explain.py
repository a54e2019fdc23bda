"""Why no set of versions fits, in the words of the people who wrote the requirements."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wpkg.errors import NoSolution
from wpkg.names.pin import Pin

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from wpkg.names.package_name import PackageName
    from wpkg.names.requirement import Requirement
    from wpkg.names.version import Version

    Asked = Mapping[Pin | str, Sequence["Wish"]]  # what each version that was looked at requires

_SHOWN_VERSIONS = 8
THE_PROJECT = "the project"


class Wish(Struct, frozen=True):
    """A requirement and who has it: a version, or a project by what it is called in a sentence."""

    package: PackageName
    requirement: Requirement
    by: Pin | str = THE_PROJECT

    def __str__(self) -> str:
        return f"{self.by} requires {self.package} {self.requirement}"


class NoVersionFits(NoSolution):
    """Requirements that no published version satisfies together. Nothing else can be chosen that avoids them."""

    def __init__(
        self,
        causes: Iterable[Wish],
        versions: Mapping[PackageName, Sequence[Version]],
        asked: Asked,
        in_effect: Collection[Wish] = (),
    ) -> None:
        """`causes` contradict each other; whoever `in_effect` contradicts one of them is to be heard, too."""
        by_package: dict[PackageName, list[Wish]] = {}
        for wish in sorted(set(causes), key=str):
            by_package.setdefault(wish.package, []).append(wish)
        self.wishes = tuple(
            wish
            for name, wishes in sorted(by_package.items())
            for wish in _with_others(_in_the_way(wishes, versions[name]), in_effect, versions[name])
        )
        self.paths = {wish: _path(wish, asked) for wish in self.wishes}
        self.versions = {name: tuple(sorted(versions[name], reverse=True)) for name in sorted(versions)}
        facts = [self._sentence(name) for name in self.versions]
        super().__init__("; ".join(facts), hint=self._hint(asked))

    @property
    def details(self) -> Mapping[str, Any]:
        """The requirements that contradict each other, how each comes about, and what is published."""
        return {
            "requirements": [
                {
                    "package": str(wish.package),
                    "requirement": str(wish.requirement),
                    "path": [str(step) for step in self.paths[wish]],
                }
                for wish in self.wishes
            ],
            "published": {str(name): [str(v) for v in found] for name, found in self.versions.items()},
        }

    def _about(self, package: PackageName) -> list[Wish]:
        return [wish for wish in self.wishes if wish.package == package]

    def _sentence(self, package: PackageName) -> str:
        *most, last = (
            f"{wish.by} requires {wish.requirement}{_way(self.paths[wish])}" for wish in self._about(package)
        )
        wishes = f"{', '.join(most)} and {last}" if most else last
        return f"no version of {package} fits: {wishes} (published: {_shown(self.versions[package])})"

    def _hint(self, asked: Asked) -> str:
        for wish in self.wishes:
            found = self.versions[wish.package]
            if not any(wish.requirement.matches(version) for version in found):
                return _hint_for_one(wish, found)
        lines = sorted({_own_line(self.paths[wish], wish, asked) for wish in self.wishes})
        several = len(self.wishes) > 2  # noqa: PLR2004 - then one is not enough
        return "\n".join(
            [f"loosen {'some' if several else 'one'} of these requirements in wasmcloud.toml:", *lines]
        )


def _in_the_way(wishes: list[Wish], versions: Sequence[Version]) -> list[Wish]:
    """The wishes without those that could go and nothing would fit any better."""
    left = wishes
    for wish in wishes:
        rest = [other for other in left if other is not wish]
        if rest and not any(all(other.requirement.matches(v) for other in rest) for v in versions):
            left = rest
    return left


def _with_others(wishes: list[Wish], others: Iterable[Wish], versions: Sequence[Version]) -> list[Wish]:
    """`wishes`, and each of the `others` that wants another version of the same line than one of them."""

    def admitted(wish: Wish) -> set[Version]:
        return {version for version in versions if wish.requirement.matches(version)}

    def clash(one: Wish, other: Wish) -> bool:
        left, right = admitted(one), admitted(other)
        return left.isdisjoint(right) and not {v.line for v in left}.isdisjoint(v.line for v in right)

    about = [other for other in others if other.package == wishes[0].package]
    return sorted({*wishes, *(other for other in about if any(clash(wish, other) for wish in wishes))}, key=str)


def _hint_for_one(wish: Wish, versions: Sequence[Version]) -> str:
    """What to do about a requirement that no published version satisfies, whatever else is required."""
    if not versions:
        return f"publish a version of {wish.package}, or check its name and [registries] in wasmcloud.toml"
    newest = next((version for version in versions if not version.pre), versions[0])
    unasked = [version for version in versions if version.pre and wish.requirement.covers(version)]
    if isinstance(wish.by, Pin):
        return f"take another version of {wish.by.name}, or ask whoever publishes it"
    if unasked:
        return f'only pre-releases fit, and those have to be asked for: "{wish.package}" = "^{unasked[0]}"'
    return f'to take the newest version, write "{wish.package}" = "^{newest}" in wasmcloud.toml'


def _path(wish: Wish, asked: Asked) -> tuple[Pin | str, ...]:
    """A shortest way from a project to whoever has the wish, both included."""
    roots = sorted((by for by in asked if isinstance(by, str)), key=str)
    pending: deque[tuple[Pin | str, ...]] = deque((root,) for root in roots)
    seen: set[Pin | str] = set(roots)
    while pending:
        path = pending.popleft()
        if path[-1] == wish.by:
            return path
        for other in asked.get(path[-1], ()):
            for pin in sorted(by for by in asked if isinstance(by, Pin) and by.name == other.package):
                if pin not in seen and other.requirement.matches(pin.version):
                    seen.add(pin)
                    pending.append((*path, pin))
    return (wish.by,)


def _way(path: Sequence[Pin | str]) -> str:
    """How a version comes to be needed, where that is not by the project itself."""
    return f" (by way of {' → '.join(str(step) for step in path[:-1])})" if len(path) > 2 else ""  # noqa: PLR2004


def _own_line(path: Sequence[Pin | str], wish: Wish, asked: Asked) -> str:
    """The line of a project's own that a path begins with."""
    line = wish
    if len(path) > 1 and isinstance(first := path[1], Pin):
        fitting = (o for o in asked[path[0]] if o.package == first.name and o.requirement.matches(first.version))
        line = next(fitting, wish)
    where = "" if path[0] == THE_PROJECT else f"  # {path[0]}"
    return f'"{line.package}" = "{line.requirement}"{where}'


def _shown(versions: Sequence[Version]) -> str:
    if not versions:
        return "nothing"
    more = len(versions) - _SHOWN_VERSIONS
    return ", ".join(str(version) for version in versions[:_SHOWN_VERSIONS]) + (
        f" and {more} more" if more > 0 else ""
    )
