"""Reading through mirrors: what is asked of whom, and what is believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.registry import MemoryRegistry
from wpkg.oci.artifact import WASM_LAYER
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import ContentMismatch
from wpkg.oci.manifest import EMPTY_CONFIG, IMAGE_MANIFEST, Manifest
from wpkg.oci.reference import Repository
from wpkg.registry.errors import NotFound, UnexpectedAnswer, Unreachable
from wpkg.registry.mirrors import MirroredRegistry, Mirrors

if TYPE_CHECKING:
    from collections.abc import Callable

SOURCE = Repository.parse("a.test/acme/app")
MIRROR = Repository.parse("m.test/copy/app")
MIRRORS = Mirrors({"a.test/acme": "m.test/copy"})
CONTENT = b"0123456789"
BLOB = Descriptor.of(WASM_LAYER, CONTENT)


class Breaking(MemoryRegistry):
    """Sends what is set for a repository, chunk by chunk, and then breaks off."""

    def __init__(self, chunks: dict[Repository, list[bytes]], ending: Exception) -> None:
        super().__init__()
        self._chunks = chunks
        self._ending = ending

    def download_blob(
        self, repository: Repository, blob: Descriptor, sink: Callable[[memoryview], object]
    ) -> None:
        self._asked("download_blob", repository)
        for chunk in self._chunks[repository]:
            sink(memoryview(chunk))
        if repository == MIRROR:
            raise self._ending


def manifest(subject: Descriptor | None = None, note: str = "") -> bytes:
    return Manifest(Descriptor.of(EMPTY_CONFIG, b"{}"), (), annotations={"note": note}, subject=subject).encode()


@pytest.mark.parametrize(
    ("repository", "mirror"),
    [
        ("a.test/acme/app", "m.test/long/app"),
        ("a.test/acme", "m.test/long"),
        ("a.test/acmes/app", "m.test/acmes/app"),
        ("a.test.b/acme/app", None),
        ("b.test/a.test/acme", None),
        ("dir:./a.test", None),
    ],
)
def test_the_longest_prefix_of_whole_parts_decides(repository: str, mirror: str | None) -> None:
    found = Mirrors({"a.test": "m.test", "a.test/acme": "m.test/long"}).of(Repository.parse(repository))
    assert (None if found is None else str(found)) == mirror


@pytest.mark.parametrize("sent", [[], [b"0123"], [b"01", b"2345", b"6789"]])
def test_where_a_mirror_breaks_off_the_source_goes_on(sent: list[bytes]) -> None:
    inner = Breaking({MIRROR: sent, SOURCE: [b"012", b"34567", b"89"]}, Unreachable("broke off"))
    warned: list[str] = []
    got = bytearray()
    MirroredRegistry(inner, MIRRORS, warned.append).download_blob(SOURCE, BLOB, got.extend)
    assert bytes(got) == CONTENT
    assert len(warned) == 1


def test_other_content_of_a_mirror_is_not_continued() -> None:
    inner = Breaking({MIRROR: [b"x123"], SOURCE: [b"012", b"34567", b"89"]}, Unreachable("broke off"))
    with pytest.raises(ContentMismatch, match="its mirror sent other content"):
        MirroredRegistry(inner, MIRRORS, print).download_blob(SOURCE, BLOB, len)


def test_a_mirror_that_cannot_be_reached_is_asked_once() -> None:
    inner = Breaking({MIRROR: [], SOURCE: [CONTENT]}, Unreachable("nobody there"))
    mirrored = MirroredRegistry(inner, MIRRORS, len)
    mirrored.download_blob(SOURCE, BLOB, len)
    mirrored.download_blob(SOURCE, BLOB, len)
    assert [repository for _, repository in inner.requests] == [str(MIRROR), str(SOURCE), str(SOURCE)]


def test_referrers_and_tags_that_were_not_copied_are_the_sources() -> None:
    inner = MemoryRegistry()
    mirrored = MirroredRegistry(inner, MIRRORS, len)
    data = manifest()
    for place in (SOURCE, MIRROR):
        inner.push_manifest(place, data, IMAGE_MANIFEST, "1.0.0")
    subject = Descriptor(IMAGE_MANIFEST, BLOB.digest.of(data), len(data))
    inner.push_manifest(SOURCE, manifest(subject), IMAGE_MANIFEST)
    assert len(mirrored.list_referrers(SOURCE, subject.digest)) == 1
    newer = inner.push_manifest(SOURCE, manifest(note="newer"), IMAGE_MANIFEST, "1.1.0")
    assert mirrored.resolve(SOURCE.at(tag="1.1.0")) == newer
    assert mirrored.fetch_manifest(SOURCE.at(tag="1.1.0")).descriptor.digest == newer
    assert list(mirrored.list_tags(SOURCE)) == ["1.0.0"], "the list is the mirror's"
    with pytest.raises(NotFound, match="a.test/acme/app"):
        mirrored.fetch_manifest(SOURCE.at(tag="2.0.0"))


def test_what_is_written_goes_to_the_source() -> None:
    inner = MemoryRegistry()
    digest = MirroredRegistry(inner, MIRRORS, len).push_manifest(SOURCE, manifest(), IMAGE_MANIFEST, "1.0.0")
    assert inner.tags == {(SOURCE, "1.0.0"): digest}


def test_a_mirror_that_fails_is_said_once_and_asked_again() -> None:
    inner = Breaking({MIRROR: [], SOURCE: [CONTENT]}, UnexpectedAnswer("status 500"))
    warned: list[str] = []
    mirrored = MirroredRegistry(inner, MIRRORS, warned.append)
    mirrored.download_blob(SOURCE, BLOB, len)
    mirrored.download_blob(SOURCE, BLOB, len)
    assert [repository for _, repository in inner.requests] == [str(MIRROR), str(SOURCE)] * 2
    assert warned == ["the mirror m.test/copy/app failed, a.test/acme/app is asked instead: status 500"]
