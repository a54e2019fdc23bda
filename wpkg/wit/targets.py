"""Whether a component conforms to a world: it could run wherever that world is offered and asked for.

The component may import less than the world imports, and must export all that the world exports. Names match
exactly, else on their semver track, whichever of the two is higher: hosts link that way, and the types decide.
All imports are compared under one substitution, and so are all exports, so that a resource is the same everywhere.
"""

from __future__ import annotations

import difflib
from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.component.substitute import Substitution
from wpkg.component.subtype import Mismatch, check_extern
from wpkg.errors import CompositionError
from wpkg.names.extern_name import higher_name, track_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from wpkg.component.types import ComponentType, ExternType


class Difference(Enum):
    """In what a component does not conform. The value sorts and is for programs."""

    EXTRA_IMPORT = "extra-import"
    IMPORT_MISMATCH = "import-mismatch"
    MISSING_EXPORT = "missing-export"
    EXPORT_MISMATCH = "export-mismatch"


class Finding(Struct, frozen=True):
    """One difference. `other` is the name it was compared with, or for want of one the nearest name."""

    difference: Difference
    name: str
    other: str | None
    mismatch: Mismatch | None

    def __str__(self) -> str:
        near = f" (it has '{self.other}')" if self.other is not None else ""
        against = f" (against '{self.other}')" if self.other not in (None, self.name) else ""
        match self.difference:
            case Difference.EXTRA_IMPORT:
                return f"import '{self.name}': the world does not import it{near}"
            case Difference.MISSING_EXPORT:
                return f"export '{self.name}': the component does not export it{near}"
            case Difference.IMPORT_MISMATCH:
                return f"import '{self.name}'{against}: {self.mismatch}"
            case Difference.EXPORT_MISMATCH:
                return f"export '{self.name}'{against}: {self.mismatch}"

    def to_json(self) -> dict[str, Any]:
        """The finding for programs."""
        members: dict[str, Any] = {"difference": self.difference.value, "name": self.name, "other": self.other}
        if self.mismatch is not None:
            path, wanted, given = self.mismatch.path, self.mismatch.wanted, self.mismatch.given
            members |= {"path": list(path), "wanted": wanted, "given": given}
        return members


class Conformance(Struct, frozen=True):
    """How a component and a world compare: names that match (the component's, the world's) and what differs."""

    imports: tuple[tuple[str, str], ...]
    exports: tuple[tuple[str, str], ...]
    findings: tuple[Finding, ...]


class DoesNotConform(CompositionError):
    """A component is not one of a world."""

    def __init__(self, component: str, world: str, findings: tuple[Finding, ...]) -> None:
        count = "1 difference" if len(findings) == 1 else f"{len(findings)} differences"
        super().__init__(
            f"{component} does not conform to the world '{world}'",
            hint="\n".join((f"{count}; build it for this world, or name another one", *map(str, findings))),
        )
        self.findings = findings

    @property
    def details(self) -> Mapping[str, Any]:
        """The findings for programs."""
        return {"findings": [finding.to_json() for finding in self.findings]}


def compare_with_world(component: ComponentType, world: ComponentType) -> Conformance:
    """How `component` compares with `world`; it conforms when there are no findings, which are sorted."""
    findings: list[Finding] = []
    imports: list[tuple[str, str]] = []
    inward = Substitution()
    for name, extern in component.imports.items():
        other = _counterpart(name, world.imports)
        if other is None:
            findings.append(Finding(Difference.EXTRA_IMPORT, name, _nearest(name, world.imports), None))
        else:
            imports.append((name, other))
            inward.bind_extern(extern, world.imports[other])
    for name, other in imports:
        mismatch = check_extern(world.imports[other], component.imports[name], inward)
        if mismatch is not None:
            findings.append(Finding(Difference.IMPORT_MISMATCH, name, other, mismatch))

    given = inward.externs(component.exports)
    exports: list[tuple[str, str]] = []
    outward = Substitution()
    for name, extern in world.exports.items():
        other = _counterpart(name, given)
        if other is None:
            findings.append(Finding(Difference.MISSING_EXPORT, name, _nearest(name, given), None))
        else:
            exports.append((other, name))
            outward.bind_extern(extern, given[other])
    for other, name in exports:
        mismatch = check_extern(given[other], world.exports[name], outward)
        if mismatch is not None:
            findings.append(Finding(Difference.EXPORT_MISMATCH, name, other, mismatch))
    order = list(Difference)
    findings.sort(key=lambda finding: (order.index(finding.difference), finding.name))
    return Conformance(tuple(sorted(imports)), tuple(sorted(exports)), tuple(findings))


def _counterpart(name: str, externs: Mapping[str, ExternType]) -> str | None:
    """The one of `externs` that stands for `name`: of that name, else the highest on its semver track."""
    if name in externs:
        return name
    key = track_key(name)
    best: str | None = None
    for candidate in externs:
        if key != name and track_key(candidate) == key:
            best = candidate if best is None else higher_name(best, candidate)
    return best


def _nearest(name: str, names: Iterable[str]) -> str | None:
    """A name that differs in its version only, else one that is spelled alike."""
    every = sorted(names)
    unversioned = name.partition("@")[0]
    same = [other for other in every if other.partition("@")[0] == unversioned]
    return next(iter(same or difflib.get_close_matches(name, every, n=1, cutoff=0.8)), None)
