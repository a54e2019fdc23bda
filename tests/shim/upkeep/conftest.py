from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from registry_shim.upkeep.collect import collect
from registry_shim.upkeep.orders import DAY, CollectOrder, ScrubOrder
from registry_shim.upkeep.scrub import scrub

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from registry_shim.store.repository import Repository
    from registry_shim.store.store import Store
    from registry_shim.upkeep.orders import CollectReport, ScrubReport
    from wpkg.oci.digest import Digest


def proceed() -> None:
    """Nothing between two steps."""


def age(root: Path, seconds: float = DAY + 60) -> None:
    """Let everything below `root` be so much older."""
    for path in root.rglob("*"):
        if (path.is_file() or path.is_dir()) and not path.is_symlink():
            made = path.stat().st_mtime
            os.utime(path, (made - seconds, made - seconds))


@dataclass
class Kept:
    """A store, and what is done for its upkeep."""

    store: Store
    root: Path
    waiting: dict[str, list[Digest]] = field(default_factory=dict)

    def collect(self, grace: int = DAY, *, dry: bool = False, keep_untagged: bool = False) -> CollectReport:
        order = CollectOrder(grace, is_dry_run=dry, keeps_untagged=keep_untagged)
        return collect(self.store, order, self.is_waiting, proceed)

    def is_waiting(self, path: str) -> Iterable[Digest]:
        return self.waiting.get(path, [])

    def scrub(self, *, repair: bool = False) -> ScrubReport:
        return scrub(self.store, ScrubOrder(repairs=repair), proceed)

    def age(self, seconds: float = DAY + 60) -> None:
        age(self.root, seconds)

    def has(self, path: str, digest: Digest) -> bool:
        repository = self.store.find(path)
        return repository is not None and repository.blobs.size(digest) is not None


@pytest.fixture
def kept(store: Store, root: Path) -> Kept:
    return Kept(store, root)


@pytest.fixture
def repository(store: Store) -> Repository:
    return store.obtain("a/b")
