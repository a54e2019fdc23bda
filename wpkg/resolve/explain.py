"""Why no set of versions fits, in the words of the people who wrote the requirements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.errors import NoSolution

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wpkg.names.package_name import PackageName
    from wpkg.names.requirement import Requirement
    from wpkg.names.version import Version

_SHOWN_VERSIONS = 8


class Wish(Struct, frozen=True):
    """A requirement and who has it: `package@version`, None for the project itself."""

    package: PackageName
    requirement: Requirement
    by: str | None

    def __str__(self) -> str:
        return f"{self.by or 'the project'} requires {self.package} {self.requirement}"


class NoVersionFits(NoSolution):
    """Requirements that no published version satisfies together."""

    def __init__(self, wishes: Sequence[Wish], versions: Mapping[PackageName, Sequence[Version]]) -> None:
        wishes = sorted(set(wishes), key=str)
        published = "; ".join(f"{name}: {_shown(found)}" for name, found in sorted(versions.items()))
        super().__init__(
            f"no version fits: {' and '.join(str(wish) for wish in wishes)} (published versions of {published})",
            hint="loosen a requirement in wasmcloud.toml, or publish a version that satisfies it",
        )
        self.wishes = tuple(wishes)
        self.versions = versions


def _shown(versions: Sequence[Version]) -> str:
    if not versions:
        return "none"
    newest = sorted(versions, reverse=True)
    more = len(newest) - _SHOWN_VERSIONS
    return ", ".join(str(version) for version in newest[:_SHOWN_VERSIONS]) + (
        f" and {more} more" if more > 0 else ""
    )
