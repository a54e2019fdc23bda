"""What is removed and what stays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from registry_shim.store.documents import read_document
from registry_shim.store.store import Store
from tests.shim.conftest import new_id
from tests.shim.contents import EMPTY, publish, push_blob
from tests.shim.upkeep.conftest import Kept
from tests.shim.wire import InProcessClient
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import Digest

if TYPE_CHECKING:
    from pathlib import Path

    from registry_shim.store.repository import Repository
from tests.shim.contents import push_image, push_index


class TestWhatStays:
    def test_all_that_tags_lead_to(self, kept: Kept, repository: Repository) -> None:
        tagged = push_image(repository, "v1", layer=b"layer")
        child = push_image(repository, layer=b"layer of a child")
        inner = push_index(repository, children=(child,))
        outer = push_index(repository, "all", children=(inner,))
        signature = push_image(repository, layer=b"signature", subject=child)
        of_signature = push_image(repository, layer=b"signature of the signature", subject=signature)
        of_layer = push_image(
            repository, layer=b"about a layer", subject=Descriptor.of("application/octet-stream", b"layer")
        )
        before = {path for path in kept.root.rglob("*") if path.is_file()}
        kept.age()
        report = kept.collect()
        assert (report.repositories, report.freed, report.seen) == ((), 0, 1)
        assert {path for path in kept.root.rglob("*") if path.is_file()} == before
        for one in (tagged, child, inner, outer, signature, of_signature, of_layer):
            assert repository.find(one.digest) is not None

    def test_what_nothing_leads_to_goes(self, kept: Kept, repository: Repository) -> None:
        kept_one = push_image(repository, "v1", layer=b"layer")
        untagged = push_image(repository, layer=b"another layer")
        signature = push_image(repository, layer=b"its signature", subject=untagged)
        loose = push_blob(repository, b"never named")
        kept.age()
        report = kept.collect()
        (collected,) = report.repositories
        layers = {Digest.of(data) for data in (b"another layer", b"its signature", b"never named")}
        assert collected.repository == "a/b"
        assert set(collected.manifests) == {str(untagged.digest), str(signature.digest)}
        assert set(collected.blobs) == {str(digest) for digest in layers}
        size = untagged.size + signature.size + len(b"another layerits signaturenever named")
        assert (collected.size, report.freed, collected.problem) == (size, size, None)
        assert not any(kept.has("a/b", digest) for digest in (*layers, untagged.digest, signature.digest, loose))
        assert repository.fetch(untagged.digest) is None
        assert list(repository.referrers(untagged.digest)) == []
        assert kept.has("a/b", Digest.of(b"layer"))
        assert repository.fetch("v1") is not None
        assert kept_one.digest == repository.find("v1").digest  # type: ignore[union-attr]
        assert kept.collect().repositories == ()
        assert list((kept.root / "a/b/_uploads").iterdir()) == []

    def test_the_young_and_what_they_name(self, kept: Kept, repository: Repository) -> None:
        child = push_image(repository, layer=b"old layer")
        kept.age()
        push_blob(repository, b"{}")
        parent = push_index(repository, children=(child,))
        loose = push_blob(repository, b"young")
        assert kept.collect().repositories == ()
        kept.age()
        assert kept.collect(3 * 24 * 3600).repositories == ()
        (collected,) = kept.collect().repositories
        assert set(collected.manifests) == {str(child.digest), str(parent.digest)}
        assert not kept.has("a/b", loose)

    def test_what_waits_for_its_signature(self, kept: Kept, repository: Repository) -> None:
        waits = push_image(repository, layer=b"layer")
        kept.age()
        kept.waiting["a/b"] = [waits.digest]
        assert kept.collect().repositories == ()
        kept.waiting.clear()
        assert kept.collect().repositories[0].manifests == (str(waits.digest),)

    def test_untagged_manifests_if_one_wants(self, kept: Kept, repository: Repository) -> None:
        untagged = push_image(repository, layer=b"layer")
        loose = push_blob(repository, b"never named")
        kept.age()
        (collected,) = kept.collect(keep_untagged=True).repositories
        assert (collected.manifests, collected.blobs) == ((), (str(loose),))
        assert repository.fetch(untagged.digest) is not None

    def test_what_a_manifest_of_an_unknown_type_names(self, kept: Kept, repository: Repository) -> None:
        layer = push_blob(repository, b"somewhere deep")
        gone = push_blob(repository, b"only its subject")
        descriptor = {"mediaType": "a/b", "digest": str(layer), "size": 14}
        document = {
            "schemaVersion": 2,
            "config": EMPTY.to_json(),
            "layers": [],
            "subject": {"mediaType": "a/b", "digest": str(gone), "size": 16},
            "x-unheard-of": [[{"deep": descriptor}]],
        }
        data = json.dumps(document).encode()
        push_blob(repository, b"{}")
        kind = "application/vnd.of.tomorrow+json"
        repository.publish(read_document(data, kind), data, Digest.of(data), ("v1",))
        kept.age()
        assert kept.collect().repositories[0].blobs == (str(gone),)
        assert kept.has("a/b", layer)

    def test_what_is_no_blob_of_ours(self, kept: Kept, repository: Repository, tmp_path: Path) -> None:
        push_blob(repository, b"{}")
        outside = tmp_path / "outside"
        outside.write_bytes(b"somebody's file")
        blobs = kept.root / "a/b/blobs"
        (blobs / "sha256" / Digest.of(b"somebody's file").encoded).symlink_to(outside)
        (blobs / "sha256/notes.txt").write_text("x")
        (blobs / "blake3").mkdir()
        (blobs / "blake3/abcd").write_text("x")
        kept.age()
        assert kept.collect().repositories[0].blobs == (str(EMPTY.digest),)
        assert sorted(path.name for path in blobs.rglob("*") if not path.is_dir()) == sorted(
            [Digest.of(b"somebody's file").encoded, "notes.txt", "abcd"]
        )

    def test_nothing_goes_where_something_cannot_be_read(self, kept: Kept, repository: Repository) -> None:
        broken = push_image(repository, "v1", layer=b"layer")
        loose = push_blob(repository, b"never named")
        other = push_blob(kept.store.obtain("other"), b"never named either")
        (kept.root / "a/b/blobs/sha256" / broken.digest.encoded).write_bytes(b"{}")
        kept.age()
        damaged, fine = kept.collect().repositories
        assert (damaged.repository, damaged.blobs) == ("a/b", ())
        assert damaged.problem is not None
        assert str(broken.digest) in damaged.problem
        assert str(kept.root) not in damaged.problem
        assert (fine.repository, fine.blobs) == ("other", (str(other),))
        assert kept.has("a/b", loose)

    def test_nor_where_the_index_cannot_be_read(self, root: Path) -> None:
        with Store(root, new_id) as store:
            loose = push_blob(store.obtain("a/b"), b"never named")
        (root / "a/b/index.json").write_bytes(b"{")
        with Store(root, new_id) as store:
            kept = Kept(store, root)
            kept.age()
            (damaged,) = kept.collect().repositories
            assert damaged.problem == "the index of this repository is damaged or missing"
        assert (root / "a/b/blobs/sha256" / loose.encoded).exists()


class TestWhatAClientWasTold:
    """A 200 or 201 holds for the grace period."""

    @pytest.mark.parametrize("method", ["HEAD", "GET"])
    @pytest.mark.parametrize("kind", ["blobs", "manifests"])
    def test_asked_for(self, kept: Kept, repository: Repository, method: str, kind: str) -> None:
        untagged = push_image(repository, layer=b"layer")
        kept.age()
        digest = untagged.digest if kind == "manifests" else Digest.of(b"layer")
        client = InProcessClient(kept.store, str(kept.root))
        assert client.send(method, f"/v2/a/b/{kind}/{digest}").status == 200
        kept.collect()
        assert client.send(method, f"/v2/a/b/{kind}/{digest}").status == 200
        assert (repository.find(untagged.digest) is not None) == (kind == "manifests")
        assert kept.has("a/b", Digest.of(b"layer"))

    @pytest.mark.parametrize("source", ["&from=other", ""])
    @pytest.mark.parametrize("is_here", [False, True])
    def test_mounted(self, kept: Kept, repository: Repository, source: str, *, is_here: bool) -> None:
        digest = push_blob(kept.store.obtain("other"), b"layer")
        if is_here:
            push_blob(repository, b"layer")
        kept.age()
        client = InProcessClient(kept.store, str(kept.root))
        assert client.send("POST", f"/v2/a/b/blobs/uploads/?mount={digest}{source}").status == 201
        kept.collect()
        assert kept.has("a/b", digest)

    def test_uploaded_with_its_last_byte_long_ago(self, kept: Kept, repository: Repository) -> None:
        upload = repository.uploads.start()
        upload.append(b"layer")
        kept.age()
        repository.commit(upload, Digest.of(b"layer"))
        assert kept.collect().repositories == ()

    def test_pushed_again(self, kept: Kept, repository: Repository) -> None:
        untagged = publish(repository)
        kept.age()
        publish(repository)
        assert kept.collect().repositories == ()
        assert repository.find(untagged.digest) is not None

    @pytest.mark.parametrize("is_moved", [False, True])
    def test_named_by_a_tag_until_now(self, kept: Kept, repository: Repository, *, is_moved: bool) -> None:
        first = push_image(repository, "v1", layer=b"first")
        kept.age()
        if is_moved:
            push_image(repository, "v1", layer=b"second")
        else:
            repository.remove_tag("v1")
        assert kept.collect().repositories == ()
        assert repository.fetch(first.digest) is not None
        kept.age()
        assert kept.collect().repositories[0].manifests == (str(first.digest),)


class TestUploads:
    def test_go_by_their_last_byte(self, kept: Kept, repository: Repository) -> None:
        old, held, young = (repository.uploads.start() for _ in range(3))
        for upload in (old, held):
            upload.append(b"bytes")
        repository.uploads.release(old)
        kept.age()
        young.append(b"bytes")
        repository.uploads.release(young)
        (dry,) = kept.collect(dry=True).repositories
        assert (dry.uploads, dry.size) == (1, 5)
        report = kept.collect()
        assert (report.repositories[0].uploads, report.freed) == (1, 5)
        assert {path.name for path in (kept.root / "a/b/_uploads").iterdir()} == {held.session, young.session}


class TestFreed:
    """With hard links, only the last name frees the bytes."""

    @pytest.mark.parametrize("dry", [True, False])
    def test_the_last_name_counts(self, kept: Kept, *, dry: bool) -> None:
        data = b"x" * 10_000
        digest = push_blob(kept.store.obtain("a"), data)
        for name in ("b", "c"):
            assert kept.store.mount(digest, "a", name)
        push_image(kept.store.obtain("c"), "v1", layer=data)
        (kept.root / "c/blobs/sha256" / digest.encoded).unlink()
        assert kept.store.mount(digest, "a", "c")
        kept.age()
        report = kept.collect(dry=dry)
        assert [(one.repository, one.size) for one in report.repositories] == [("a", 10_000), ("b", 10_000)]
        assert report.freed == 0
        if not dry:
            kept.store.obtain("c").remove_tag("v1")
            kept.age(2 * 24 * 3600)
            assert kept.collect().freed > 10_000

    @pytest.mark.parametrize("dry", [True, False])
    def test_all_names_at_once(self, kept: Kept, *, dry: bool) -> None:
        digest = push_blob(kept.store.obtain("a"), b"x" * 10_000)
        assert kept.store.mount(digest, "a", "b")
        kept.age()
        report = kept.collect(dry=dry)
        assert (len(report.repositories), report.freed, report.is_dry_run) == (2, 10_000, dry)
        assert [kept.has(name, digest) for name in ("a", "b")] == [dry, dry]

    def test_a_dry_run_says_what_a_run_does(self, kept: Kept, repository: Repository) -> None:
        push_image(repository, "v1", layer=b"layer")
        push_image(repository, layer=b"another layer")
        push_blob(repository, b"never named")
        kept.age()
        before = {path for path in kept.root.rglob("*") if path.is_file()}
        dry = kept.collect(dry=True)
        assert {path for path in kept.root.rglob("*") if path.is_file()} == before
        wet = kept.collect()
        assert (dry.repositories, dry.freed, dry.seen) == (wet.repositories, wet.freed, wet.seen)
