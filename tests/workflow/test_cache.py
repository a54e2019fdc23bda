from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.fakes.registry import MemoryRegistry
from tests.fakes.world import Notes, fake_world
from tests.packages import publish_packages
from tests.workflow.conftest import TRUST
from wpkg.oci.digest import Digest
from wpkg.project.lockfile import Lock
from wpkg.registry.cache import Cache
from wpkg.workflow.add import Wanted, add
from wpkg.workflow.cache import DamagedCache, Limits, list_cache, prune_cache, verify_cache
from wpkg.workflow.fetch import fetch_locked

if TYPE_CHECKING:
    from pathlib import Path

    from tests.workflow.conftest import Company
    from wpkg.workflow.world import World

DAY = 86400.0


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A cache with five files of 1000 to 5000 bytes, used one to five days ago: the larger, the longer."""
    made = fake_world(tmp_path)
    for index in range(1, 6):
        data = bytes([index]) * index * 1000
        made.cache.write(Digest.of(data), data)
        used = time.time() - index * DAY
        os.utime(made.cache.path(Digest.of(data)), (used, used))
    return made


def sizes(world: World) -> list[int]:
    return sorted(content.entry.size for content in list_cache(world).contents)


def test_a_listing_says_what_the_content_is(company: Company) -> None:
    company.publish("harness")
    root = company.project("validator", extra=TRUST)
    world = company.world()
    add(world, root, [Wanted.parse("pay:harness@^0.1")])
    world.cache.write(Digest.of(b"unknown"), b"unknown")
    listing = list_cache(world)
    roles = [content.role for content in listing.contents]
    assert listing.contents[0].names == ("pay:harness 0.1.0",)
    assert listing.contents[0].entry.size == len(company.sources["harness"])
    # Signature and provenance: a manifest and a bundle each.
    assert sorted(roles) == ["component", "config", *["evidence"] * 4, "manifest", "other"]
    assert roles[0] == "component"
    assert listing.size == sum(
        path.stat().st_size for path in (listing.root / "blobs").rglob("*") if path.is_file()
    )


def test_looking_is_not_using(world: World) -> None:
    before = [content.entry.used for content in list_cache(world).contents]
    verify_cache(world)
    assert [content.entry.used for content in list_cache(world).contents] == before


@pytest.mark.parametrize(
    ("limits", "left"),
    [
        (Limits(age=2.5 * DAY), [1000, 2000]),
        (Limits(age=9 * DAY), [1000, 2000, 3000, 4000, 5000]),
        (Limits(age=0.0), []),
        (Limits(size=6000), [1000, 2000, 3000]),
        (Limits(size=5999), [1000, 2000]),
        (Limits(size=0), []),
        (Limits(size=15000), [1000, 2000, 3000, 4000, 5000]),
        (Limits(age=4.5 * DAY, size=9999), [1000, 2000, 3000]),
        (Limits(age=1.5 * DAY, size=9999), [1000]),
    ],
)
def test_the_least_recently_used_goes_first(world: World, limits: Limits, left: list[int]) -> None:
    planned = prune_cache(world, limits, dry_run=True)
    assert sizes(world) == [1000, 2000, 3000, 4000, 5000]
    pruned = prune_cache(world, limits)
    assert sizes(world) == left
    assert (planned.removed, planned.kept) == (pruned.removed, pruned.kept)
    assert (pruned.size, pruned.freed) == (sum(left), 15000 - sum(left))


def test_use_keeps_content(world: World) -> None:
    oldest = bytes([5]) * 5000
    assert world.cache.read(Digest.of(oldest)) == oldest
    prune_cache(world, Limits(age=2.5 * DAY))
    assert sizes(world) == [1000, 2000, 5000]


def test_leftovers_go_with_every_prune(world: World) -> None:
    (world.cache.root / "partial" / f"sha256-{'0' * 64}").write_bytes(b"half")
    (world.cache.root / "blobs" / "sha256" / ".x.123").write_bytes(b"half")
    assert prune_cache(world, Limits(), dry_run=True).leftovers == 2
    assert list_cache(world).leftovers == 2
    assert prune_cache(world, Limits()).leftovers == 2
    assert (list_cache(world).leftovers, len(sizes(world))) == (0, 5)


def test_pruning_waits_for_whoever_uses_the_cache(tmp_path: Path) -> None:
    notes = Notes()
    world = fake_world(tmp_path, notes=notes)
    user = Cache(world.cache.root)
    user.write(Digest.of(b"in use"), b"in use")
    pruning = threading.Thread(target=prune_cache, args=(world, Limits(age=0.0)))
    pruning.start()
    while not notes.lines:
        time.sleep(0.001)
    assert notes.lines == ["Waiting for other wpkg processes that use the cache"]
    assert user.read(Digest.of(b"in use")) == b"in use"
    del user
    pruning.join(10)
    assert sizes(world) == []
    assert len(notes.lines) == 1


def test_a_good_cache_is_verified(world: World) -> None:
    assert verify_cache(world) == 5


def test_damaged_files_are_removed_and_named(world: World) -> None:
    digests = [Digest.of(bytes([index]) * index * 1000) for index in (1, 4)]
    for digest in digests:
        world.cache.path(digest).write_bytes(b"damaged")
    with pytest.raises(DamagedCache) as caught:
        verify_cache(world)
    assert str(caught.value).startswith("2 of 5 files in the cache were damaged and have been removed: sha256:")
    assert caught.value.details == {"damaged": sorted(str(digest) for digest in digests)}
    assert verify_cache(world) == 3


def test_what_was_replaced_meanwhile_is_not_removed(tmp_path: Path) -> None:
    """Damaged when it was read, good when it would be removed: another process has fetched it again."""
    registry = MemoryRegistry()
    lock = Lock(tuple(publish_packages(registry, "127.0.0.1:5000", 1, 1000)))
    world = fake_world(tmp_path, registry)
    fetch_locked(world, lock)
    component = lock.packages[0].component
    world.cache.path(component).write_bytes(b"damaged")
    other = fake_world(tmp_path, registry)
    verifying: list[BaseException] = []

    def verify() -> None:
        try:
            verify_cache(fake_world(tmp_path, notes=notes))
        except DamagedCache as error:
            verifying.append(error)

    notes = Notes()
    other.cache.write(Digest.of(b"x"), b"x")  # in use from here on
    thread = threading.Thread(target=verify)
    thread.start()
    while not any(line.startswith("Waiting") for line in notes.lines):
        time.sleep(0.001)
    fetch_locked(other, lock)
    del other, world
    thread.join(10)
    assert len(verifying) == 1
    assert fake_world(tmp_path).cache.has(component)
