"""Records made anew from what is left of them and from the manifests among the blobs.

In this order, the later having the last word: every blob that is a manifest, without a tag; the lines of
`index.json`; the lines of `index.log`. Lines that cannot be read are left out. A manifest whose deletion is in
none of these comes back, without a tag, rather than be lost.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from registry_shim.limits import MAX_MANIFEST_SIZE
from registry_shim.store.blobs import Blobs
from registry_shim.store.catalog import TAG_ANNOTATION, Catalog, Entry, Published, read_change
from registry_shim.store.disk import make_directory, move_into_place, write_new_file
from registry_shim.store.layout import (
    BLOBS_DIRECTORY,
    LAYOUT,
    LAYOUT_FILE,
    QUARANTINE_DIRECTORY,
    UPLOADS_DIRECTORY,
)
from registry_shim.store.quarantine import Quarantine
from registry_shim.store.records import INDEX_FILE, JOURNAL_FILE, SUBJECTS_FILE, read_entry
from registry_shim.store.uploads import TEMPORARY_PREFIX
from wpkg.documents.strict_json import Members, load_json
from wpkg.errors import InvalidInput
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import Digest
from wpkg.oci.manifest import IMAGE_INDEX, IMAGE_MANIFEST, MalformedManifest
from wpkg.oci.reference import is_tag

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def lacks_layout(directory: Path) -> bool:
    """Whether `directory` holds what a repository does, apart from its `oci-layout`.

    A repository whose creation was cut off holds nothing yet.
    """
    if any(Blobs(directory / BLOBS_DIRECTORY).digests()):
        return True
    return any(_salvage_index(directory)) or _read(directory / JOURNAL_FILE) != b""


def has_layout(directory: Path) -> bool:
    """Whether the `oci-layout` of `directory` says that it is an image layout (image-spec v1.1.1)."""
    try:
        return bool(Members(load_json(_read(directory / LAYOUT_FILE))).text("imageLayoutVersion"))
    except InvalidInput:
        return False


def restore_layout(directory: Path, new_id: Callable[[], str]) -> None:
    """Write the `oci-layout` anew; what is called so is kept aside."""
    Quarantine(directory / QUARANTINE_DIRECTORY).copy(directory / LAYOUT_FILE)
    _replace(directory, LAYOUT_FILE, LAYOUT, new_id)


def rebuild_records(directory: Path, new_id: Callable[[], str]) -> None:
    """Write the records anew; those that there were are kept aside."""
    catalog = _salvage(directory)
    quarantine = Quarantine(directory / QUARANTINE_DIRECTORY)
    for name in (INDEX_FILE, JOURNAL_FILE):
        quarantine.copy(directory / name)
    index = catalog.encode_index()
    _replace(directory, SUBJECTS_FILE, catalog.encode_subjects(index), new_id)
    _replace(directory, INDEX_FILE, index, new_id)
    _replace(directory, JOURNAL_FILE, b"", new_id)


def _replace(directory: Path, name: str, data: bytes, new_id: Callable[[], str]) -> None:
    make_directory(directory / UPLOADS_DIRECTORY)
    temporary = directory / UPLOADS_DIRECTORY / f"{TEMPORARY_PREFIX}{new_id()}"
    write_new_file(temporary, data)
    move_into_place(temporary, directory / name)


def _salvage(directory: Path) -> Catalog:
    catalog = Catalog()
    blobs = Blobs(directory / BLOBS_DIRECTORY)
    for digest in blobs.digests():
        entry = _read_manifest(blobs, digest)
        if entry is not None:
            catalog.apply(Published(entry))
    for descriptor, tag in _salvage_index(directory):
        entry = catalog.find(descriptor.digest) or Entry(
            descriptor.media_type, descriptor.digest, descriptor.size, descriptor.artifact_type
        )
        catalog.apply(Published(entry, (tag,) if tag is not None else ()))
    for line in _read(directory / JOURNAL_FILE).splitlines():
        try:
            catalog.apply(read_change(line))
        except InvalidInput:
            continue
    return catalog


def _salvage_index(directory: Path) -> list[tuple[Descriptor, str | None]]:
    found = []
    try:
        lines = load_json(_read(directory / INDEX_FILE))["manifests"]
        for line in lines:
            try:
                descriptor = Descriptor.read(Members(line))
            except InvalidInput:
                continue
            tag = descriptor.annotations.get(TAG_ANNOTATION, "")
            found.append((descriptor, tag if is_tag(tag) else None))
    except (InvalidInput, TypeError, KeyError):  # no JSON, or of another shape
        return []
    return found


def _read_manifest(blobs: Blobs, digest: Digest) -> Entry | None:
    """The entry of a blob that is a manifest by what it says; None for others, and for damaged ones."""
    size = blobs.size(digest)
    blob = blobs.open(digest) if size is not None and size <= MAX_MANIFEST_SIZE else None
    if blob is None:
        return None
    try:
        data = blob.read(0, MAX_MANIFEST_SIZE)
    finally:
        blob.close()
    if not data.startswith(b"{") or Digest.of(data, digest.algorithm) != digest:
        return None
    try:
        # It need not say its type.
        guess = IMAGE_INDEX if "manifests" in Members(load_json(data)) else IMAGE_MANIFEST
        return read_entry(data, digest, guess)
    except (InvalidInput, MalformedManifest):
        return None


def _read(path: Path) -> bytes:
    return path.read_bytes() if os.path.lexists(path) and path.is_file() else b""
