"""Mirrors: other places that the bytes of a registry may be read from, as one person or machine has set them up.

A mirror answers in the name of the source: references, locks and signatures name the source, and nothing says
where bytes came from. What has a digest is checked by it; of tags the mirror's word is taken, as it would be the
source's. What a mirror does not have is asked of the source under the same name, and so is everything when the
mirror fails.
"""

from __future__ import annotations

import hashlib
import threading
import tomllib
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct

from wpkg.documents.toml_table import Table
from wpkg.errors import InvalidInput, RegistryError
from wpkg.oci.digest import ContentMismatch
from wpkg.oci.reference import Reference, Repository
from wpkg.registry.errors import NotFound, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import BinaryIO

    from wpkg.oci.descriptor import Descriptor
    from wpkg.oci.digest import Digest
    from wpkg.registry.interface import FetchedManifest, SearchableRegistry

T = TypeVar("T")


class InvalidMirrors(InvalidInput):
    """The user's configuration does not say what mirrors there are."""


class Mirrors(Struct, frozen=True):
    """Prefixes of repositories, `registry` or `registry/path`, and the prefixes that stand for them elsewhere."""

    prefixes: Mapping[str, str]

    def of(self, repository: Repository) -> Repository | None:
        """Where `repository` is mirrored, by the longest prefix that it lies below; None where it is not."""
        parts = str(repository).split("/")
        for count in range(len(parts), 0, -1):
            prefix = self.prefixes.get("/".join(parts[:count]))
            if prefix is not None:
                return Repository.parse("/".join((prefix, *parts[count:])))
        return None


def read_mirrors(text: str) -> Mirrors:
    """The mirrors of a `config.toml`. Raises: InvalidMirrors, InvalidReference."""
    try:
        document = Table(tomllib.loads(text), fault=InvalidMirrors)
    except tomllib.TOMLDecodeError as error:
        raise InvalidMirrors(f"not valid TOML: {error}") from error
    document.only(("mirrors",))
    table = document.table("mirrors")
    if table is None:
        return Mirrors({})
    for key, place in table.text_items():
        _check_prefix(key, table, key)
        _check_prefix(place, table, key)
        if "/" in key and "/" not in place:
            raise table.fail(key, "a mirror of a path is a path too", f'for example "{place}/prefix"')
    return Mirrors(dict(table.text_items()))


def _check_prefix(text: str, table: Table, key: str) -> None:
    try:
        is_folder = Repository.parse(f"{text}/name").is_folder
    except InvalidInput as error:
        raise error.within(table.where(key)) from None
    if is_folder:
        raise table.fail(key, "a mirror stands between registries, not folders", "'wpkg copy' reads folders")


class MirroredRegistry:
    """A `SearchableRegistry` that reads from mirrors first. What is written goes to the source."""

    def __init__(self, source: SearchableRegistry, mirrors: Mirrors, warn: Callable[[str], object]) -> None:
        self._source = source
        self._mirrors = mirrors
        self._warn = warn
        self._warned: set[str] = set()
        self._down: set[str] = set()
        self._lock = threading.Lock()

    def _read(self, repository: Repository, read: Callable[[Repository], T]) -> T:
        """What `read` reads from the mirror, or else from the source."""
        mirror = self._mirrors.of(repository)
        if mirror is not None and mirror.registry not in self._down:
            try:
                return read(mirror)
            except NotFound:
                pass
            except RegistryError as error:
                self._warn_once(mirror, repository, error)
                if isinstance(error, Unreachable):
                    self._down.add(mirror.registry)  # the next one would wait as long
        return read(repository)

    def _warn_once(self, mirror: Repository, repository: Repository, error: RegistryError) -> None:
        with self._lock:
            is_new = mirror.registry not in self._warned
            self._warned.add(mirror.registry)
        if is_new:
            self._warn(f"the mirror {mirror} failed, {repository} is asked instead: {error}")

    def list_tags(self, repository: Repository) -> Sequence[str]:
        """See Registry. The mirror's list; what is published since it was made, is not in it."""
        return self._read(repository, self._source.list_tags)

    def resolve(self, reference: Reference) -> Digest | None:
        """See Registry."""
        found = self._read(reference.repository, lambda place: self._source.resolve(_moved(reference, place)))
        is_mirrored = self._mirrors.of(reference.repository) is not None
        return self._source.resolve(reference) if found is None and is_mirrored else found

    def fetch_manifest(self, reference: Reference) -> FetchedManifest:
        """See Registry."""
        return self._read(
            reference.repository, lambda place: self._source.fetch_manifest(_moved(reference, place))
        )

    def fetch_blob(self, repository: Repository, blob: Descriptor) -> bytes:
        """See Registry."""
        return self._read(repository, lambda place: self._source.fetch_blob(place, blob))

    def download_blob(
        self, repository: Repository, blob: Descriptor, sink: Callable[[memoryview], object]
    ) -> None:
        """See Registry. Where the mirror breaks off, the source goes on, once it has sent the same so far."""
        once = _Once(sink, f"blob {blob.digest} of {repository}")
        self._read(repository, lambda place: self._source.download_blob(place, blob, once.start()))

    def list_referrers(self, repository: Repository, subject: Digest) -> Sequence[Descriptor]:
        """See Registry. The mirror's where it has any: an empty list may mean that referrers were not copied."""
        found = self._read(repository, lambda place: self._source.list_referrers(place, subject))
        is_mirrored = self._mirrors.of(repository) is not None
        return self._source.list_referrers(repository, subject) if not found and is_mirrored else found

    def push_blob(
        self,
        repository: Repository,
        blob: Descriptor,
        source: Callable[[], BinaryIO],
        origin: Repository | None = None,
    ) -> bool:
        """See Registry."""
        return self._source.push_blob(repository, blob, source, origin)

    def push_manifest(
        self, repository: Repository, data: bytes, media_type: str, tag: str | None = None
    ) -> Digest:
        """See Registry."""
        return self._source.push_manifest(repository, data, media_type, tag)

    def search(self, registry: str, parameters: Sequence[tuple[str, str]]) -> bytes:
        """See SearchableRegistry."""
        return self._source.search(registry, parameters)

    def package_metadata(self, registry: str) -> bytes | None:
        """See SearchableRegistry."""
        return self._source.package_metadata(registry)


class _Once:
    """A sink that gets each byte once, though a second source sends all of them again."""

    def __init__(self, sink: Callable[[memoryview], object], what: str) -> None:
        self._sink = sink
        self._what = what
        self._passed = 0  # bytes that the sink has
        self._hash = hashlib.sha256()  # of them

    def start(self) -> Callable[[memoryview], None]:
        """The sink of one source that begins at the beginning."""
        owed = self._passed
        again = hashlib.sha256()

        def take(chunk: memoryview) -> None:
            nonlocal owed
            known, rest = chunk[:owed], chunk[owed:]
            if owed:
                again.update(known)
                owed -= len(known)
                if not owed and again.digest() != self._hash.digest():
                    raise ContentMismatch(
                        f"{self._what}: its mirror sent other content",
                        hint="remove the mirror from wpkg's config.toml until it is mended",
                    )
            if rest:
                self._sink(rest)
                self._hash.update(rest)
                self._passed += len(rest)

        return take


def _moved(reference: Reference, repository: Repository) -> Reference:
    return Reference(repository, reference.tag, reference.digest)
