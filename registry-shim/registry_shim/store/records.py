"""What says what a repository has: `index.json`, `_subjects.json`, `index.log`, and the catalog they add up to.

Journal first, memory second, so that what anybody can see has been synced. One thread at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_shim.errors import DamagedStore
from registry_shim.limits import COMPACT_AFTER
from registry_shim.store.catalog import Catalog, Entry, Listed, Published, read_index
from registry_shim.store.disk import move_into_place, write_new_file
from registry_shim.store.documents import read_document
from registry_shim.store.journal import Journal
from wpkg.errors import InvalidInput
from wpkg.oci.manifest import MalformedManifest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from registry_shim.store.catalog import Change
    from registry_shim.store.documents import Document
    from wpkg.oci.digest import Digest

INDEX_FILE = "index.json"
JOURNAL_FILE = "index.log"
SUBJECTS_FILE = "_subjects.json"  # no component of a repository's name begins like this


class Records:
    """The records of the repository in `directory`.

    `temporary` names files that do not exist yet; `read` gives the bytes of a manifest of a size, or raises
    DamagedStore.
    """

    def __init__(
        self, directory: Path, temporary: Callable[[], Path], read: Callable[[Digest, int], bytes]
    ) -> None:
        self._directory = directory
        self._temporary = temporary
        self._read = read
        self._journal = Journal(directory / JOURNAL_FILE)
        self.catalog = Catalog()

    def load(self) -> None:
        """Take in what the files say. Raises: DamagedStore."""
        catalog, unread = _read_files(self._directory)
        self.catalog.become(catalog)
        self._ingest(unread)
        changes = self._journal.read()
        for change in changes:
            self.catalog.apply(change)
        if changes or unread:
            self.compact()

    def add(self, *changes: Change) -> None:
        """Make `changes` part of the records and of the catalog."""
        if not changes:
            return
        self._journal.append(*changes)
        for change in changes:
            self.catalog.apply(change)
        # The journal may grow with the catalog, so that a push costs the same however many tags there are.
        if self._journal.entries >= max(COMPACT_AFTER, len(self.catalog)):
            self.compact()

    def check(self) -> str | None:
        """What is wrong with the files, a clause about them; None when they say what the catalog does."""
        try:
            found, unread = _read_files(self._directory)
            for line in unread:
                listed = line.descriptor
                entry = Entry(listed.media_type, listed.digest, listed.size, listed.artifact_type)
                found.apply(Published(entry, (line.tag,) if line.tag is not None else ()))
            for change in Journal(self._directory / JOURNAL_FILE).read():
                found.apply(change)
        except DamagedStore as error:
            return str(error)
        if found.encode_index() != self.catalog.encode_index():
            return "they do not say what the registry holds"
        return None

    def close(self) -> None:
        """Say everything without the journal."""
        if self._journal.entries:
            self.compact()

    def compact(self) -> None:
        """Write the catalog as an index, and empty the journal."""
        index = self.catalog.encode_index()
        self.replace(SUBJECTS_FILE, self.catalog.encode_subjects(index))
        self.replace(INDEX_FILE, index)
        self._journal.clear()

    def replace(self, name: str, data: bytes) -> None:
        """Have the file `name` with `data`, durably."""
        temporary = self._temporary()
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
            entry = self.catalog.find(listed.digest)
            if entry is None:
                entry = Entry(listed.media_type, listed.digest, listed.size, listed.artifact_type)
                try:
                    data = self._read(listed.digest, listed.size)
                    document = read_document(data, listed.media_type)
                except (DamagedStore, MalformedManifest):
                    if is_child:
                        continue
                else:
                    entry = describe(document, data, listed.digest)
                    pending += [(Listed(child), True) for child in document.manifests]
            self.catalog.apply(Published(entry, (line.tag,) if line.tag is not None else ()))


def _read_files(directory: Path) -> tuple[Catalog, list[Listed]]:
    subjects = directory / SUBJECTS_FILE
    try:
        index = (directory / INDEX_FILE).read_bytes()
        return read_index(index, subjects.read_bytes() if subjects.exists() else b"")
    except (InvalidInput, FileNotFoundError) as error:
        raise DamagedStore("the index of this repository is damaged or missing") from error


def describe(document: Document, data: bytes, digest: Digest) -> Entry:
    """The entry of a manifest with `data`, read as `document`."""
    return Entry(document.media_type, digest, len(data), document.artifact_type, document.subject)


def read_entry(data: bytes, digest: Digest, media_type: str) -> Entry:
    """The entry of a manifest by its bytes; `media_type` counts where they do not say another.

    Raises: MalformedManifest.
    """
    try:
        document = read_document(data, media_type)
    except MalformedManifest:
        document = read_document(data, "")
    return describe(document, data, digest)
