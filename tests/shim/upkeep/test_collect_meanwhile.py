"""Nobody who pushes or pulls while it collects is disappointed."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pytest

from registry_shim.store.documents import named_digests, read_document
from registry_shim.upkeep import collect as collecting
from registry_shim.upkeep.orders import CollectOrder
from tests.shim.contents import EMPTY, push_blob
from tests.shim.wire import InProcessClient
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import Digest
from wpkg.oci.manifest import IMAGE_INDEX, IMAGE_MANIFEST, Manifest

if TYPE_CHECKING:
    from collections.abc import Callable

    from registry_shim.store.repository import Repository
    from tests.shim.upkeep.conftest import Kept
from tests.shim.contents import push_image, push_index


class TestMeanwhile:
    """What happens between mark and sweep; the clients get their turn at a step of the collection."""

    @pytest.fixture
    def between(self, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
        """Collect, with something happening once everything is marked and nothing has gone yet."""

        def run(happen: Callable[[], None]) -> None:
            kept.age()
            real = type(kept.store.obtain("a/b")).discard
            happened: list[None] = []

            def discard(repository: Repository, *arguments: object) -> object:
                if not happened:
                    happened.append(None)
                    happen()
                return real(repository, *arguments)  # type: ignore[arg-type]

            monkeypatch.setattr("registry_shim.store.repository.Repository.discard", discard)
            kept.collect()
            assert happened

        return run

    def test_tagged(
        self, kept: Kept, repository: Repository, between: Callable[[Callable[[], None]], None]
    ) -> None:
        child = push_image(repository, layer=b"layer of the child")
        index = push_index(repository, children=(child,))
        data = repository.read(repository.find(index.digest))  # type: ignore[arg-type]

        def tag() -> None:
            repository.publish(read_document(data, IMAGE_INDEX), data, index.digest, ("v1",))

        between(tag)
        assert repository.fetch("v1") is not None
        assert repository.fetch(child.digest) is not None
        assert kept.has("a/b", Digest.of(b"layer of the child"))

    def test_named_without_being_asked_for(
        self, kept: Kept, repository: Repository, between: Callable[[Callable[[], None]], None]
    ) -> None:
        push_blob(repository, b"{}")
        push_blob(repository, b"layer")
        child = push_image(repository, layer=b"layer of the child")

        def name() -> None:
            layer = Descriptor.of("application/octet-stream", b"layer")
            data = Manifest(EMPTY, (layer,)).encode()
            repository.publish(read_document(data, IMAGE_MANIFEST), data, Digest.of(data), ("v1",))
            push_index(repository, "v2", children=(child,))

        between(name)
        for data in (b"{}", b"layer", b"layer of the child"):
            assert kept.has("a/b", Digest.of(data))
        assert repository.fetch(child.digest) is not None

    def test_a_referrer_comes(self, repository: Repository, between: Callable[[Callable[[], None]], None]) -> None:
        subject = push_image(repository, "v1", layer=b"layer")
        push_blob(repository, b"never named")

        def sign() -> None:
            push_image(repository, layer=b"signature", subject=subject)

        between(sign)
        assert len(list(repository.referrers(subject.digest))) == 1

    def test_asked_for(
        self, kept: Kept, repository: Repository, between: Callable[[Callable[[], None]], None]
    ) -> None:
        asked, unasked = push_blob(repository, b"asked for"), push_blob(repository, b"not asked for")
        untagged = push_image(repository, layer=b"layer")
        client = InProcessClient(kept.store, str(kept.root))

        def ask() -> None:
            assert client.send("HEAD", f"/v2/a/b/blobs/{asked}").status == 200
            assert client.send("HEAD", f"/v2/a/b/manifests/{untagged.digest}").status == 200

        between(ask)
        assert kept.has("a/b", asked)
        assert not kept.has("a/b", unasked)
        assert client.send("GET", f"/v2/a/b/manifests/{untagged.digest}").status == 200

    def test_what_cannot_be_journaled_stays(self, kept: Kept, repository: Repository) -> None:
        untagged = push_image(repository, layer=b"layer")
        kept.age()
        journal = kept.root / "a/b/index.log"
        journal.rename(kept.root / "aside")
        journal.mkdir()
        with pytest.raises(IsADirectoryError):
            kept.collect()
        assert repository.fetch(untagged.digest) is not None
        assert kept.has("a/b", Digest.of(b"layer"))
        journal.rmdir()
        (kept.root / "aside").rename(journal)
        kept.age()
        assert kept.collect().repositories[0].manifests == (str(untagged.digest),)


def test_a_manifest_that_goes_while_it_is_read_is_unknown_not_damaged(
    kept: Kept, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    untagged = push_image(repository, layer=b"layer")
    referrer = push_image(repository, layer=b"signature", subject=untagged)
    kept.age()
    show = repository.blobs.show

    def late(digest: Digest) -> object:
        if repository.find(digest) is not None:
            repository.remove_manifest(digest)
            repository.blobs.remove(digest)
        return show(digest)

    monkeypatch.setattr(repository.blobs, "show", late)
    assert list(repository.referrers(untagged.digest)) == []
    assert repository.fetch(untagged.digest) is None
    assert repository.find(referrer.digest) is None


class Stopped(Exception):
    pass


def test_in_steps_that_can_be_stopped(kept: Kept, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that ends does not wait for the whole of it, and what has gone by then has gone whole."""
    monkeypatch.setattr(collecting, "BATCH", 2)
    for number in range(6):
        push_blob(repository, b"blob %d" % number)
    kept.age()
    left = [None, None]

    def step() -> None:
        if not left:
            raise Stopped
        left.pop()

    with pytest.raises(Stopped):
        collecting.collect(kept.store, CollectOrder(), kept.is_waiting, step)
    assert len(list(repository.blobs.digests())) == 2
    kept.collect()
    assert list(repository.blobs.digests()) == []


def test_digests_are_found_wherever_they_are() -> None:
    one, two, three = (str(Digest.of(text)) for text in (b"1", b"2", b"3"))
    document = {"a": [{"digest": one, "x": {"digest": two}}], "subject": {"digest": three}, "digest": "sha256:no"}
    assert {str(found) for found in named_digests(json.dumps(document).encode())} == {one, two}
    for nothing in (b"", b"\xff", b"[]", b"1", b'{"digest": ["x"]}', b"[" * 100_000):
        assert named_digests(nothing) == set()


def test_threads_that_push_while_it_collects_without_mercy(kept: Kept) -> None:
    """With no grace at all: a push may be told that something is missing, but what is published is whole."""
    stop = threading.Event()
    failures: list[str] = []

    def collect() -> None:
        while not stop.is_set():
            kept.collect(0)

    collector = threading.Thread(target=collect)
    collector.start()
    client = InProcessClient(kept.store, str(kept.root))
    published = 0
    try:
        for number in range(150):
            layer = b"layer %d" % (number % 3)
            for data in (b"{}", layer):
                client.send("POST", f"/v2/a/b/blobs/uploads/?digest={Digest.of(data)}", data)
            manifest = Manifest(EMPTY, (Descriptor.of("application/octet-stream", layer),)).encode()
            tag = f"/v2/a/b/manifests/v{number % 2}"
            answer = client.send("PUT", tag, manifest, {"Content-Type": IMAGE_MANIFEST})
            if answer.status == 201:
                published += 1
                blobs = {f"/v2/a/b/blobs/{Digest.of(data)}": data for data in (b"{}", layer)}
                failures += [path for path, data in blobs.items() if client.send("GET", path).body != data]
                if client.send("GET", tag).body != manifest:
                    failures.append(f"{number}: the manifest")
            else:
                assert answer.code == "MANIFEST_BLOB_UNKNOWN"
    finally:
        stop.set()
        collector.join()
    assert failures == []
    assert published > 0
