from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tests.fakes.registry import MemoryRegistry
from tests.fakes.world import Notes, fake_world, offline
from tests.packages import VERSION, project_that_pins, publish_package, publish_packages
from tests.workflow.conftest import TRUST
from wpkg.errors import LockOutOfDate, NotTrusted, RegistryError
from wpkg.names.package_name import PackageName
from wpkg.oci.digest import ContentMismatch
from wpkg.project.lockfile import Lock
from wpkg.registry.cache_entries import read_contents
from wpkg.registry.errors import Offline, Unreachable
from wpkg.workflow.add import Wanted, add
from wpkg.workflow.build import build
from wpkg.workflow.fetch import fetch, fetch_locked, plan_fetch
from wpkg.workflow.lock import lock
from wpkg.workflow.release import DigestGone

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.workflow.conftest import Company
    from wpkg.oci.descriptor import Descriptor
    from wpkg.oci.reference import Repository
    from wpkg.project.lockfile import LockedPackage

ADDRESS = "127.0.0.1:5000"


@pytest.fixture
def registry() -> MemoryRegistry:
    return MemoryRegistry()


def pinned(registry: MemoryRegistry, count: int = 5) -> Lock:
    return Lock(tuple(publish_packages(registry, ADDRESS, count, 1000)))


def content(registry: MemoryRegistry, package: LockedPackage) -> bytes:
    return registry.blobs[package.source, package.component]


def test_everything_is_fetched_once_in_the_order_of_the_lock(tmp_path: Path, registry: MemoryRegistry) -> None:
    lock_, notes = pinned(registry, 20), Notes()
    world = fake_world(tmp_path, registry, notes=notes)
    fetched = fetch_locked(world, lock_)
    assert [package.locked for package in fetched] == list(lock_.packages)
    assert [package.path.read_bytes() for package in fetched] == [content(registry, p) for p in lock_.packages]
    assert {package.was_there for package in fetched} == {False}
    assert notes.progressed == {f"many:p{i:03} {VERSION}": (1000, 1000) for i in range(20)}
    registry.requests.clear()
    again = fetch_locked(fake_world(tmp_path, registry), lock_)
    assert [package.path for package in again] == [package.path for package in fetched]
    assert {package.was_there for package in again} == {True}
    assert registry.requests == []
    assert fetch_locked(offline(world), lock_) == again


class Together(MemoryRegistry):
    """A registry that answers downloads only when so many are asked for at once."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.barrier = threading.Barrier(count)

    def download_blob(
        self, repository: Repository, blob: Descriptor, sink: Callable[[memoryview], object]
    ) -> None:
        self.barrier.wait(10)
        super().download_blob(repository, blob, sink)


def test_many_downloads_run_at_once(tmp_path: Path) -> None:
    registry = Together(16)
    assert len(fetch_locked(fake_world(tmp_path, registry), pinned(registry, 32))) == 32


def test_one_failure_fails_all_by_name_and_leaves_nothing_half(tmp_path: Path, registry: MemoryRegistry) -> None:
    lock_ = pinned(registry, 20)
    bad = lock_.packages[7]
    registry.blobs[bad.source, bad.component] = content(registry, bad)[:-1] + b"!"
    world = fake_world(tmp_path, registry)
    with pytest.raises(ContentMismatch, match="^many:p007 1.0.0: blob sha256:") as caught:
        fetch_locked(world, lock_)
    assert str(caught.value).count("many:p007") == 1
    found = read_contents(world.cache)
    assert found.leftovers == ()
    assert all(not world.cache.is_damaged(entry.digest) for entry in found.entries)
    assert bad.component not in [entry.digest for entry in found.entries]


@pytest.mark.parametrize("what", ["manifest", "component"])
def test_what_the_registry_no_longer_has_is_an_error_of_its_own(
    tmp_path: Path, registry: MemoryRegistry, what: str
) -> None:
    lock_ = pinned(registry)
    gone = lock_.packages[3]
    if what == "manifest":
        del registry.manifests[gone.source, gone.manifest]
        expected = f"{gone.source} no longer has {gone.manifest}, which the lock pins as many:p003 1.0.0"
    else:
        del registry.blobs[gone.source, gone.component]
        expected = f"{gone.source} no longer has {gone.component}, the component of many:p003 1.0.0"
    with pytest.raises(DigestGone) as caught:
        fetch_locked(fake_world(tmp_path, registry), lock_)
    assert str(caught.value) == expected


def test_offline_says_which_package_is_missing(tmp_path: Path, registry: MemoryRegistry) -> None:
    lock_ = pinned(registry)
    world = fake_world(tmp_path, registry)
    fetch_locked(world, lock_)
    world.cache.path(lock_.packages[2].component).unlink()
    with pytest.raises(Offline, match="^many:p002 1.0.0: component sha256:.* is not in the cache, and --offline"):
        fetch_locked(offline(world), lock_)


def test_damaged_content_is_said_and_fetched_again(tmp_path: Path, registry: MemoryRegistry) -> None:
    lock_, notes = pinned(registry), Notes()
    world = fake_world(tmp_path, registry, notes=notes)
    fetch_locked(world, lock_)
    damaged = lock_.packages[1]
    for digest in (damaged.component, damaged.manifest):
        world.cache.path(digest).write_bytes(b"damaged")
    again = fetch_locked(world, lock_)
    assert again[1].path.read_bytes() == content(registry, damaged)
    assert [package.was_there for package in again] == [True, False, True, True, True]
    assert sorted(notes.warnings) == sorted(
        f"warning: the cached copy of {digest.short} is damaged and is not used"
        for digest in (damaged.component, damaged.manifest)
    )


def test_packages_with_the_same_component_share_it(tmp_path: Path, registry: MemoryRegistry) -> None:
    names = [PackageName.parse(f"same:p{index}") for index in range(8)]
    lock_ = Lock(tuple(publish_package(registry, ADDRESS, name, b"same" * 1000) for name in names))
    fetched = fetch_locked(fake_world(tmp_path, registry), lock_)
    assert len({package.path for package in fetched}) == 1
    assert [method for method, _ in registry.requests].count("download_blob") == 1


# --- what wkg is faulted for -------------------------------------------------------------------------


def test_another_registry_never_gets_the_first_ones_bytes_from_the_cache(tmp_path: Path) -> None:
    """wasm-pkg-tools#249: the same name and version at another place are other content.

    wkg's cache is keyed by name and version, so that it installs the bytes of the registry that was asked first.
    """
    registry = MemoryRegistry()
    name = PackageName.parse("acme:util")
    first = publish_package(registry, "first.example", name, b"first")
    second = publish_package(registry, "second.example", name, b"second")
    root = project_that_pins(tmp_path / "app", "first.example", [first])
    (root / "wpkg.lock").unlink()
    world = fake_world(tmp_path, registry)
    assert fetch(world, root).packages[0].path.read_bytes() == b"first"

    file = root / "wasmcloud.toml"
    file.write_text(file.read_text().replace("first.example", "second.example"))
    (root / "wpkg.lock").unlink()
    fetched = fetch(world, root).packages[0]
    assert fetched.path.read_bytes() == b"second"
    assert fetched.locked == second


def test_the_same_place_under_another_mapping_is_not_asked_again(tmp_path: Path, registry: MemoryRegistry) -> None:
    """The other half: what is the same content is fetched once, wherever it is found."""
    name = PackageName.parse("acme:util")
    for address in ("first.example", "second.example"):
        pin = publish_package(registry, address, name, b"the same")
        root = project_that_pins(tmp_path / address, address, [pin])
        fetch(fake_world(tmp_path, registry), root)
    assert [method for method, _ in registry.requests].count("download_blob") == 1


# --- the lock ----------------------------------------------------------------------------------------


def prepared(company: Company) -> Path:
    company.publish("harness")
    return company.project("validator", extra='[dependencies]\n"pay:harness" = "^0.1"\n')


def test_a_lock_that_is_missing_is_made(company: Company) -> None:
    root = prepared(company)
    fetched = fetch(company.world(), root)
    assert [str(change.name) for change in fetched.locked.changes] == ["pay:harness"]
    assert (root / "wpkg.lock").read_text() == fetched.locked.lock.encode()
    before = (root / "wpkg.lock").stat().st_mtime_ns
    assert fetch(company.world(), root).locked.changes == ()
    assert (root / "wpkg.lock").stat().st_mtime_ns == before


def test_locked_forbids_to_change_the_lock(company: Company) -> None:
    root = prepared(company)
    with pytest.raises(LockOutOfDate, match="there is no lock file"):
        fetch(company.world(), root, locked=True)
    assert company.registry.requests[-1][0].startswith("push")


def test_the_lock_is_written_only_when_everything_is_there(company: Company) -> None:
    root = prepared(company)
    pin = lock(company.world("other"), root).lock.packages[0]
    (root / "wpkg.lock").unlink()
    del company.registry.blobs[pin.source, pin.component]
    with pytest.raises(RegistryError):
        fetch(company.world(), root)
    assert not (root / "wpkg.lock").exists()


def test_a_plan_fetches_no_component_and_writes_no_lock(company: Company) -> None:
    root = prepared(company)
    planned = plan_fetch(company.world(), root)
    assert [str(package.name) for package in planned.missing] == ["pay:harness"]
    assert len(planned.locked.changes) == 1
    assert not (root / "wpkg.lock").exists()
    assert "download_blob" not in [method for method, _ in company.registry.requests]
    fetch(company.world(), root)
    assert plan_fetch(offline(company.world()), root).missing == ()


def test_after_a_fetch_a_signed_project_builds_offline(company: Company) -> None:
    company.publish("harness")
    root = company.project("validator", extra=TRUST)
    add(company.world("colleague"), root, [Wanted.parse("pay:harness@^0.1")])
    fetch(company.world("machine"), root, locked=True)
    assert build(offline(company.world("machine")), root, compose=True, locked=True).composed is not None


def test_what_is_not_signed_is_not_accepted(company: Company) -> None:
    company.publish("harness", unsigned=True)
    root = company.project("validator", extra='[dependencies]\n"pay:harness" = "^0.1"\n')
    lock(company.world(), root)
    (root / "wasmcloud.toml").write_text((root / "wasmcloud.toml").read_text() + TRUST)
    with pytest.raises(NotTrusted, match="pay:harness 0.1.0"):
        fetch(company.world(), root)


def test_a_registry_out_of_reach_is_said_for_one_package(tmp_path: Path, registry: MemoryRegistry) -> None:
    class Down(MemoryRegistry):
        def download_blob(
            self, repository: Repository, blob: Descriptor, sink: Callable[[memoryview], object]
        ) -> None:
            sink(memoryview(self.blobs[repository, blob.digest])[:500])
            raise Unreachable("blob: the connection broke off")

    down = Down()
    lock_ = pinned(down)
    world = fake_world(tmp_path, down)
    with pytest.raises(Unreachable, match=r"^many:p00\d 1.0.0: blob: the connection broke off$"):
        fetch_locked(world, lock_)
    assert read_contents(world.cache).leftovers == ()
