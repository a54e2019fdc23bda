"""Rows of the catalogue as a person wants them: by repository, the newest version first, only what may be seen."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.names.version import RAW_SUFFIX, Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from registry_shim.catalogue.database import Row
    from registry_shim.page.caller import Caller


class Listed(Struct, frozen=True):
    """A repository with some of its tags, at least one, best first."""

    repository: str
    rows: tuple[Row, ...]

    @property
    def best(self) -> Row:
        """The highest version, not a raw one where there is another."""
        return self.rows[0]


def list_rows(rows: Iterable[Row], caller: Caller) -> Iterator[Listed]:
    """The repositories in order, each asked for only when it is reached."""
    for repository, found in groupby(sorted(rows, key=lambda row: row.repository), lambda row: row.repository):
        seen = tuple(row for row in sorted(found, key=_rank, reverse=True) if caller.may_see(repository, row.tag))
        if seen:
            yield Listed(repository, seen)


def _rank(row: Row) -> tuple[bool, bool, bool, Version, str]:
    """Releases, then pre-releases, then raw components, then tags that are no versions."""
    is_raw = row.tag.endswith(RAW_SUFFIX)
    version = Version.from_tag(row.tag.removesuffix(RAW_SUFFIX))
    is_release = version is not None and not version.pre
    return (not is_raw, version is not None, is_release, version or Version(0, 0, 0), row.tag)
