"""One repository: an OCI image layout that is being served.

Blobs need no lock: files appear whole, by rename. Manifests and tags change under the repository's lock,
journal first, memory second, so that what anybody can see has been synced.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self, TypeVar

from registry_shim.errors import DamagedStore, MissingContent
from registry_shim.limits import DEFAULT_UPLOADS
from registry_shim.store.blobs import BlobFile, Blobs, Discarded
from registry_shim.store.catalog import ManifestRemoved, Published, TagRemoved
from registry_shim.store.disk import make_directory, sync_directory
from registry_shim.store.documents import MANIFEST_TYPES, named_digests, read_document
from registry_shim.store.layout import (
    BLOBS_DIRECTORY,
    LAYOUT,
    LAYOUT_FILE,
    QUARANTINE_DIRECTORY,
    UPLOADS_DIRECTORY,
)
from registry_shim.store.manifest_files import ManifestFiles, StoredManifest
from registry_shim.store.quarantine import Quarantine
from registry_shim.store.records import INDEX_FILE, JOURNAL_FILE, Records, describe, read_entry
from registry_shim.store.uploads import Uploads
from wpkg.oci.digest import ContentMismatch, Digest

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence
    from pathlib import Path

    from registry_shim.limits import UploadLimits
    from registry_shim.store.catalog import Catalog, Entry
    from registry_shim.store.documents import Document
    from registry_shim.store.uploads import Upload
    from wpkg.oci.descriptor import Descriptor

    Check = Callable[[Digest | None], None]  # raises unless a name that names this may be changed
    Keep = Callable[[Catalog, set[Digest]], Container[Digest]]

Shown = TypeVar("Shown", "bytes", "BlobFile")


def accept_any(current: Digest | None) -> None:
    """Nothing: whatever a name names, it may be changed."""


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
        self._named: set[Digest] | None = None  # by manifests that came while somebody collects, see `discard`
        self.blobs = Blobs(directory / BLOBS_DIRECTORY)
        self.uploads = Uploads(directory / UPLOADS_DIRECTORY, new_id, limits)
        self.quarantine = Quarantine(directory / QUARANTINE_DIRECTORY)
        self._files = ManifestFiles(self.blobs, self.uploads.temporary)
        self._records = Records(directory, self.uploads.temporary, self._files.read)
        self._catalog = self._records.catalog

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
                repository._records.replace(name, data)
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
        repository._records.load()
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
        self.adopt(upload, digest)

    def adopt(self, upload: Upload, digest: Digest) -> None:
        """The same for what the caller has verified."""
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
        data = self.show(entry) if entry is not None else None
        return StoredManifest(entry, data) if entry is not None and data is not None else None

    def read(self, entry: Entry) -> bytes:
        """The bytes of a manifest. Raises: DamagedStore when they are not its."""
        return self._files.read(entry.digest, entry.size)

    def show(self, entry: Entry) -> bytes | None:
        """The same for a client, who may count on it for a while; None when it has been removed meanwhile.

        Raises: DamagedStore.
        """
        return self._show(entry, self._files.show)

    def open(self, entry: Entry) -> BlobFile | None:
        """The same as a file, to be closed by the caller; verified, and held nowhere.

        Raises: DamagedStore.
        """
        return self._show(entry, self._files.open)

    def publish(
        self,
        document: Document,
        data: bytes,
        digest: Digest,
        tags: Sequence[str] = (),
        check: Check = accept_any,
        *,
        is_complete: bool = True,
    ) -> None:
        """Put the manifest `data`, read as `document`, and point `tags` at it, in one step.

        What it names must be here if it `is_complete` and the repository not sparse; the subject need not
        (distribution-spec v1.1.1, "Pushing Manifests with Subject"). `digest` is the caller's promise.
        `check` is given what each tag names until now, or else what the digest does.

        Raises: MissingContent, what `check` raises.
        """
        entry = describe(document, data, digest)
        with self._lock:
            if self._named is not None:
                self._named |= {digest, *named_digests(data)}
            if is_complete and not self._is_sparse:
                self._check_content(document)
            for name in tags or (digest,):
                self._check(name, check)
            self._files.write(digest, data)
            self._untag(tags)
            self._records.add(Published(entry, tuple(tags)))

    def remove_tag(self, tag: str, check: Check = accept_any) -> bool:
        """Whether there was such a tag; there is none any more. Its manifest stays.

        Raises: what `check` raises.
        """
        with self._lock:
            self._check(tag, check)
            if self._catalog.find(tag) is None:
                return False
            self._untag((tag,))
            self._records.add(TagRemoved(tag))
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
            self._records.add(ManifestRemoved(digest))
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
                data = self.show(entry)
                if data is not None:
                    yield entry.describe(read_document(data, entry.media_type).annotations)

    # --- upkeep ---

    def snapshot(self) -> Catalog:
        """The catalog as it is now."""
        with self._lock:
            return self._catalog.copy()

    def begin_collecting(self) -> Catalog:
        """The catalog as it is now. What manifests name from now on, until `end_collecting`, is noted."""
        with self._lock:
            self._named = set()
            return self._catalog.copy()

    def end_collecting(self) -> None:
        """Note no longer what manifests name."""
        with self._lock:
            self._named = None

    def discard(self, digests: Sequence[Digest], since: float, keep: Keep) -> list[Discarded]:
        """Those of `digests` that are no more: manifests with their entries and bytes, and blobs.

        `keep` is told the catalog and what manifests have named since it was told last, and says what stays;
        nothing is published meanwhile. What a client has seen since `since` stays as well. A crash leaves blobs
        that nothing names, never a manifest without its blobs.
        """
        aside: list[Path] = []
        with self._lock:
            kept = keep(self._catalog, self._named or set())
            self._named = set()
            with self.blobs.undisturbed():
                unseen = [
                    digest for digest in digests if digest not in kept and self.blobs.is_unseen(digest, since)
                ]
                entries = [entry for digest in unseen if (entry := self._catalog.find(digest)) is not None]
                # From memory first: who looks at one now is told that it is gone, and not that it will stay.
                for entry in entries:
                    self._catalog.apply(ManifestRemoved(entry.digest))
            try:
                self._records.add(*(ManifestRemoved(entry.digest) for entry in entries))
            except BaseException:
                for entry in entries:
                    self._catalog.apply(Published(entry))
                raise
            manifests = {entry.digest for entry in entries}
            gone = []
            for digest in unseen:
                aside.append(self.uploads.temporary())
                found = self.blobs.set_aside(digest, since, aside[-1])
                if found is not None:
                    freed = found.st_size if found.st_nlink == 1 else 0
                    gone.append(Discarded(digest, digest in manifests, found.st_size, freed))
        for path in aside:  # which takes its time for a large file, and nobody has to wait for it
            path.unlink(missing_ok=True)
        return gone

    def withdraw(self, digest: Digest) -> bool:
        """Whether there was such a manifest, with bytes that are not its own; it and its tags are no more."""
        with self._lock:
            entry = self._catalog.find(digest)
            if entry is None:
                return False
            try:
                self.read(entry)
            except DamagedStore:
                self._records.add(ManifestRemoved(digest))
                return True
            return False

    def correct(self, old: Entry) -> None:
        """Say of a manifest what its bytes say, unless it is `old` no more.

        Raises: DamagedStore, MalformedManifest.
        """
        with self._lock:
            if self._catalog.find(old.digest) == old:
                data = self._files.read(old.digest, self.blobs.size(old.digest) or 0)
                self._records.add(Published(read_entry(data, old.digest, old.media_type)))

    def replace_blob(self, digest: Digest, file: tuple[int, int], source: Blobs | None) -> bool:
        """Whether the `file` under `digest`, by inode and size, is kept aside now.

        The blob of `source` is in its place then, nothing without one. Not done when the blob has been pushed
        again or deleted.
        """
        aside = self.quarantine.place(f"{digest.algorithm}-{digest.encoded}")
        good = source.locate(digest) if source is not None else None
        return self.blobs.exchange(digest, file, aside, good, self.uploads.temporary())

    def check_records(self) -> str | None:
        """What is wrong with the files that say what is here, a clause; None when they say just that."""
        with self._lock:
            return self._records.check()

    def rewrite_records(self) -> None:
        """Make the files say what is here; those that there were are kept aside."""
        with self._lock:
            for name in (INDEX_FILE, JOURNAL_FILE):
                self.quarantine.copy(self._directory / name)
            self._records.compact()

    def close(self) -> None:
        """Leave the directory as a plain layout that says everything without its journal."""
        with self._lock:
            self._records.close()

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

    def _show(self, entry: Entry, get: Callable[[Digest, int], Shown]) -> Shown | None:
        try:
            shown = get(entry.digest, entry.size)
        except DamagedStore:
            if self._catalog.find(entry.digest) is None:
                return None
            raise
        # Looked up again, for it may have gone between being found and being touched.
        if self._catalog.find(entry.digest) is not None:
            return shown
        if isinstance(shown, BlobFile):
            shown.close()
        return None

    def _untag(self, tags: Sequence[str]) -> None:
        """Note that until now clients were told what `tags` name; they may be about to fetch it."""
        for tag in tags:
            entry = self._catalog.find(tag)
            if entry is not None:
                self.blobs.touch(entry.digest)
