"""Repositories that have nothing left go, and whoever is about to push to one never notices."""

from __future__ import annotations

import math
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from registry_shim.store import bare
from registry_shim.store.repository import Repository
from registry_shim.store.store import Store
from tests.shim.conftest import new_id
from tests.shim.process import run
from tests.shim.upkeep.conftest import Kept
from tests.shim.wire import InProcessClient, closing, push_blob, push_manifest, start_upload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def kept(root: Path) -> Iterator[Kept]:
    kept = Kept(Store(root, new_id), root)
    yield kept
    kept.store.close()


@pytest.fixture
def client(kept: Kept) -> InProcessClient:
    return client_of(kept)


def client_of(kept: Kept) -> InProcessClient:
    return InProcessClient(kept.store, str(kept.root))


def restart(kept: Kept) -> InProcessClient:
    kept.store.close()
    kept.store = Store(kept.root, new_id)
    return client_of(kept)


def emptied(client: InProcessClient, name: str) -> None:
    """Have a repository that had something and has nothing any more."""
    pushed = push_manifest(client, name, "v1")
    assert client.send("DELETE", f"/v2/{name}/manifests/{pushed.digest}").status == 202


def pruned(kept: Kept, *, dry: bool = False) -> list[str]:
    return [one.repository for one in kept.collect(dry=dry).repositories if one.is_pruned]


def collect_all(kept: Kept) -> list[str]:
    """What is pruned when all that was is long ago: first the content goes, then what was its repository."""
    kept.age()
    assert pruned(kept) == []
    kept.age()
    return pruned(kept)


class TestWhatGoes:
    def test_with_all_its_files_and_the_directories_above(self, kept: Kept, client: InProcessClient) -> None:
        emptied(client, "a/deep/one")
        push_manifest(client, "other", "v1")
        assert collect_all(kept) == ["a/deep/one"]
        assert not (kept.root / "a").exists()
        assert client.send("GET", "/v2/_catalog").json["repositories"] == ["other"]
        assert client.send("GET", "/v2/a/deep/one/tags/list").code == "NAME_UNKNOWN"
        assert kept.scrub().findings == ()

    def test_what_lies_below_and_beside_it_stays(self, kept: Kept, client: InProcessClient) -> None:
        emptied(client, "a")
        emptied(client, "a/b/c")
        pushed = push_manifest(client, "a/b", "v1")
        push_manifest(client, "a/blobs", "v1")
        assert collect_all(kept) == ["a", "a/b/c"]
        assert client.send("GET", "/v2/_catalog").json["repositories"] == ["a/b", "a/blobs"]
        assert client.send("GET", "/v2/a/b/manifests/v1").body == pushed.data

    def test_one_that_never_had_anything(self, kept: Kept, client: InProcessClient) -> None:
        location = start_upload(client, "a")
        assert client.send("DELETE", location).status == 204
        kept.age()
        assert pruned(kept) == ["a"]
        assert [path.name for path in kept.root.iterdir()] == [".lock"]

    def test_a_dry_run_only_says_so(self, kept: Kept, client: InProcessClient) -> None:
        emptied(client, "a")
        kept.age()
        kept.collect()
        kept.age()
        assert pruned(kept, dry=True) == ["a"]
        assert (kept.root / "a/oci-layout").is_file()
        assert pruned(kept) == ["a"]
        assert pruned(kept, dry=True) == []

    def test_after_a_restart_nothing_is_there(self, kept: Kept, client: InProcessClient) -> None:
        emptied(client, "a")
        assert collect_all(kept) == ["a"]
        client = restart(kept)
        assert list(kept.store.paths()) == []
        push_manifest(client, "a", "v2")
        assert client.send("GET", "/v2/a/tags/list").json["tags"] == ["v2"]


def a_tag(client: InProcessClient, root: Path) -> None:
    push_manifest(client, "a", "v1")


def a_session(client: InProcessClient, root: Path) -> None:
    start_upload(client, "a")


def a_blob(client: InProcessClient, root: Path) -> None:
    push_blob(client, "a", b"young")


def a_file_that_comes(client: InProcessClient, root: Path) -> None:
    (root / "a/_uploads/tmp-0").write_bytes(b"")


def something_aside(client: InProcessClient, root: Path) -> None:
    (root / "a/_quarantine").mkdir()
    (root / "a/_quarantine/x").write_bytes(b"damaged")


def a_file_of_somebody(client: InProcessClient, root: Path) -> None:
    (root / "a/README").write_bytes(b"mine")


def a_blob_of_another_algorithm(client: InProcessClient, root: Path) -> None:
    (root / "a/blobs/blake3").mkdir()


def a_link(client: InProcessClient, root: Path) -> None:
    (root / "a/elsewhere").symlink_to(root)


class TestWhatStays:
    @pytest.mark.parametrize(
        "have",
        [
            a_tag,
            a_session,
            a_blob,
            a_file_that_comes,
            something_aside,
            a_file_of_somebody,
            a_blob_of_another_algorithm,
            a_link,
        ],
    )
    def test_what_has_anything(
        self, kept: Kept, client: InProcessClient, have: Callable[[InProcessClient, Path], None]
    ) -> None:
        emptied(client, "a")
        kept.age()
        kept.collect()
        kept.age()
        have(client, kept.root)
        assert kept.store.prune("a", math.inf) is False
        assert pruned(kept) == []
        assert (kept.root / "a/oci-layout").is_file()

    def test_what_was_emptied_lately(self, kept: Kept, client: InProcessClient) -> None:
        pushed = push_manifest(client, "a", "v1")
        kept.age()
        client.send("DELETE", f"/v2/a/manifests/{pushed.digest}")
        kept.collect()
        assert pruned(kept) == []
        kept.age(12 * 3600)
        assert pruned(kept) == []
        kept.age(12 * 3600)
        assert pruned(kept) == ["a"]

    def test_while_somebody_begins_something(self, kept: Kept, client: InProcessClient) -> None:
        emptied(client, "a")
        kept.age()
        kept.collect()
        kept.age()
        with kept.store.creating("a") as repository, kept.store.creating("a"):
            assert pruned(kept) == []
            upload = repository.uploads.start()
            repository.uploads.release(upload)
        assert pruned(kept) == []
        assert client.send("DELETE", f"/v2/a/blobs/uploads/{upload.session}").status == 204
        kept.age()
        assert pruned(kept) == ["a"]

    def test_what_is_too_damaged_to_be_read(self, kept: Kept, client: InProcessClient) -> None:
        emptied(client, "a")
        kept.age()
        kept.collect()
        kept.store.close()
        (kept.root / "a/index.json").write_bytes(b"{")
        kept.age()
        kept.store = Store(kept.root, new_id)
        (one,) = kept.collect().repositories
        assert (one.is_pruned, one.problem is not None) == (False, True)


def test_a_crash_leaves_nothing_that_comes_back(
    kept: Kept, client: InProcessClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index still lists what only the journal takes back; the crash comes when the repository is one no more."""
    pushed = push_manifest(client, "a", "v1")
    client = restart(kept)
    assert client.send("DELETE", f"/v2/a/manifests/{pushed.digest}").status == 202
    kept.age()
    kept.collect()
    assert b"v1" in (kept.root / "a/index.json").read_bytes()

    def crash(_directory: object) -> None:
        raise InterruptedError

    monkeypatch.setattr(bare, "sync_directory", crash)
    with pytest.raises(InterruptedError):
        kept.store.prune("a", math.inf)
    monkeypatch.undo()
    client = restart(kept)
    assert kept.scrub().findings == ()
    assert list(kept.store.paths()) == []
    push_manifest(client, "a", "v2")
    assert client.send("GET", "/v2/a/tags/list").json["tags"] == ["v2"]
    assert kept.scrub().findings == ()


def test_who_looks_for_it_while_it_goes_finds_nothing(
    kept: Kept, client: InProcessClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    emptied(client, "a")
    kept.age()
    kept.collect()
    client = restart(kept)
    real, is_first = Repository.exists, True

    def exists(directory: Path) -> bool:
        nonlocal is_first
        found = real(directory)
        if found and is_first:
            is_first = False
            kept.store.obtain("a")
            assert kept.store.prune("a", math.inf)
        return found

    monkeypatch.setattr(Repository, "exists", staticmethod(exists))
    assert client.send("GET", "/v2/a/tags/list").code == "NAME_UNKNOWN"
    assert not is_first


ROUNDS = 60


def test_pushes_while_it_is_pruned_at_every_moment(kept: Kept, client: InProcessClient) -> None:
    """However old everything is said to be: no request fails, and what was pushed is there until it is deleted."""
    over = threading.Event()
    count = 0

    def prune() -> None:
        nonlocal count
        while not over.is_set():
            count += sum(kept.store.prune(name, math.inf) for name in ("a/0", "a/1", "a"))

    def push(number: int) -> None:
        name = f"a/{number}"
        for turn in range(ROUNDS):
            data = f"{number} {turn}".encode()
            blob = push_blob(client, name, data)
            assert client.send("GET", f"/v2/{name}/blobs/{blob.digest}").status == 200
            location = start_upload(client, name)
            assert client.send("DELETE", f"/v2/{name}/blobs/{blob.digest}").status == 202
            assert client.send("PUT", closing(location, blob.digest), data).status == 201
            assert client.send("DELETE", f"/v2/{name}/blobs/{blob.digest}").status == 202

    with ThreadPoolExecutor(4) as pool:
        pruning = pool.submit(prune)
        try:
            for done in [pool.submit(push, number) for number in (0, 1)]:
                done.result()
        finally:
            over.set()
        pruning.result()
    assert count > 0


def test_what_the_command_says(kept: Kept, client: InProcessClient) -> None:
    emptied(client, "a")
    kept.age()
    kept.collect()
    kept.store.close()
    kept.age()
    expected = (
        "a: nothing is left of it\n"
        "removed 0 manifests, 0 blobs, 0 uploads, 1 empty repository of 1 repository; that freed 0 bytes of disk\n"
    )
    dry = run("gc", str(kept.root), "--dry-run")
    assert dry.stdout == expected.replace("removed", "would remove").replace("freed", "frees")
    assert '"is_pruned": true' in run("gc", str(kept.root), "--dry-run", "--json").stdout
    done = run("gc", str(kept.root))
    assert (done.returncode, done.stdout, done.stderr) == (0, expected, "")
    assert not (kept.root / "a").exists()
    kept.store = Store(kept.root, new_id)
