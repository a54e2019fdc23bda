"""What survives the process in a repository's directory, and what other tools have put there."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from registry_shim.errors import DamagedStore
from registry_shim.store.catalog import TagRemoved
from registry_shim.store.journal import Journal
from registry_shim.store.store import Store
from tests.shim.conftest import new_id
from tests.shim.contents import EMPTY, index_of, publish
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import Digest
from wpkg.oci.manifest import IMAGE_INDEX, IMAGE_MANIFEST, Index, Manifest

if TYPE_CHECKING:
    from pathlib import Path

    from registry_shim.store.repository import Repository


@pytest.fixture
def repository(store: Store) -> Repository:
    return store.obtain("a/b")


class TestJournal:
    """A process that dies leaves a journal; the next one reads it."""

    @pytest.fixture
    def died(self, root: Path, store: Store, tmp_path: Path) -> Path:
        """A root with the tags v0, v1, v2 that only the journal knows, as a killed process leaves it."""
        for number in range(3):
            publish(store.obtain("a/b"), f"v{number}", number=number)
        return shutil.copytree(root, tmp_path / "died")

    def test_is_taken_into_the_index(self, died: Path) -> None:
        assert index_of(died, "a/b") == []
        with Store(died, new_id) as store:
            assert [tag for _, tag in index_of(died, "a/b")] == ["v0", "v1", "v2"]
            assert store.obtain("a/b").tags() == ["v0", "v1", "v2"]
            assert (died / "a/b/index.log").stat().st_size == 0

    def test_torn_at_every_byte(self, died: Path, tmp_path: Path) -> None:
        """Whole lines count, the torn one does not, and what is written next is not glued to it."""
        journal = (died / "a/b/index.log").read_bytes()
        first, second = journal.index(b"\n") + 1, journal.index(b"\n", journal.index(b"\n") + 1) + 1
        cuts = [*range(first, first + 5), first + 100, *range(second - 5, second + 1)]
        for cut in cuts:
            torn = shutil.copytree(died, tmp_path / f"torn{cut}")
            os.truncate(torn / "a/b/index.log", cut)
            with Store(torn, new_id) as store:
                expected = ["v0", "v1"] if cut >= second else ["v0"]
                assert store.obtain("a/b").tags() == expected
                publish(store.obtain("a/b"), "v9", number=9)
            with Store(torn, new_id) as store:
                assert store.obtain("a/b").tags() == [*expected, "v9"]

    @pytest.mark.parametrize(
        "garbage", [b"\0" * 50, b"nonsense\n", b"{}\n", b'{"untag":"-"}\n', b'{"delete":"x"}\n']
    )
    def test_garbage_at_the_end_was_never_promised(self, died: Path, garbage: bytes) -> None:
        with (died / "a/b/index.log").open("ab") as file:
            file.write(garbage)
        with Store(died, new_id) as store:
            assert store.obtain("a/b").tags() == ["v0", "v1", "v2"]

    def test_garbage_in_the_middle_is_damage(self, died: Path) -> None:
        journal = died / "a/b/index.log"
        journal.write_bytes(b"nonsense\n" + journal.read_bytes())
        with Store(died, new_id) as store:  # other repositories are served
            publish(store.obtain("other"), "v1")
            with pytest.raises(DamagedStore, match="line 1 of its journal"):
                store.find("a/b")

    def test_replayed_onto_the_index_that_includes_it(self, died: Path) -> None:
        """The crash between writing the index and emptying the journal."""
        journal = (died / "a/b/index.log").read_bytes()
        Store(died, new_id).close()
        index = (died / "a/b/index.json").read_bytes()
        (died / "a/b/index.log").write_bytes(journal)
        Store(died, new_id).close()
        assert (died / "a/b/index.json").read_bytes() == index

    def test_an_append_that_fails_leaves_nothing(self, died: Path) -> None:
        journal = Journal(died / "a/b/index.log")
        before = journal.read()
        (died / "a/b/index.log").write_bytes((died / "a/b/index.log").read_bytes() + b'{"half')
        journal.append(TagRemoved("v0"))
        assert Journal(died / "a/b/index.log").read() == [*before, TagRemoved("v0")]

    def test_does_not_grow_for_ever(
        self, root: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("registry_shim.store.records.COMPACT_AFTER", 5)
        for number in range(23):
            publish(repository, "v1", number=number % 2)
        assert (root / "a/b/index.log").read_bytes().count(b"\n") == 3
        assert [tag for _, tag in index_of(root, "a/b")] == ["v1", None]

    def test_unfinished_files_are_swept(self, died: Path) -> None:
        (died / "a/b/_uploads/tmp-0").write_bytes(b"half a manif")
        Store(died, new_id).close()
        assert not list((died / "a/b/_uploads").iterdir())


class TestForeignLayouts:
    """What other tools have written into a layout is served like the rest."""

    def layout(self, directory: Path, contents: list[bytes], manifests: list[dict[str, object]]) -> None:
        (directory / "blobs/sha256").mkdir(parents=True)
        (directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        (directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": manifests}))
        for data in contents:
            (directory / "blobs/sha256" / Digest.of(data).encoded).write_bytes(data)

    def test_tags_children_and_referrers(self, root: Path) -> None:
        child = Manifest(EMPTY, ()).encode()
        index = Index((Descriptor.of(IMAGE_MANIFEST, child), Descriptor.of(IMAGE_MANIFEST, b"missing"))).encode()
        subject = Descriptor.of(IMAGE_INDEX, index)
        referrer = Manifest(EMPTY, (), subject, "application/vnd.sig").encode()
        fallback = Index((Descriptor.of(IMAGE_MANIFEST, referrer),)).encode()
        tagged = {
            **subject.to_json(),
            "annotations": {"org.opencontainers.image.ref.name": "v1"},
        }
        by_schema = {
            **Descriptor.of(IMAGE_INDEX, fallback).to_json(),
            "annotations": {"org.opencontainers.image.ref.name": f"sha256-{subject.digest.encoded}"},
        }
        named = {**subject.to_json(), "annotations": {"org.opencontainers.image.ref.name": "docker.io/x:1"}}
        self.layout(root / "x", [b"{}", child, index, referrer, fallback], [tagged, by_schema, named])
        for _ in range(2):  # as found, and as written by us
            with Store(root, new_id) as store:
                repository = store.obtain("x")
                assert repository.tags() == [f"sha256-{subject.digest.encoded}", "v1"]
                for data in (child, index, referrer):
                    stored = repository.fetch(Digest.of(data))
                    assert stored is not None
                    assert stored.data == data
                assert [item.digest for item in repository.referrers(subject.digest)] == [Digest.of(referrer)]
                assert repository.find(Digest.of(b"missing")) is None

    def test_added_to_a_repository_of_ours(self, root: Path) -> None:
        with Store(root, new_id) as store:
            subject = publish(store.obtain("x"), "v1")
            referrer = publish(store.obtain("x"), number=1, subject=subject)
        added = Manifest(EMPTY, (), subject, annotations={"by": "another tool"}).encode()
        (root / "x/blobs/sha256" / Digest.of(added).encoded).write_bytes(added)
        index = json.loads((root / "x/index.json").read_bytes())
        index["manifests"].append(
            {
                **Descriptor.of(IMAGE_MANIFEST, added).to_json(),
                "annotations": {"org.opencontainers.image.ref.name": "added"},
            }
        )
        (root / "x/index.json").write_text(json.dumps(index))
        with Store(root, new_id) as store:
            assert store.obtain("x").tags() == ["added", "v1"]
            found = {item.digest for item in store.obtain("x").referrers(subject.digest)}
            assert found == {referrer.digest, Digest.of(added)}

    def test_without_the_file_that_saves_reading(self, root: Path) -> None:
        with Store(root, new_id) as store:
            subject = publish(store.obtain("x"), "v1")
            referrer = publish(store.obtain("x"), number=1, subject=subject)
        (root / "x/_subjects.json").unlink()
        with Store(root, new_id) as store:
            assert [item.digest for item in store.obtain("x").referrers(subject.digest)] == [referrer.digest]

    @pytest.mark.parametrize("index", [b"", b"{", b'{"manifests":[{}]}', b'{"manifests":[{"digest":"x"}]}'])
    def test_damaged_index(self, root: Path, index: bytes) -> None:
        self.layout(root / "x", [], [])
        (root / "x/index.json").write_bytes(index)
        with Store(root, new_id) as store, pytest.raises(DamagedStore, match="index of this repository"):
            store.find("x")

    def test_missing_index(self, root: Path) -> None:
        self.layout(root / "x", [], [])
        (root / "x/index.json").unlink()
        with Store(root, new_id) as store, pytest.raises(DamagedStore):
            store.obtain("x")
