"""Removing what nothing needs: mark and sweep, one repository after the other, beside clients that pull and push.

Kept are what tags name, what waits to be tagged, whatever a client has been told of (pushed, mounted, asked for)
within the grace period, what any of these names, and the referrers of everything kept. Upload sessions stay for
the grace period after their last byte.

How that is safe:

1. *Mark* works on a copy of the catalog, while clients go on. Meanwhile the repository notes what new manifests
   name.
2. *Sweep* takes a batch at a time under the repository's lock, under which manifests are published. First the
   marks are extended by what has been noted; so what is published before the batch is kept whole, and who
   publishes after it is told, as ever, what is missing.
3. Every answer that tells a client of a blob touches its file, under the lock under which the sweep looks at the
   file and takes it away. So nothing goes within the grace period of such an answer.
4. The journal says that manifests are gone before a byte of them goes. A crash at any time leaves a whole store,
   with some blobs that nothing names, which the next sweep takes.

A repository that has had neither manifests nor blobs nor sessions for the grace period is no more. Whoever begins
something in one holds it (`Store.creating`), and meanwhile it stays.

A manifest that must stay and cannot be read may name anything: then nothing is removed from its repository.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from registry_shim.errors import DamagedStore
from registry_shim.store.blobs import Discarded
from registry_shim.store.documents import named_digests
from registry_shim.upkeep.orders import Collected, CollectReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from registry_shim.store.catalog import Catalog
    from registry_shim.store.repository import Repository
    from registry_shim.store.store import Store
    from registry_shim.upkeep.orders import CollectOrder
    from wpkg.oci.digest import Digest

    Waiting = Callable[[str], Iterable[Digest]]  # what waits to be tagged in a repository
    Step = Callable[[], None]  # called between two steps; may raise to end everything

BATCH = 200  # contents that are removed in one step, for which publishers wait


class Marks:
    """What must stay: what was added, all that it names, and the referrers of it all."""

    def __init__(self, repository: Repository, step: Step) -> None:
        self._repository = repository
        self._step = step
        self.kept: set[Digest] = set()

    def add(self, catalog: Catalog, digests: Iterable[Digest]) -> set[Digest]:
        """Everything that must stay, with `digests`. Reads each manifest once. Raises: DamagedStore."""
        pending = list(digests)
        while pending:
            digest = pending.pop()
            if digest in self.kept:
                continue
            self.kept.add(digest)
            pending += (referrer.digest for referrer in catalog.referrers(digest))
            entry = catalog.find(digest)
            if entry is not None:
                self._step()
                pending += named_digests(self._repository.read(entry))
        return self.kept


def collect(store: Store, order: CollectOrder, waiting: Waiting, step: Step) -> CollectReport:
    """What has been removed. Raises: what `step` raises, with everything whole."""
    collection = _Collection(order, store.now() - order.grace, step)
    found: list[Collected] = []
    seen = 0
    for path in store.paths():
        seen += 1
        problem, is_pruned = None, False
        gone: list[Discarded] = []
        sessions: list[int] = []
        try:
            repository = store.find(path)
            if repository is not None:
                sessions = collection.forget_sessions(repository)
                collection.sweep(repository, waiting(path), gone)
                is_pruned = collection.prune(store, path)
        except DamagedStore as error:
            problem = str(error)
        collection.freed += sum(sessions) + sum(one.freed for one in gone)
        if gone or sessions or problem or is_pruned:
            found.append(_describe(path, gone, sessions, problem, is_pruned=is_pruned))
    return CollectReport(order.is_dry_run, order.grace, seen, collection.freed, tuple(found))


class _Collection:
    """One pass over a store. What clients have seen after `since` (seconds, of the file system) stays."""

    def __init__(self, order: CollectOrder, since: float, step: Step) -> None:
        self._order = order
        self._since = since
        self._step = step
        self._links: Counter[tuple[int, int]] = Counter()  # by file, how many of its names a dry run removes
        self.freed = 0  # bytes of disk

    def sweep(self, repository: Repository, waiting: Iterable[Digest], gone: list[Discarded]) -> None:
        """Remove what nothing needs; told to `gone` as it goes. Raises: DamagedStore."""
        marks = Marks(repository, self._step)
        catalog = repository.begin_collecting()
        try:
            entries = {entry.digest for entry in catalog.entries()}
            roots = {*catalog.tagged(), *waiting}
            roots |= (
                entries if self._order.keeps_untagged else {d for d in entries if self._is_young(repository, d)}
            )
            marks.add(catalog, roots)
            # Manifests before the blobs that they name.
            unneeded = sorted(entries - marks.kept)
            unneeded += [d for d in repository.blobs.digests() if d not in marks.kept and d not in entries]
            if self._order.is_dry_run:
                gone += self._foresee(repository, entries, unneeded)
                return
            for first in range(0, len(unneeded), BATCH):
                self._step()
                gone += repository.discard(unneeded[first : first + BATCH], self._since, marks.add)
        finally:
            repository.end_collecting()

    def forget_sessions(self, repository: Repository) -> list[int]:
        """The sizes of the upload sessions that are no more, in bytes."""
        uploads = repository.uploads
        return [
            size
            for session, size in uploads.abandoned(self._since)
            if self._order.is_dry_run or uploads.forget(session, self._since)
        ]

    def prune(self, store: Store, path: str) -> bool:
        """Whether the repository itself is no more."""
        return store.prune(path, self._since, is_dry_run=self._order.is_dry_run)

    def _is_young(self, repository: Repository, digest: Digest) -> bool:
        return not repository.blobs.is_unseen(digest, self._since)

    def _foresee(
        self, repository: Repository, manifests: set[Digest], unneeded: Iterable[Digest]
    ) -> Iterator[Discarded]:
        for digest in unneeded:
            found = repository.blobs.status(digest)
            if found is not None and found.st_mtime < self._since:
                file = (found.st_dev, found.st_ino)
                self._links[file] += 1
                freed = found.st_size if self._links[file] == found.st_nlink else 0
                yield Discarded(digest, digest in manifests, found.st_size, freed)


def _describe(
    path: str, gone: list[Discarded], sessions: list[int], problem: str | None, *, is_pruned: bool
) -> Collected:
    return Collected(
        path,
        tuple(sorted(str(one.digest) for one in gone if one.is_manifest)),
        tuple(sorted(str(one.digest) for one in gone if not one.is_manifest)),
        len(sessions),
        sum(sessions) + sum(one.size for one in gone),
        problem,
        is_pruned,
    )
