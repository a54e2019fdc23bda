"""All repositories there are: each is handled by the registry that its kind needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import BinaryIO

    from wpkg.oci.descriptor import Descriptor
    from wpkg.oci.digest import Digest
    from wpkg.oci.reference import Reference, Repository
    from wpkg.registry.interface import FetchedManifest, Registry, SearchableRegistry


class Router:
    """A `SearchableRegistry` of repositories over the network and in folders."""

    def __init__(self, network: SearchableRegistry, folders: Registry) -> None:
        self._network = network
        self._folders = folders

    def _of(self, repository: Repository) -> Registry:
        return self._folders if repository.is_folder else self._network

    def list_tags(self, repository: Repository) -> Sequence[str]:
        """See Registry."""
        return self._of(repository).list_tags(repository)

    def resolve(self, reference: Reference) -> Digest | None:
        """See Registry."""
        return self._of(reference.repository).resolve(reference)

    def fetch_manifest(self, reference: Reference) -> FetchedManifest:
        """See Registry."""
        return self._of(reference.repository).fetch_manifest(reference)

    def fetch_blob(self, repository: Repository, blob: Descriptor) -> bytes:
        """See Registry."""
        return self._of(repository).fetch_blob(repository, blob)

    def download_blob(
        self, repository: Repository, blob: Descriptor, sink: Callable[[memoryview], object]
    ) -> None:
        """See Registry."""
        self._of(repository).download_blob(repository, blob, sink)

    def list_referrers(self, repository: Repository, subject: Digest) -> Sequence[Descriptor]:
        """See Registry."""
        return self._of(repository).list_referrers(repository, subject)

    def push_blob(
        self,
        repository: Repository,
        blob: Descriptor,
        source: Callable[[], BinaryIO],
        origin: Repository | None = None,
    ) -> bool:
        """See Registry."""
        return self._of(repository).push_blob(repository, blob, source, origin)

    def push_manifest(
        self, repository: Repository, data: bytes, media_type: str, tag: str | None = None
    ) -> Digest:
        """See Registry."""
        return self._of(repository).push_manifest(repository, data, media_type, tag)

    def search(self, registry: str, parameters: Sequence[tuple[str, str]]) -> bytes:
        """See SearchableRegistry."""
        return self._network.search(registry, parameters)

    def package_metadata(self, registry: str) -> bytes | None:
        """See SearchableRegistry."""
        return self._network.package_metadata(registry)
