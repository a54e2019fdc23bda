"""The catalogue over a store: brought up to date before every answer, by as much as has changed."""

from __future__ import annotations

import sqlite3
import threading
from typing import TYPE_CHECKING, TypeVar

from registry_shim.catalogue.artifact import read_artifact
from registry_shim.catalogue.database import EXPORT, IMPORT, Database
from registry_shim.catalogue.look import read_names
from registry_shim.errors import DamagedStore
from wpkg.errors import WpkgError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from registry_shim.catalogue.database import Row
    from registry_shim.catalogue.query import Query
    from registry_shim.store.repository import Repository
    from registry_shim.store.store import Store
    from wpkg.oci.descriptor import Descriptor
    from wpkg.oci.digest import Digest

T = TypeVar("T")


class Catalogue:
    """What is in the registry. Safe for several threads, one of which works at a time."""

    def __init__(self, store: Store, path: Path) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._database = Database(path)

    def find(self, query: Query) -> list[Row]:
        """The tags whose artifacts answer `query`, unordered. Whoever asks may not be allowed to see them all."""
        return self._answer(lambda database: database.find(query))

    def of_repository(self, repository: str) -> list[Row]:
        """The tags of a repository, unordered."""
        return self._answer(lambda database: database.of_repository(repository))

    def repositories(self) -> list[str]:
        """Every repository, sorted, also those without tags."""
        return self._answer(lambda database: sorted(database.stamps()))

    def places_of(self, manifests: set[str], components: set[str]) -> list[Row]:
        """The tags that name any of these manifests, or a manifest of any of these components."""
        return self._answer(lambda database: database.places_of(sorted(manifests), sorted(components)))

    def externs(self, component: str) -> tuple[list[str], list[str]]:
        """What a component that was found imports, and what it exports, sorted. That never changes."""
        with self._lock:
            return self._database.externs(component, IMPORT), self._database.externs(component, EXPORT)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._database.close()

    def _answer(self, ask: Callable[[Database], T]) -> T:
        with self._lock:
            try:
                self._refresh()
                return ask(self._database)
            except sqlite3.DatabaseError:
                # Damaged while it was in use. What it says can all be read again.
                self._database.start_over()
                self._refresh()
                return ask(self._database)

    def _refresh(self) -> None:
        known = self._database.stamps()
        current = dict(self._store.stamps())
        for path in known.keys() - current.keys():
            self._database.remove_repository(path)
        for path, stamp in current.items():
            if known.get(path) == stamp:
                continue
            try:
                repository = self._store.find(path)
            except DamagedStore:
                continue  # it says so to whoever asks for it
            if repository is not None:
                self._read_repository(path, stamp, repository)

    def _read_repository(self, path: str, stamp: str, repository: Repository) -> None:
        # `tags` waits for a change that is under way, so that what the stamp has seen is in it.
        entries = {tag: entry for tag in repository.tags() if (entry := repository.find(tag)) is not None}
        for entry in entries.values():
            if not self._database.has_artifact(entry.digest):
                self._read_artifact(repository, entry.digest)
        self._database.put_repository(path, stamp, {tag: entry.digest for tag, entry in entries.items()})

    def _read_artifact(self, repository: Repository, digest: Digest) -> None:
        try:
            stored = repository.fetch(digest)
            if stored is None:
                return
            artifact = read_artifact(
                digest, stored.entry.media_type, stored.data, lambda blob: _read_blob(repository, blob)
            )
        except WpkgError:
            return  # damaged, or of a kind that is only stored; looked at again when something changes
        if artifact.component is not None and not self._database.has_component(artifact.component.digest):
            self._read_component(repository, artifact.component.digest)
        self._database.add_artifact(artifact)

    def _read_component(self, repository: Repository, digest: Digest) -> None:
        blob = repository.blobs.open(digest)
        if blob is None:
            return
        try:
            self._database.add_component(digest, read_names(blob, digest))
        except WpkgError as error:
            self._database.add_component(digest, None, str(error))
        finally:
            blob.close()


def _read_blob(repository: Repository, descriptor: Descriptor) -> bytes | None:
    blob = repository.blobs.open(descriptor.digest)
    if blob is None:
        return None
    try:
        return blob.read(0, descriptor.size + 1)
    finally:
        blob.close()
