"""Finding what is not as it must be in a store, and mending what can be mended.

Every blob is hashed; every manifest is compared with what the records say of it; the records are compared with
what is being served. Content that a manifest names and that is not here is counted and is no damage: it was
deleted, or never pushed.

Mending deletes nothing. What is damaged is moved to the `_quarantine` of its repository; a good copy in another
repository takes its place if there is one. That shows nobody what he could not see: the content was in this
repository before. A manifest without a good copy is withdrawn with its tags, and can be pushed again.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from registry_shim.errors import DamagedStore
from registry_shim.limits import CHUNK_SIZE, MAX_MANIFEST_SIZE
from registry_shim.store.documents import named_digests
from registry_shim.store.layout import LAYOUT_FILE
from registry_shim.store.records import INDEX_FILE, read_entry
from registry_shim.store.salvage import has_layout
from registry_shim.upkeep.orders import Finding, ScrubReport
from wpkg.oci.digest import Digest
from wpkg.oci.manifest import MalformedManifest

if TYPE_CHECKING:
    from collections.abc import Callable

    from registry_shim.store.catalog import Catalog, Entry
    from registry_shim.store.repository import Repository
    from registry_shim.store.store import Store
    from registry_shim.upkeep.orders import ScrubOrder

    Step = Callable[[], None]  # called between two steps; may raise to end everything


DESCRIBED = ("media_type", "size", "artifact_type", "subject")  # of a manifest, in the records


class Kind(StrEnum):
    """What is wrong."""

    CORRUPT = "corrupt"  # content has another digest
    LOST = "lost"  # a manifest that the records list is not here
    MISDESCRIBED = "misdescribed"  # the records say of a manifest what it does not
    RECORDS = "records"  # `index.json` or `index.log`
    LAYOUT = "layout"  # `oci-layout`
    STRAY = "stray"  # something that is no blob lies among them


class _Damage(Struct):
    """A finding that may become mended; with a `digest` where content is to be replaced."""

    repository: str
    kind: Kind
    subject: str
    what: str
    tags: list[str]
    digest: Digest | None = None
    file: tuple[int, int] | None = None  # inode and size
    repair: str | None = None


def scrub(store: Store, order: ScrubOrder, step: Step) -> ScrubReport:
    """What was found, and what was done about it. Raises: what `step` raises."""
    run = _Scrub(store, step, repairs=order.repairs)
    for path in store.lost_paths():
        run.restore(path)
    for path in store.paths():
        run.check(path)
    if order.repairs:
        for damage in run.damages:
            if damage.digest is not None:
                run.replace(damage, damage.digest)
    return run.report()


class _Scrub:
    """One look at a store."""

    def __init__(self, store: Store, step: Step, *, repairs: bool) -> None:
        self._store = store
        self._step = step
        self._repairs = repairs
        self._hashed: dict[tuple[int, int, str], Digest] = {}  # by file and algorithm; one with many names once
        self._size = self._blobs = self._repositories = self._absent = 0
        self.damages: list[_Damage] = []

    def report(self) -> ScrubReport:
        """What was found until now."""
        findings = sorted(
            (
                Finding(found.repository, found.kind, found.what, found.subject, tuple(found.tags), found.repair)
                for found in self.damages
            ),
            key=lambda finding: (finding.repository, finding.kind, finding.subject),
        )
        return ScrubReport(self._repositories, self._blobs, self._size, self._absent, tuple(findings))

    def restore(self, path: str) -> None:
        """Note that `path` lacks what makes it a repository."""
        damage = self._note(path, Kind.LAYOUT, LAYOUT_FILE, "it is missing, and so the repository is not served")
        if self._repairs:
            self._store.restore_layout(path)
            damage.repair = "written anew"

    def check(self, path: str) -> None:
        """Look through a repository."""
        self._repositories += 1
        if not has_layout(self._store.directory(path)):
            damage = self._note(path, Kind.LAYOUT, LAYOUT_FILE, "it does not say that this is an image layout")
            if self._repairs:
                self._store.restore_layout(path)
                damage.repair = "written anew"
        repository = self._open(path)
        self._check_strays(path)
        catalog = repository.snapshot() if repository is not None else None
        corrupt = self._check_blobs(path, catalog)
        if repository is not None and catalog is not None:
            self._check_manifests(path, repository, catalog, corrupt)

    def _open(self, path: str) -> Repository | None:
        try:
            repository = self._store.find(path)
        except DamagedStore as error:
            damage = self._note(path, Kind.RECORDS, INDEX_FILE, str(error))
            if not self._repairs:
                return None
            repository = self._store.rebuild(path)
            damage.repair = "made anew from its lines that can be read and from the manifests that are here"
            return repository
        wrong = repository.check_records() if repository is not None else None
        if repository is not None and wrong is not None:
            damage = self._note(path, Kind.RECORDS, INDEX_FILE, wrong)
            if self._repairs:
                repository.rewrite_records()
                damage.repair = "written anew from what is being served"
        return repository

    def _check_strays(self, path: str) -> None:
        blobs = self._store.blobs(path)
        for name in list(blobs.strays()):
            damage = self._note(path, Kind.STRAY, name, "it is no blob")
            if self._repairs:
                self._store.quarantine(path).move(blobs.locate_stray(name), name.replace("/", "-"))
                damage.repair = "moved aside"

    def _check_blobs(self, path: str, catalog: Catalog | None) -> set[Digest]:
        """Those whose content is another."""
        corrupt = set()
        for digest in self._store.blobs(path).digests():
            self._step()
            hashed = self._hash(path, digest)
            if hashed is None:
                continue  # deleted meanwhile
            found, file = hashed
            self._blobs += 1
            if found != digest:
                corrupt.add(digest)
                tags = catalog.tags_of(digest) if catalog is not None else []
                what = f"its {file[1]} bytes have the digest {found}"
                self.damages.append(_Damage(path, Kind.CORRUPT, str(digest), what, tags, digest, file))
        return corrupt

    def _check_manifests(self, path: str, repository: Repository, catalog: Catalog, corrupt: set[Digest]) -> None:
        named: set[Digest] = set()
        for entry in catalog.entries():
            if entry.digest in corrupt:
                continue
            self._step()
            if repository.blobs.status(entry.digest) is None:
                if repository.find(entry.digest) is not None:
                    what = "the records list it, and it is not here"
                    tags = catalog.tags_of(entry.digest)
                    self.damages.append(_Damage(path, Kind.LOST, str(entry.digest), what, tags, entry.digest))
                continue
            named |= self._check_manifest(path, repository, entry)
        self._absent += sum(repository.blobs.size(digest) is None for digest in named)

    def _check_manifest(self, path: str, repository: Repository, entry: Entry) -> set[Digest]:
        """What it names."""
        blob = repository.blobs.open(entry.digest)
        if blob is None:
            return set()  # deleted meanwhile
        try:
            data = blob.read(0, MAX_MANIFEST_SIZE)
        finally:
            blob.close()
        try:
            true = read_entry(data, entry.digest, entry.media_type)
        except MalformedManifest:
            return named_digests(data)  # of a type that nobody here knows, as another tool may list it
        said = [name for name in DESCRIBED if getattr(entry, name) != getattr(true, name)]
        if said:
            what = f"the records are wrong about its {', '.join(said).replace('_', ' ')}"
            damage = self._note(path, Kind.MISDESCRIBED, str(entry.digest), what)
            if self._repairs:
                repository.correct(entry)
                damage.repair = "the records say what it says"
        return named_digests(data)

    def _note(self, path: str, kind: Kind, subject: str, what: str) -> _Damage:
        damage = _Damage(path, kind, subject, what, [])
        self.damages.append(damage)
        return damage

    def _hash(self, path: str, digest: Digest) -> tuple[Digest, tuple[int, int]] | None:
        """The digest that the content really has, and the file that it is in; None when there is none."""
        blob = self._store.blobs(path).open(digest)
        if blob is None:
            return None
        try:
            status = blob.identify()
            key = (status.st_dev, status.st_ino, digest.algorithm)
            if key not in self._hashed:
                state = hashlib.new(digest.algorithm)
                for position in range(0, blob.size, CHUNK_SIZE):
                    self._step()
                    state.update(blob.read(position, CHUNK_SIZE))
                self._size += blob.size
                self._hashed[key] = Digest(digest.algorithm, state.hexdigest())
            return self._hashed[key], (status.st_ino, status.st_size)
        finally:
            blob.close()

    def replace(self, damage: _Damage, digest: Digest) -> None:
        """Put a good copy in the place of damaged content, or withdraw it."""
        repository = self._store.find(damage.repository)
        if repository is None:
            return
        origin = self._find_copy(damage.repository, digest)
        is_there = damage.file is None
        if damage.file is not None:
            is_there = repository.replace_blob(digest, damage.file, self._store.blobs(origin) if origin else None)
        elif origin is not None:
            repository.blobs.link(self._store.blobs(origin), digest)
        if not is_there:
            damage.repair = "replaced or deleted by a client meanwhile"
        elif origin is not None:
            damage.repair = f"a good copy was taken from {origin}"
        elif repository.withdraw(digest):
            damage.repair = "withdrawn; push it again"
        else:
            damage.repair = "moved aside; push it again"

    def _find_copy(self, path: str, digest: Digest) -> str | None:
        """Another repository that has the content as it must be."""
        for other in self._store.paths():
            if other != path:
                hashed = self._hash(other, digest)
                if hashed is not None and hashed[0] == digest:
                    return other
        return None
