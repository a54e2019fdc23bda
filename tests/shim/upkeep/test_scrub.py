"""Every kind of damage: found, mended, and not found again. What was damaged is kept."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from registry_shim.store.store import Store
from registry_shim.upkeep.orders import Finding
from tests.shim.conftest import new_id
from tests.shim.contents import EMPTY, publish, push_blob
from tests.shim.process import Served, run
from tests.shim.upkeep.conftest import Kept
from tests.shim.upkeep.test_collect import push_image, push_index
from tests.shim.wire import InProcessClient, SocketClient, push_manifest
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import Digest
from wpkg.oci.manifest import IMAGE_MANIFEST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from registry_shim.store.repository import Repository
    from registry_shim.upkeep.orders import ScrubReport

LAYER = b"layer " * 1000


@pytest.fixture
def repository(store: Store) -> Repository:
    return store.obtain("a/b")


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


class TestRecords:
    @pytest.fixture
    def closed(self, root: Path) -> Path:
        with Store(root, new_id) as store:
            repository = store.obtain("a/b")
            image = push_image(repository, "v1", layer=LAYER)
            push_image(repository, layer=b"signature", subject=image)
            push_index(repository, "all", children=(image,))
            push_blob(repository, b'{"schemaVersion": 2, "but": "no manifest"}')
        return root

    @pytest.fixture
    def reopened(self, closed: Path) -> Iterator[Kept]:
        with Store(closed, new_id) as store:
            yield Kept(store, closed)

    def manifests(self, kept: Kept) -> int:
        repository = kept.store.find("a/b")
        assert repository is not None
        entries = repository.snapshot().entries()
        assert all(repository.fetch(entry.digest) is not None for entry in entries)
        return len(entries)

    @pytest.mark.parametrize("index", [None, b"", b"{", b"[]", b'{"manifests": 1}', b'{"manifests": [1]}'])
    def test_an_index_that_is_lost(self, closed: Path, index: bytes | None) -> None:
        """The manifests are found again, and what refers to what; the tags are gone with it."""
        path = closed / "a/b/index.json"
        path.unlink()
        if index is not None:
            path.write_bytes(index)
        with Store(closed, new_id) as store:
            kept = Kept(store, closed)
            (found,) = mend(kept)
            assert (found.kind, found.subject) == ("records", "index.json")
            assert self.manifests(kept) == 3
            image = next(e for e in store.obtain("a/b").snapshot().entries() if e.artifact_type is not None)
            assert image.subject is not None
            assert len(list(store.obtain("a/b").referrers(image.subject))) == 1
            assert quarantined(kept).get("index.json") == index

    def test_an_index_with_lines_that_cannot_be_read(self, closed: Path) -> None:
        path = closed / "a/b/index.json"
        index = json.loads(path.read_bytes())
        index["manifests"].insert(0, {"digest": "nonsense"})
        path.write_text(json.dumps(index))
        with Store(closed, new_id) as store:
            kept = Kept(store, closed)
            mend(kept)
            assert self.manifests(kept) == 3
            assert store.obtain("a/b").tags() == ["all", "v1"]

    def test_a_journal_with_lines_that_cannot_be_read(self, closed: Path) -> None:
        journal = b'nonsense\n{"untag":"all"}\n'
        (closed / "a/b/index.log").write_bytes(journal)
        with Store(closed, new_id) as store:
            kept = Kept(store, closed)
            (found,) = mend(kept)
            assert "journal" in found.what
            assert store.obtain("a/b").tags() == ["v1"]
            assert quarantined(kept)["index.log"] == journal
        assert (closed / "a/b/index.log").read_bytes() == b""

    def test_what_the_journal_deletes_does_not_come_back(self, closed: Path) -> None:
        with Store(closed, new_id) as store:
            repository = store.obtain("a/b")
            index = repository.find("all")
            assert index is not None
            repository.remove_manifest(index.digest)
            journal = (closed / "a/b/index.log").read_bytes()
        (closed / "a/b/index.log").write_bytes(b"nonsense\n" + journal)
        with Store(closed, new_id) as store:
            kept = Kept(store, closed)
            mend(kept)
            assert self.manifests(kept) == 2
            assert store.obtain("a/b").find(index.digest) is None

    @pytest.mark.parametrize("spoilt", [b"{", None, b'{"schemaVersion":2,"manifests":[]}'])
    def test_while_it_is_served(self, reopened: Kept, spoilt: bytes | None) -> None:
        """What is being served is right, and is written anew."""
        assert self.manifests(reopened) == 3
        path = reopened.root / "a/b/index.json"
        before = path.read_bytes()
        path.unlink()
        if spoilt is not None:
            path.write_bytes(spoilt)
        (found,) = mend(reopened)
        assert (found.kind, found.repair) == ("records", "written anew from what is being served")
        assert path.read_bytes() == before
        assert quarantined(reopened).get("index.json") == spoilt

    @pytest.mark.parametrize("layout", [b"", b"{}", b"[]", b'{"imageLayoutVersion": 1}'])
    def test_an_oci_layout_that_says_nothing(self, closed: Path, layout: bytes) -> None:
        (closed / "a/b/oci-layout").write_bytes(layout)
        with Store(closed, new_id) as store:
            (found,) = mend(Kept(store, closed))
            assert (found.kind, found.subject) == ("layout", "oci-layout")
        assert json.loads((closed / "a/b/oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}

    @pytest.mark.parametrize("index", [True, False])
    def test_without_an_oci_layout(self, closed: Path, *, index: bool) -> None:
        (closed / "a/b/oci-layout").unlink()
        if not index:
            (closed / "a/b/index.json").unlink()
        with Store(closed, new_id) as store:
            assert store.find("a/b") is None
            kept = Kept(store, closed)
            mend(kept)
            assert self.manifests(kept) == 3

    def test_a_creation_that_was_cut_off_is_no_damage(self, root: Path) -> None:
        for name in ("x/blobs", "x/_uploads", "y"):
            (root / name).mkdir(parents=True)
        (root / "x/index.json").write_bytes(b'{"schemaVersion":2,"manifests":[]}')
        with Store(root, new_id) as store:
            assert Kept(store, root).scrub(repair=True).findings == ()


class TestCommand:
    @pytest.fixture
    def damaged(self, tmp_path: Path) -> tuple[Path, str]:
        """A root that was served, with one manifest spoilt, and its digest."""
        served = Served(tmp_path / "root")
        client = SocketClient(served.address, str(served.root))
        image = push_manifest(client, "a/b", "v1")
        client.close()
        assert served.stop() == (0, "", "")
        spoil(served.root, "a/b", Digest.parse(image.digest))
        return served.root, image.digest

    def test_clean(self, damaged: tuple[Path, str]) -> None:
        root, digest = damaged
        spoil(root, "a/b", Digest.parse(digest)).unlink()
        run("scrub", str(root), "--repair")
        done = run("scrub", str(root))
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == "looked at 1 blob of 1 repository, 2 bytes; 0 contents named by manifests not here\n"

    @pytest.mark.parametrize("is_served", [False, True])
    def test_damaged(self, damaged: tuple[Path, str], *, is_served: bool) -> None:
        root, digest = damaged
        served = Served(root) if is_served else None
        done = run("scrub", str(root))
        line = f"a/b: corrupt: {digest} (tagged v1): its 6 bytes have the digest {Digest.of(b'spoilt')}"
        assert (done.returncode, done.stdout.splitlines()[0]) == (6, line)
        assert done.stderr == "error: 1 thing found damaged\nhint: registry-shim scrub DIR --repair\n"
        as_json = run("scrub", str(root), "--json")
        assert (as_json.returncode, as_json.stderr) == (6, "")
        document = json.loads(as_json.stdout)
        assert document.keys() == {"schema", "repositories", "blobs", "size", "absent", "findings"}
        assert document["schema"] == "registry-shim.scrub/1"
        assert document["findings"] == [
            {
                "repository": "a/b",
                "kind": "corrupt",
                "subject": digest,
                "tags": ["v1"],
                "what": f"its 6 bytes have the digest {Digest.of(b'spoilt')}",
                "repair": None,
            }
        ]
        mended = run("scrub", str(root), "--repair")
        assert (mended.returncode, mended.stdout.splitlines()[0]) == (6, f"{line}; withdrawn; push it again")
        assert mended.stderr == "error: 1 thing found damaged and seen to; what was damaged lies in _quarantine\n"
        assert run("scrub", str(root)).returncode == 0
        served = served or Served(root)
        client = SocketClient(served.address, str(root))
        assert client.send("GET", "/v2/a/b/manifests/v1").status == 404
        assert push_manifest(client, "a/b", "v1").digest == digest
        assert client.send("GET", "/v2/a/b/manifests/v1").status == 200
        client.close()
        assert served.stop()[0] == 0

    def test_what_is_no_file(self, damaged: tuple[Path, str]) -> None:
        root, digest = damaged
        path = root / "a/b/blobs/sha256" / Digest.parse(digest).encoded
        path.unlink()
        os.mkfifo(path)
        done = run("scrub", str(root))
        lost = f"a/b: lost: {digest} (tagged v1): the records list it, and it is not here"
        assert (done.returncode, done.stdout.splitlines()[0]) == (6, lost)
        assert run("gc", str(root)).returncode == 6
        assert run("scrub", str(root), "--repair").returncode == 6
        assert run("scrub", str(root)).returncode == 0


def test_a_descriptor_of_a_blob_is_no_manifest(kept: Kept, repository: Repository) -> None:
    """What an index lists need not be a manifest; it is hashed, and nothing else is expected of it."""
    data = b"just bytes"
    push_blob(repository, data)
    push_index(repository, "v1", children=(Descriptor.of("application/octet-stream", data),))
    assert kept.scrub().findings == ()
    spoil(kept.root, "a/b", Digest.of(data))
    assert kinds(kept.scrub()) == [("a/b", "corrupt", str(Digest.of(data)))]
