"""Putting things into a store, and what is found on disk afterwards."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from registry_shim.store.documents import read_document
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import Digest
from wpkg.oci.manifest import EMPTY_CONFIG, IMAGE_INDEX, IMAGE_MANIFEST, Index, Manifest

if TYPE_CHECKING:
    from pathlib import Path

    from registry_shim.store.repository import Repository

EMPTY = Descriptor.of(EMPTY_CONFIG, b"{}")


def push_blob(repository: Repository, data: bytes) -> Digest:
    upload = repository.uploads.start()
    upload.append(data)
    repository.commit(upload, Digest.of(data))
    return Digest.of(data)


def publish(repository: Repository, *tags: str, number: int = 0, subject: Descriptor | None = None) -> Descriptor:
    if repository.blobs.size(EMPTY.digest) is None:
        push_blob(repository, b"{}")
    data = Manifest(EMPTY, (), subject, annotations={"number": str(number)}).encode()
    repository.publish(read_document(data, IMAGE_MANIFEST), data, Digest.of(data), tags)
    return Descriptor.of(IMAGE_MANIFEST, data)


def files(directory: Path) -> set[str]:
    return {path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()}


def index_of(root: Path, name: str) -> list[tuple[str, str | None]]:
    """Digests and tags in `index.json`, as any tool reads them."""
    index = json.loads((root / name / "index.json").read_bytes())
    assert (index["schemaVersion"], index["mediaType"]) == (2, IMAGE_INDEX)
    return [
        (item["digest"], item.get("annotations", {}).get("org.opencontainers.image.ref.name"))
        for item in index["manifests"]
    ]


def push_image(repository: Repository, *tags: str, layer: bytes, subject: Descriptor | None = None) -> Descriptor:
    """A manifest with a layer of its own."""
    push_blob(repository, b"{}")
    described = Descriptor("application/octet-stream", push_blob(repository, layer), len(layer))
    data = Manifest(EMPTY, (described,), subject).encode()
    repository.publish(read_document(data, IMAGE_MANIFEST), data, Digest.of(data), tags)
    return Descriptor.of(IMAGE_MANIFEST, data)


def push_index(repository: Repository, *tags: str, children: tuple[Descriptor, ...]) -> Descriptor:
    data = Index(children).encode()
    repository.publish(read_document(data, IMAGE_INDEX), data, Digest.of(data), tags)
    return Descriptor.of(IMAGE_INDEX, data)
