"""A store that is damaged, and what scrub says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from registry_shim.upkeep.orders import Finding, ScrubReport
    from tests.shim.upkeep.conftest import Kept
    from wpkg.oci.digest import Digest

LAYER = b"layer " * 1000


def spoil(root: Path, path: str, digest: Digest, data: bytes = b"spoilt") -> Path:
    """Other bytes in a file of its own under the digest."""
    file = root / path / "blobs" / digest.algorithm / digest.encoded
    file.unlink(missing_ok=True)
    file.write_bytes(data)
    return file


def kinds(report: ScrubReport) -> list[tuple[str, str, str]]:
    return [(found.repository, found.kind, found.subject) for found in report.findings]


def mend(kept: Kept) -> tuple[Finding, ...]:
    """What is found twice as long as nobody mends it, then mended, and then found no more."""
    first = kept.scrub().findings
    assert first
    assert kept.scrub().findings == first
    mended = kept.scrub(repair=True).findings
    assert [found.repair is not None for found in mended] == [True] * len(mended)
    assert kept.scrub().findings == ()
    return mended


def quarantined(kept: Kept, path: str = "a/b") -> dict[str, bytes]:
    directory = kept.root / path / "_quarantine"
    return {file.name: file.read_bytes() for file in directory.iterdir()} if directory.exists() else {}
