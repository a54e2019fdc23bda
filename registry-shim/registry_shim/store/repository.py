"""One repository: an OCI image layout that is being served.

Blobs need no lock: files appear whole, by rename. Manifests and tags change under the repository's lock,
journal first, memory second, so that what anybody can see has been synced.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from registry_shim.errors import DamagedStore, MissingContent
from registry_shim.limits import COMPACT_AFTER, DEFAULT_UPLOADS, MAX_MANIFEST_SIZE
from registry_shim.store.blobs import Blobs
from registry_shim.store.catalog import (
    Catalog,
    Entry,
    Listed,
    ManifestRemoved,
    Published,
    TagRemoved,
    read_index,
)
from registry_shim.store.disk import make_directory, move_into_place, sync_directory, write_new_file
from registry_shim.store.documents import MANIFEST_TYPES, read_document
from registry_shim.store.journal import Journal
from registry_shim.store.uploads import Uploads
from wpkg.documents.strict_json import dump_json
from wpkg.errors import InvalidInput
from wpkg.oci.digest import ContentMismatch, Digest, check_content
from wpkg.oci.manifest import MalformedManifest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from registry_shim.limits import UploadLimits
    from registry_shim.store.catalog import Change
    from registry_shim.store.documents import Document
    from registry_shim.store.uploads import Upload
    from wpkg.oci.descriptor import Descriptor

    Check = Callable[[Digest | None], None]  # raises unless a name that names this may be changed

LAYOUT_FILE = "oci-layout"
INDEX_FILE = "index.json"
JOURNAL_FILE = "index.log"
BLOBS_DIRECTORY = "blobs"
SUBJECTS_FILE = "_subjects.json"  # no component of a repository's name begins like this
UPLOADS_DIRECTORY = "_uploads"  # nor like this

LAYOUT = dump_json({"imageLayoutVersion": "1.0.0"})  # image-spec v1.1.1 `image-layout.md`


def accept_any(current: Digest | None) -> None:
    """Nothing: whatever a name names, it may be changed."""


@dataclass(frozen=True, slots=True)
class StoredManifest:
    """A manifest with its bytes, verified when they were read."""

    entry: Entry
    data: bytes


class Repository:
    """Blobs, upload sessions, manifests, tags and referrers under one name. Safe for several threads.

    Where it `is_sparse`, manifests may name what is not here.
    """

    def __init__(
        self,
        directory: Path,
        new_id: Callable[[], str],
        limits: UploadLimits = DEFAULT_UPLOADS,
        *,
        is_sparse: bool = False,
    ) -> None:
        self._directory = directory
        self._is_sparse = is_sparse
        self._lock = threading.Lock()
        self._journal = Journal(directory / JOURNAL_FILE)
        self._catalog = Catalog()
        self.blobs = Blobs(directory / BLOBS_DIRECTORY)
        self.uploads = Uploads(directory / UPLOADS_DIRECTORY, new_id, limits)

    @classmethod
    def create(
        cls,
        directory: Path,
        new_id: Callable[[], str],
        limits: UploadLimits = DEFAULT_UPLOADS,
        *,
        is_sparse: bool = False,
    ) -> Self:
        """The repository in `directory`, made if need be. What there is of one is kept.

        Raises: DamagedStore.
        """
        repository = cls(directory, new_id, limits, is_sparse=is_sparse)
        make_directory(directory)
        for name in (UPLOADS_DIRECTORY, BLOBS_DIRECTORY):
            (directory / name).mkdir(exist_ok=True)
        for name, data in ((INDEX_FILE, repository._catalog.encode_index()), (LAYOUT_FILE, LAYOUT)):
            if not (directory / name).exists():
                temporary = repository.uploads.temporary()
                write_new_file(temporary, data)
                temporary.replace(directory / name)
        sync_directory(directory)
        return cls.load(directory, new_id, limits, is_sparse=is_sparse)

    @classmethod
    def load(
        cls,
        directory: Path,
        new_id: Callable[[], str],
        limits: UploadLimits = DEFAULT_UPLOADS,
        *,
        is_sparse: bool = False,
    ) -> Self:
        """The repository in `directory`: its index, and what its journal says came after.

        Raises: DamagedStore.
        """
        repository = cls(directory, new_id, limits, is_sparse=is_sparse)
        (directory / UPLOADS_DIRECTORY).mkdir(exist_ok=True)
        repository.uploads.sweep()
        subjects = directory / SUBJECTS_FILE
        try:
            index = (directory / INDEX_FILE).read_bytes()
            known = subjects.read_bytes() if subjects.exists() else b""
            repository._catalog, unread = read_index(index, known)
        except (InvalidInput, FileNotFoundError) as error:
            raise DamagedStore("the index of this repository is damaged or missing") from error
        repository._ingest(unread)
        changes = repository._journal.read()
        for change in changes:
            repository._catalog.apply(change)
        if changes or unread:
            repository._compact()
        return repository

    @staticmethod
    def exists(directory: Path) -> bool:
        """Whether there is a repository in `directory`."""
        return (directory / LAYOUT_FILE).is_file()

    # --- blobs ---

    def commit(self, upload: Upload, digest: Digest) -> None:
        """Make what a held session has received the blob `digest`, and end the session either way.

        Raises: ContentMismatch.
        """
        found = upload.digest(digest.algorithm)
        if found != digest:
            self.uploads.drop(upload)
            raise ContentMismatch(f"the {upload.offset} bytes received have the digest {found}, not {digest}")
        upload.sync()
        self.blobs.adopt(upload.path, digest)
        self.uploads.drop(upload)

    def remove_blob(self, digest: Digest) -> bool:
        """Whether there was such a blob; there is none any more."""
        with self._lock:
            return self.blobs.remove(digest)

    # --- manifests ---

    def find(self, reference: Digest | str) -> Entry | None:
        """What a digest or tag names, without a look at its bytes."""
        return self._catalog.find(reference)

    def fetch(self, reference: Digest | str) -> StoredManifest | None:
        """The manifest that a digest or tag names. Raises: DamagedStore when its bytes are not those."""
        entry = self._catalog.find(reference)
        return None if entry is None else StoredManifest(entry, self._read_verified(entry.digest, entry.size))

    def publish(
        self,
        document: Document,
        data: bytes,
        digest: Digest,
        tags: Sequence[str] = (),
        check: Check = accept_any,
    ) -> None:
        """Put the manifest `data`, read as `document`, and point `tags` at it, in one step.

        The subject need not be here (distribution-spec v1.1.1, "Pushing Manifests with Subject"). `digest`
        is the caller's promise. `check` is given what each tag names until now, or else what the digest does.

        Raises: MissingContent, what `check` raises.
        """
        entry = _describe(document, data, digest)
        with self._lock:
            if not self._is_sparse:
                self._check_content(document)
            for name in tags or (digest,):
                self._check(name, check)
            self._write_manifest(digest, data)
            self._record(Published(entry, tuple(tags)))

    def remove_tag(self, tag: str, check: Check = accept_any) -> bool:
        """Whether there was such a tag; there is none any more. Its manifest stays.

        Raises: what `check` raises.
        """
        with self._lock:
            self._check(tag, check)
            if self._catalog.find(tag) is None:
                return False
            self._record(TagRemoved(tag))
            return True

    def remove_manifest(self, digest: Digest, check: Check = accept_any) -> bool:
        """Whether there was such a manifest; it and its tags are no more.

        Its bytes stay: another manifest may name them as a blob, which only a walk over all can tell.

        Raises: what `check` raises.
        """
        with self._lock:
            self._check(digest, check)
            if self._catalog.find(digest) is None:
                return False
            self._record(ManifestRemoved(digest))
            return True

    def tags(self) -> list[str]:
        """Every tag, in ASCII order."""
        with self._lock:
            return self._catalog.tags()

    def referrers(
        self, subject: Digest, artifact_type: str | None = None, after: Digest | None = None
    ) -> Iterator[Descriptor]:
        """The manifests whose subject is `subject`, as a referrers index lists them, by digest from `after` on.

        Reads each of them, for its annotations, when its turn comes. Raises: DamagedStore.
        """
        with self._lock:
            entries = self._catalog.referrers(subject)
        for entry in entries:
            if (artifact_type is None or entry.artifact_type == artifact_type) and (
                after is None or entry.digest > after
            ):
                data = self._read_verified(entry.digest, entry.size)
                yield entry.describe(read_document(data, entry.media_type).annotations)

    def close(self) -> None:
        """Leave the directory as a plain layout that says everything without its journal."""
        with self._lock:
            if self._journal.entries:
                self._compact()

    # --- inside ---

    def _check(self, name: Digest | str, check: Check) -> None:
        entry = self._catalog.find(name)
        check(entry.digest if entry is not None else None)

    def _check_content(self, document: Document) -> None:
        for descriptor in document.blobs:
            if self.blobs.size(descriptor.digest) is None:
                raise MissingContent(descriptor.digest)
        for descriptor in document.manifests:
            if not self._has_child(descriptor):
                raise MissingContent(descriptor.digest)

    def _has_child(self, descriptor: Descriptor) -> bool:
        if self._catalog.find(descriptor.digest) is not None:
            return True
        # An index may list things that are no manifests; those are blobs.
        return descriptor.media_type not in MANIFEST_TYPES and self.blobs.size(descriptor.digest) is not None

    def _read_verified(self, digest: Digest, size: int) -> bytes:
        blob = self.blobs.open(digest) if size <= MAX_MANIFEST_SIZE else None
        if blob is None:
            raise DamagedStore(f"the stored manifest {digest} is missing or too long")
        try:
            data = blob.read(0, size + 1)
        finally:
            blob.close()
        try:
            check_content(data, digest, size, f"the stored manifest {digest}")
        except ContentMismatch as error:
            raise DamagedStore(f"the stored manifest {digest} does not match its digest") from error
        return data

    def _write_manifest(self, digest: Digest, data: bytes) -> None:
        blob = self.blobs.open(digest)
        if blob is not None:
            try:
                if blob.size == len(data) and blob.read(0, len(data)) == data:
                    return
            finally:
                blob.close()
        temporary = self.uploads.temporary()
        write_new_file(temporary, data)
        self.blobs.adopt(temporary, digest)

    def _record(self, change: Change) -> None:
        self._journal.append(change)
        self._catalog.apply(change)
        # The journal may grow with the catalog, so that a push costs the same however many tags there are.
        if self._journal.entries >= max(COMPACT_AFTER, len(self._catalog)):
            self._compact()

    def _compact(self) -> None:
        index = self._catalog.encode_index()
        self._replace(SUBJECTS_FILE, self._catalog.encode_subjects(index))
        self._replace(INDEX_FILE, index)
        self._journal.clear()

    def _replace(self, name: str, data: bytes) -> None:
        temporary = self.uploads.temporary()
        write_new_file(temporary, data)
        move_into_place(temporary, self._directory / name)

    def _ingest(self, unread: list[Listed]) -> None:
        """Take over what another tool wrote into the layout, and what the indexes in it list.

        A line whose manifest is missing or damaged stays, so that asking for it says so; below an index it is
        left out, for an index may list more than a layout holds.
        """
        pending = [(line, False) for line in unread]
        while pending:
            line, is_child = pending.pop()
            listed = line.descriptor
            entry = self._catalog.find(listed.digest)
            if entry is None:
                entry = Entry(listed.media_type, listed.digest, listed.size, listed.artifact_type)
                try:
                    data = self._read_verified(listed.digest, listed.size)
                    document = read_document(data, listed.media_type)
                except (DamagedStore, MalformedManifest):
                    if is_child:
                        continue
                else:
                    entry = _describe(document, data, listed.digest)
                    pending += [(Listed(child), True) for child in document.manifests]
            self._catalog.apply(Published(entry, (line.tag,) if line.tag is not None else ()))


def _describe(document: Document, data: bytes, digest: Digest) -> Entry:
    return Entry(document.media_type, digest, len(data), document.artifact_type, document.subject)
