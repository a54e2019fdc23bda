"""Damage to blobs and manifests is found and mended."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from registry_shim.store.store import Store
from registry_shim.upkeep.orders import Finding
from tests.shim.conftest import new_id
from tests.shim.contents import EMPTY, publish, push_blob, push_image, push_index
from tests.shim.upkeep.conftest import Kept
from tests.shim.wire import InProcessClient
from wpkg.oci.digest import Digest
from wpkg.oci.manifest import IMAGE_MANIFEST

if TYPE_CHECKING:
    from pathlib import Path

    from registry_shim.store.repository import Repository
from tests.shim.upkeep.spoilt import kinds, mend, quarantined, spoil

LAYER = b"layer " * 1000


class TestClean:
    def test_nothing_is_wrong_with_what_was_pushed(self, kept: Kept, repository: Repository) -> None:
        image = push_image(repository, "v1", layer=LAYER)
        push_image(repository, layer=b"signature", subject=image)
        push_index(repository, "all", children=(image,))
        kept.store.mount(Digest.of(LAYER), "a/b", "other")
        upload = repository.uploads.start("sha512")
        upload.append(b"data")
        repository.commit(upload, Digest.of(b"data", "sha512"))
        started = repository.uploads.start()
        before = {path: path.read_bytes() for path in kept.root.rglob("*") if path.is_file()}
        report = kept.scrub()
        assert (report.findings, report.repositories, report.blobs, report.absent) == ((), 2, 8, 0)
        assert report.size == sum(
            path.stat().st_size for path in kept.root.glob("a/b/blobs/*/*")
        )  # what has two names is read once
        assert kept.scrub(repair=True).findings == ()
        assert {path: path.read_bytes() for path in kept.root.rglob("*") if path.is_file()} == before
        repository.uploads.drop(started)

    def test_what_was_deleted_is_absent_not_damaged(self, kept: Kept, repository: Repository) -> None:
        push_image(repository, "v1", layer=LAYER)
        repository.remove_blob(Digest.of(LAYER))
        report = kept.scrub(repair=True)
        assert (report.findings, report.absent) == ((), 1)
        assert repository.tags() == ["v1"]


class TestBlobs:
    def test_corrupt_and_pushed_again(self, kept: Kept, repository: Repository) -> None:
        push_image(repository, "v1", layer=LAYER)
        digest = Digest.of(LAYER)
        spoil(kept.root, "a/b", digest)
        (found,) = mend(kept)
        assert found == Finding(
            "a/b",
            "corrupt",
            f"its 6 bytes have the digest {Digest.of(b'spoilt')}",
            str(digest),
            (),
            "moved aside; push it again",
        )
        assert quarantined(kept) == {f"sha256-{digest.encoded}": b"spoilt"}
        client = InProcessClient(kept.store, str(kept.root))
        assert client.send("HEAD", f"/v2/a/b/blobs/{digest}").status == 404
        assert kept.scrub().absent == 1
        assert client.send("POST", f"/v2/a/b/blobs/uploads/?digest={digest}", LAYER).status == 201
        assert client.send("GET", f"/v2/a/b/blobs/{digest}").body == LAYER
        assert kept.scrub().absent == 0

    def test_corrupt_with_a_good_copy_elsewhere(self, kept: Kept, repository: Repository) -> None:
        digest = push_blob(repository, LAYER)
        for name in ("bad", "good"):
            push_blob(kept.store.obtain(name), LAYER)
        spoil(kept.root, "bad", digest, b"spoilt too")
        spoil(kept.root, "a/b", digest)
        found, other = mend(kept)
        assert found.repair == "a good copy was taken from good"
        assert other.repair == "a good copy was taken from a/b"  # which has one by now
        assert (kept.root / "a/b/blobs/sha256" / digest.encoded).samefile(
            kept.root / "good/blobs/sha256" / digest.encoded
        )
        assert quarantined(kept) == {f"sha256-{digest.encoded}": b"spoilt"}
        assert quarantined(kept, "bad") == {f"sha256-{digest.encoded}": b"spoilt too"}

    def test_one_file_with_two_names(self, kept: Kept, repository: Repository) -> None:
        digest = push_blob(repository, LAYER)
        assert kept.store.mount(digest, "a/b", "other")
        (kept.root / "a/b/blobs/sha256" / digest.encoded).write_bytes(b"spoilt")
        assert [found.repository for found in mend(kept)] == ["a/b", "other"]
        for name in ("a/b", "other"):
            assert quarantined(kept, name) == {f"sha256-{digest.encoded}": b"spoilt"}

    def test_corrupt_twice(self, kept: Kept, repository: Repository) -> None:
        for data in (b"spoilt", b"spoilt again"):
            digest = push_blob(repository, LAYER)
            spoil(kept.root, "a/b", digest, data)
            mend(kept)
        name = f"sha256-{digest.encoded}"
        assert quarantined(kept) == {name: b"spoilt", f"{name}.1": b"spoilt again"}

    def test_sha512(self, kept: Kept, repository: Repository) -> None:
        digest = Digest.of(b"data", "sha512")
        push_blob(repository, b"x")
        (kept.root / "a/b/blobs/sha512").mkdir()
        spoil(kept.root, "a/b", digest)
        assert kinds(kept.scrub()) == [("a/b", "corrupt", str(digest))]

    @pytest.mark.parametrize("data", [b"", LAYER[:-1], LAYER + b"x", LAYER.replace(b"l", b"L", 1)])
    def test_any_change_is_found(self, kept: Kept, repository: Repository, data: bytes) -> None:
        digest = push_blob(repository, LAYER)
        spoil(kept.root, "a/b", digest, data)
        assert kinds(kept.scrub()) == [("a/b", "corrupt", str(digest))]

    def test_pushed_again_meanwhile(
        self, kept: Kept, repository: Repository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        digest = push_blob(repository, LAYER)
        spoil(kept.root, "a/b", digest)
        replace = repository.replace_blob

        def late(*arguments: object) -> bool:
            push_blob(repository, LAYER)
            return replace(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(repository, "replace_blob", late)
        (found,) = kept.scrub(repair=True).findings
        assert found.repair == "replaced or deleted by a client meanwhile"
        assert kept.has("a/b", digest)
        assert kept.scrub().findings == ()
        assert quarantined(kept) == {}

    def test_what_is_no_blob(self, kept: Kept, repository: Repository, tmp_path: Path) -> None:
        (tmp_path / "outside").write_bytes(b"what somebody else has, which is nobody's business here")
        push_blob(repository, b"x")
        blobs = kept.root / "a/b/blobs/sha256"
        (blobs / Digest.of(LAYER).encoded).symlink_to(tmp_path / "outside")
        (blobs / "notes.txt").write_text("x")
        (blobs / "folder").mkdir()
        assert {kind for _, kind, _ in kinds(kept.scrub())} == {"stray"}
        found = mend(kept)
        names = ["folder", "notes.txt", Digest.of(LAYER).encoded]
        assert sorted(one.subject for one in found) == sorted(f"sha256/{name}" for name in names)
        assert {one.kind for one in found} == {"stray"}
        moved = kept.root / "a/b/_quarantine"
        assert sorted(path.name for path in moved.iterdir()) == sorted(f"sha256-{name}" for name in names)
        assert (moved / f"sha256-{Digest.of(LAYER).encoded}").is_symlink()


class TestManifests:
    def test_corrupt_is_withdrawn(self, kept: Kept, repository: Repository) -> None:
        image = push_image(repository, "v1", "latest", layer=LAYER)
        other = push_image(repository, "v2", layer=b"other", subject=image)
        spoil(kept.root, "a/b", image.digest)
        (found,) = mend(kept)
        assert (found.kind, found.subject, found.tags) == ("corrupt", str(image.digest), ("latest", "v1"))
        assert found.repair == "withdrawn; push it again"
        assert repository.tags() == ["v2"]
        assert repository.fetch(image.digest) is None
        assert [one.digest for one in repository.referrers(image.digest)] == [other.digest]
        push_image(repository, "v1", layer=LAYER)
        assert repository.fetch("v1") is not None
        assert [one.digest for one in repository.referrers(image.digest)] == [other.digest]

    @pytest.mark.parametrize("is_lost", [False, True])
    def test_with_a_good_copy_elsewhere(self, kept: Kept, repository: Repository, *, is_lost: bool) -> None:
        image = push_image(repository, "v1", layer=LAYER)
        push_image(kept.store.obtain("other"), "v1", layer=LAYER)
        spoil(kept.root, "a/b", image.digest)
        if is_lost:
            (kept.root / "a/b/blobs/sha256" / image.digest.encoded).unlink()
        (found,) = mend(kept)
        assert (found.kind, found.tags) == ("lost" if is_lost else "corrupt", ("v1",))
        assert found.repair == "a good copy was taken from other"
        assert repository.fetch("v1") is not None

    def test_lost_is_withdrawn(self, kept: Kept, repository: Repository) -> None:
        image = push_image(repository, "v1", layer=LAYER)
        (kept.root / "a/b/blobs/sha256" / image.digest.encoded).unlink()
        (found,) = mend(kept)
        assert (found.kind, found.subject, found.tags) == ("lost", str(image.digest), ("v1",))
        assert found.repair == "withdrawn; push it again"
        assert repository.tags() == []
        push_image(repository, "v1", layer=LAYER)
        assert repository.fetch("v1") is not None

    def test_the_records_say_something_else(self, root: Path) -> None:
        with Store(root, new_id) as store:
            subject = publish(store.obtain("a/b"), "v1")
            referrer = publish(store.obtain("a/b"), "sig", number=1, subject=subject)
        index = json.loads((root / "a/b/index.json").read_bytes())
        for line in index["manifests"]:
            if line["digest"] == str(referrer.digest):
                line["mediaType"], line["artifactType"] = "a/b", "c/d"
        data = json.dumps(index).encode()
        (root / "a/b/index.json").write_bytes(data)
        subjects = {"index": str(Digest.of(data)), "subjects": {str(referrer.digest): str(EMPTY.digest)}}
        (root / "a/b/_subjects.json").write_bytes(json.dumps(subjects).encode())
        with Store(root, new_id) as store:
            repository = store.obtain("a/b")
            assert list(repository.referrers(subject.digest)) == []
            (found,) = mend(Kept(store, root))
            assert found.kind == "misdescribed"
            assert found.what == "the records are wrong about its media type, artifact type, subject"
            assert [one.digest for one in repository.referrers(subject.digest)] == [referrer.digest]
            assert list(repository.referrers(EMPTY.digest)) == []
        with Store(root, new_id) as store:
            repository = store.obtain("a/b")
            assert [one.digest for one in repository.referrers(subject.digest)] == [referrer.digest]
            assert list(repository.referrers(EMPTY.digest)) == []
            assert repository.tags() == ["sig", "v1"]
            found_entry = repository.find("sig")
            assert found_entry is not None
            assert found_entry.media_type == IMAGE_MANIFEST
