"""The store without HTTP: what is on disk, what survives, what is noticed."""

from __future__ import annotations

import json
import os
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from registry_shim.errors import BusyUpload, DamagedStore, MissingContent, RootInUse, UnknownUpload, UnusableRoot
from registry_shim.limits import SESSION_LIFETIME_SECONDS
from registry_shim.store.documents import read_document
from registry_shim.store.repository import Repository
from registry_shim.store.store import Store, directory_of, repository_in
from tests.shim.conftest import new_id
from tests.shim.contents import EMPTY, files, index_of, publish, push_blob
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import ContentMismatch, Digest
from wpkg.oci.manifest import IMAGE_INDEX, IMAGE_MANIFEST, Index, Manifest


@pytest.fixture
def repository(store: Store) -> Repository:
    return store.obtain("a/b")


class TestLayout:
    def test_a_new_repository_is_an_image_layout(self, root: Path, repository: Repository) -> None:
        assert repository.tags() == []
        assert json.loads((root / "a/b/oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
        assert index_of(root, "a/b") == []
        assert (root / "a/b/blobs").is_dir()

    def test_closed_it_says_everything_without_a_journal(self, root: Path) -> None:
        with Store(root, new_id) as store:
            tagged = publish(store.obtain("a/b"), "v1", "v2")
            untagged = publish(store.obtain("a/b"), number=1)
            assert (root / "a/b/index.log").stat().st_size > 0
        assert (root / "a/b/index.log").stat().st_size == 0
        assert index_of(root, "a/b") == [
            (str(tagged.digest), "v1"),
            (str(tagged.digest), "v2"),
            (str(untagged.digest), None),
        ]
        for digest in (tagged.digest, untagged.digest, EMPTY.digest):
            data = (root / "a/b/blobs/sha256" / digest.encoded).read_bytes()
            assert Digest.of(data) == digest

    def test_what_there_is_of_a_repository_is_kept(self, root: Path) -> None:
        """A creation that was interrupted, or a lost marker, must not cost what is there."""
        with Store(root, new_id) as store:
            publish(store.obtain("x"), "v1")
        (root / "x/oci-layout").unlink()
        with Store(root, new_id) as store:
            assert store.find("x") is None
            assert store.obtain("x").tags() == ["v1"]
        assert (root / "x/oci-layout").exists()

    def test_same_content_same_index(self, tmp_path: Path) -> None:
        written = []
        for name, numbers in (("one", (0, 1, 2)), ("two", (2, 0, 1))):
            with Store(tmp_path / name, new_id) as store:
                for number in numbers:
                    publish(store.obtain("x"), f"t{number}", number=number)
            written.append((tmp_path / name / "x/index.json").read_bytes())
        assert written[0] == written[1]

    @pytest.mark.parametrize(
        ("path", "directory"),
        [
            ("a/b", "a/b"),
            ("blobs", "_blobs"),
            ("a/blobs/sha256", "a/_blobs/sha256"),
            ("index.json/index.log/oci-layout", "_index.json/_index.log/_oci-layout"),
            ("uploads", "uploads"),
            ("blobs.x/y-blobs", "blobs.x/y-blobs"),
        ],
    )
    def test_names_never_meet_files_of_a_layout(self, path: str, directory: str) -> None:
        assert directory_of(path) == directory
        assert repository_in(directory) == path

    def test_nothing_outside_of_the_root_is_a_repository(self, root: Path, store: Store) -> None:
        Repository.create(root.parent / "outside", new_id)
        Repository.create(root / "A", new_id)
        for path in ("../outside", str(root.parent / "outside"), "A", ""):
            assert store.find(path) is None

    def test_reading_makes_nothing(self, root: Path, store: Store) -> None:
        assert store.find("a/b") is None
        assert store.find("../x") is None
        assert not store.mount(EMPTY.digest, "a/b", "c")
        assert files(root) == {".lock"}


class TestRoot:
    def test_one_process_only(self, root: Path, store: Store) -> None:
        assert store.find("x") is None
        with pytest.raises(RootInUse, match="another registry-shim"):
            Store(root, new_id)

    def test_free_again_when_closed(self, root: Path) -> None:
        for _ in range(2):
            with Store(root, new_id):
                pass

    def test_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        for path in (tmp_path / "file", tmp_path / "file" / "below"):
            with pytest.raises(UnusableRoot):
                Store(path, new_id)

    def test_is_made(self, tmp_path: Path) -> None:
        with Store(tmp_path / "a" / "b", new_id):
            assert (tmp_path / "a" / "b").is_dir()


class TestManifests:
    def test_tampered_is_noticed_and_repaired(self, root: Path, repository: Repository) -> None:
        descriptor = publish(repository, "v1")
        path = root / "a/b/blobs/sha256" / descriptor.digest.encoded
        good = path.read_bytes()
        for bad in (good.replace(b"0", b"1", 1), good + b" ", good[:-1], b""):
            path.write_bytes(bad)
            for reference in ("v1", descriptor.digest):
                entry = repository.find(reference)
                assert entry is not None
                for ask in (lambda: repository.fetch(reference), lambda: repository.open(entry)):  # noqa: B023
                    with pytest.raises(DamagedStore, match=str(descriptor.digest)):
                        ask()
        publish(repository, "v1")
        assert path.read_bytes() == good

    def test_lost_is_noticed(self, root: Path, repository: Repository) -> None:
        subject = publish(repository, "v1")
        descriptor = publish(repository, "v2", number=2, subject=subject)
        (root / "a/b/blobs/sha256" / descriptor.digest.encoded).unlink()
        for ask in (lambda: repository.fetch("v2"), lambda: list(repository.referrers(subject.digest))):
            with pytest.raises(DamagedStore, match=str(descriptor.digest)):
                ask()

    def test_missing_content_publishes_nothing(self, root: Path, repository: Repository) -> None:
        data = Manifest(EMPTY, ()).encode()
        with pytest.raises(MissingContent):
            repository.publish(read_document(data, IMAGE_MANIFEST), data, Digest.of(data), ("v1",))
        assert repository.tags() == []
        assert files(root / "a/b") == {"oci-layout", "index.json"}

    def test_seen_only_once_it_is_journaled(self, root: Path, repository: Repository) -> None:
        first = publish(repository, "v1")
        (root / "a/b/index.log").rename(root / "a/b/aside")
        (root / "a/b/index.log").mkdir()
        for change in (
            lambda: publish(repository, "v2", number=2),
            lambda: repository.remove_tag("v1"),
            lambda: repository.remove_manifest(first.digest),
        ):
            with pytest.raises(IsADirectoryError):
                change()
        assert repository.tags() == ["v1"]
        assert repository.find("v1") is not None
        (root / "a/b/index.log").rmdir()
        (root / "a/b/aside").rename(root / "a/b/index.log")
        publish(repository, "v2", number=2)
        assert repository.tags() == ["v1", "v2"]

    def test_deleted_stays_deleted(self, root: Path) -> None:
        with Store(root, new_id) as store:
            kept, gone = publish(store.obtain("x"), "kept"), publish(store.obtain("x"), "gone", number=1)
            sub = publish(store.obtain("x"), "sub", number=2, subject=kept)
            assert store.obtain("x").remove_manifest(gone.digest)
            assert store.obtain("x").remove_manifest(sub.digest)
            assert not store.obtain("x").remove_manifest(gone.digest)
        with Store(root, new_id) as store:
            assert store.obtain("x").tags() == ["kept"]
            assert store.obtain("x").find(gone.digest) is None
            assert list(store.obtain("x").referrers(kept.digest)) == []

    def test_durable_before_it_is_promised(
        self, root: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Content is synced before it gets its name, the name before the journal's line, that before the end."""
        events: list[str] = []
        sync, replace = os.fsync, Path.replace

        def watched_sync(handle: int) -> None:
            events.append(f"sync {name_of(Path(f'/proc/self/fd/{handle}').readlink())}")
            sync(handle)

        def watched_replace(source: Path, target: Path) -> Path:
            events.append(f"name {name_of(target)}")
            return replace(source, target)

        def name_of(path: Path) -> str:
            return re.sub("[0-9a-f]{32,}", "*", path.relative_to(root / "a/b").as_posix())

        push_blob(repository, b"{}")
        publish(repository)
        monkeypatch.setattr(os, "fsync", watched_sync)
        monkeypatch.setattr(Path, "replace", watched_replace)
        push_blob(repository, b"data")
        assert events == ["sync _uploads/*", "name blobs/sha256/*", "sync blobs/sha256"]
        events.clear()
        publish(repository, "v1", number=1)
        assert events == ["sync _uploads/tmp-*", "name blobs/sha256/*", "sync blobs/sha256", "sync index.log"]
        events.clear()
        repository.close()
        names = ["_subjects.json", "index.json"]
        assert events == [
            *(event for name in names for event in ("sync _uploads/tmp-*", f"name {name}", "sync .")),
            "sync index.log",
        ]


class TestUploads:
    def test_a_wrong_digest_ends_the_session(self, root: Path, repository: Repository) -> None:
        upload = repository.uploads.start()
        upload.append(b"data")
        with pytest.raises(ContentMismatch):
            repository.commit(upload, Digest.of(b"other"))
        with pytest.raises(UnknownUpload):
            repository.uploads.hold(upload.session)
        assert files(root / "a/b") == {"oci-layout", "index.json"}

    def test_one_request_at_a_time(self, repository: Repository) -> None:
        upload = repository.uploads.start()
        with pytest.raises(BusyUpload):
            repository.uploads.hold(upload.session)
        repository.uploads.release(upload)
        assert repository.uploads.hold(upload.session) is upload

    def test_a_released_session_cannot_be_written(self, repository: Repository) -> None:
        upload = repository.uploads.start()
        repository.uploads.release(upload)
        with pytest.raises(RuntimeError):
            upload.append(b"data")

    @pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
    def test_goes_on_after_a_restart(self, root: Path, algorithm: str) -> None:
        with Store(root, new_id) as store:
            upload = store.obtain("x").uploads.start()
            upload.append(b"first, ")
            store.obtain("x").uploads.release(upload)
        with Store(root, new_id) as store:
            repository = store.obtain("x")
            assert repository.uploads.offset(upload.session) == 7
            resumed = repository.uploads.hold(upload.session)
            resumed.append(b"second")
            digest = Digest.of(b"first, second", algorithm)
            repository.commit(resumed, digest)
            assert repository.blobs.size(digest) == 13

    def test_bytes_lost_while_nobody_held_it(self, repository: Repository) -> None:
        """What is published is what the file has, not what once was hashed."""
        upload = repository.uploads.start()
        upload.append(b"all of it")
        repository.uploads.release(upload)
        os.truncate(upload.path, 3)
        upload = repository.uploads.hold(upload.session)
        assert upload.offset == 3
        with pytest.raises(ContentMismatch):
            repository.commit(upload, Digest.of(b"all of it"))

    def test_bytes_taken_back_are_not_hashed(self, repository: Repository) -> None:
        upload = repository.uploads.start()
        upload.append(b"right")
        upload.append(b"wrong")
        upload.rewind(5)
        repository.commit(upload, Digest.of(b"right"))
        assert repository.blobs.size(Digest.of(b"right")) == 5

    def test_pushing_again_repairs(self, root: Path, repository: Repository) -> None:
        digest = push_blob(repository, b"data")
        path = root / "a/b/blobs/sha256" / digest.encoded
        path.write_bytes(b"evil")
        push_blob(repository, b"data")
        assert path.read_bytes() == b"data"


class TestBlobs:
    def test_mounted_is_one_file(self, root: Path, store: Store) -> None:
        digest = push_blob(store.obtain("a"), b"data")
        assert store.mount(digest, "a", "b")
        name = f"blobs/sha256/{digest.encoded}"
        assert (root / "a" / name).samefile(root / "b" / name)

    def test_deleted_while_it_is_read(self, repository: Repository) -> None:
        digest = push_blob(repository, b"data")
        blob = repository.blobs.open(digest)
        assert blob is not None
        assert repository.remove_blob(digest)
        assert blob.read(0, 10) == b"data"
        blob.close()


class TestAnonymousMount:
    def test_from_a_repository_that_nobody_opened(self, root: Path) -> None:
        with Store(root, new_id) as store:
            digest = push_blob(store.obtain("a/blobs/b"), b"far away")
        with Store(root, new_id) as store:
            assert store.mount(digest, None, "x")
            assert not store.is_loaded("a/blobs/b")
            assert store.obtain("x").blobs.size(digest) == len(b"far away")

    def test_of_nothing_makes_no_repository(self, root: Path, store: Store) -> None:
        assert not store.mount(EMPTY.digest, None, "x")
        assert files(root) == {".lock"}


class TestSparse:
    def test_takes_what_names_what_is_not_here(self, root: Path) -> None:
        data = Manifest(EMPTY, ()).encode()
        child = Descriptor.of(IMAGE_MANIFEST, data)
        index = Index((child, Descriptor.of(IMAGE_MANIFEST, b"nowhere"))).encode()
        pushes = ((data, IMAGE_MANIFEST), (index, IMAGE_INDEX))
        with Store(root, new_id) as store, pytest.raises(MissingContent):
            store.obtain("x").publish(read_document(data, IMAGE_MANIFEST), data, Digest.of(data))
        with Store(root, new_id, is_sparse=True) as store:
            for name in ("x", "new"):
                for pushed, kind in pushes:
                    store.obtain(name).publish(read_document(pushed, kind), pushed, Digest.of(pushed), ("v1",))
        with Store(root, new_id) as store:  # what was taken stays
            for name in ("x", "new"):
                found = store.obtain(name).fetch("v1")
                assert found is not None
                assert found.data == index


class TestExpiry:
    def test_sessions_that_nobody_goes_on_with(self, root: Path) -> None:
        with Store(root, new_id) as store:
            uploads = store.obtain("x").uploads
            started = [uploads.start() for _ in range(3)]
            for upload in started:
                upload.append(b"bytes")
            old, held, young = started
            uploads.release(old)
            uploads.release(young)
            for upload in (old, held):
                age = SESSION_LIFETIME_SECONDS + 60
                made = upload.path.stat().st_mtime
                os.utime(upload.path, (made - age, made - age))
            uploads.start()  # too soon after the last look
            assert uploads.offset(old.session) == len(b"bytes")
        with Store(root, new_id) as store:
            uploads = store.obtain("x").uploads
            again = uploads.hold(held.session)
            uploads.start()
            with pytest.raises(UnknownUpload):
                uploads.hold(old.session)
            assert uploads.offset(again.session) == uploads.offset(young.session) == len(b"bytes")


def test_threads_that_publish_the_same_and_different_things(root: Path) -> None:
    start = threading.Barrier(8)

    def work(number: int) -> None:
        start.wait()
        repository = store.obtain("x")
        for round_ in range(5):
            push_blob(repository, b"the same")
            publish(repository, "same", f"own{number}-{round_}", number=round_)
            assert repository.tags()

    with Store(root, new_id) as store, ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(work, number) for number in range(8)]:
            done.result()
    with Store(root, new_id) as store:
        expected = {"same", *(f"own{number}-{round_}" for number in range(8) for round_ in range(5))}
        assert set(store.obtain("x").tags()) == expected
