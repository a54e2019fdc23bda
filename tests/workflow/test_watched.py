from __future__ import annotations

import io
from typing import TYPE_CHECKING

from tests.fakes.registry import MemoryRegistry
from tests.fakes.world import Notes, fake_world
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.manifest import IMAGE_MANIFEST, Manifest
from wpkg.oci.reference import Repository
from wpkg.registry.layout import LayoutRegistry
from wpkg.registry.router import Router
from wpkg.workflow.copy import WORTH_WATCHING, copy
from wpkg.workflow.watched import WatchedFile

if TYPE_CHECKING:
    from pathlib import Path


def test_bytes_that_are_read_again_count_once(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(100)))
    counts: list[int] = []
    watched = WatchedFile(path, counts.append)
    with watched.open() as file:
        assert file.read(40) == bytes(range(40))
    with watched.open() as file:
        assert file.read(30) == bytes(range(30))
        file.seek(60)
        assert file.read() == bytes(range(60, 100))
    assert counts == [40, 60]


def test_only_large_blobs_are_watched_while_they_are_copied(tmp_path: Path) -> None:
    world = fake_world(tmp_path, Router(MemoryRegistry(), LayoutRegistry(tmp_path)))
    notes = world.reporter
    assert isinstance(notes, Notes)
    source, target = Repository.parse("127.0.0.1:5000/demo/a"), Repository.parse("dir:./b")
    contents = [b"{}", bytes(WORTH_WATCHING)]
    blobs = [Descriptor.of("application/wasm", data) for data in contents]
    for blob, data in zip(blobs, contents, strict=True):
        world.registry.push_blob(source, blob, lambda data=data: io.BytesIO(data))  # type: ignore[misc]
    manifest = Manifest(config=blobs[0], layers=(blobs[1],)).encode()
    world.registry.push_manifest(source, manifest, IMAGE_MANIFEST, "1.0.0")

    copy(world, source.at(tag="1.0.0"), target.at())
    assert notes.progressed == {blobs[1].digest.short: (WORTH_WATCHING, WORTH_WATCHING)}
    assert notes.lines[1:] == [f"Fetching {blobs[1].digest.short}", f"Pushing {blobs[1].digest.short}"]
    notes.lines.clear()
    copy(world, source.at(tag="1.0.0"), target.at())
    assert len(notes.lines) == 1
