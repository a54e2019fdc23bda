"""Damage to what says what is here is found and mended; and the command that does it."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from registry_shim.store.store import Store
from tests.shim.conftest import new_id
from tests.shim.contents import push_blob, push_image, push_index
from tests.shim.process import Served, run
from tests.shim.upkeep.conftest import Kept
from tests.shim.wire import SocketClient, push_manifest
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from registry_shim.store.repository import Repository
from tests.shim.upkeep.spoilt import kinds, mend, quarantined, spoil

LAYER = b"layer " * 1000


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
