"""What upkeep is asked to do, and what it reports: values that cross the socket as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping

DAY = 24 * 3600  # seconds


class CollectOrder(Struct, frozen=True, tag="gc"):
    """Remove what nothing needs."""

    grace: int = DAY  # seconds for which whatever a client has been told of stays
    is_dry_run: bool = False
    keeps_untagged: bool = False


class ScrubOrder(Struct, frozen=True, tag="scrub"):
    """Find damage, and mend it where `repairs`."""

    repairs: bool = False


Order = CollectOrder | ScrubOrder


class Collected(Struct, frozen=True):
    """What was removed from a repository, or would be; or why nothing was."""

    repository: str
    manifests: tuple[str, ...] = ()  # digests
    blobs: tuple[str, ...] = ()  # digests
    uploads: int = 0
    size: int = 0  # bytes of all these
    problem: str | None = None
    is_pruned: bool = False  # the repository itself is no more, which has had nothing for the grace period


class CollectReport(Struct, frozen=True, tag="gc"):
    """What was removed from a store, or would be."""

    is_dry_run: bool
    grace: int  # seconds
    seen: int  # repositories that were looked at
    freed: int  # bytes of disk; less than what was removed where others have it as well
    repositories: tuple[Collected, ...]  # where there was something, by name

    @property
    def is_fine(self) -> bool:
        """Whether every repository could be looked at."""
        return all(one.problem is None for one in self.repositories)


class Finding(Struct, frozen=True):
    """Something that is not as it must be."""

    repository: str
    kind: str
    what: str  # a clause about `subject`
    subject: str  # a digest, tag, or file of the layout
    tags: tuple[str, ...] = ()  # that name it
    repair: str | None = None  # what was done


class ScrubReport(Struct, frozen=True, tag="scrub"):
    """What was found in a store."""

    repositories: int
    blobs: int
    size: int  # bytes that were read
    absent: int  # contents that manifests name and that are not here, which is no damage
    findings: tuple[Finding, ...]  # by repository, kind and subject

    @property
    def is_fine(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


class Failed(Struct, frozen=True, tag="failed"):
    """An order was not carried out, or not to its end."""

    message: str
    hint: str | None = None


Report = CollectReport | ScrubReport
Answer = CollectReport | ScrubReport | Failed


def removed(report: CollectReport) -> Mapping[str, int]:
    """How much of each kind, in all repositories."""
    return {
        "manifests": sum(len(one.manifests) for one in report.repositories),
        "blobs": sum(len(one.blobs) for one in report.repositories),
        "repositories": sum(one.is_pruned for one in report.repositories),
        "uploads": sum(one.uploads for one in report.repositories),
        "size": sum(one.size for one in report.repositories),
    }
