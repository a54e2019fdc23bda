"""The registry that is not there: every question is an error that names what was needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Never

from wpkg.registry.errors import Offline

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import BinaryIO

    from wpkg.oci.descriptor import Descriptor
    from wpkg.oci.digest import Digest
    from wpkg.oci.reference import Reference, Repository


class OfflineRegistry:
    """A `Registry` that opens no socket."""

    def list_tags(self, repository: Repository) -> Never:
        """Raises: Offline."""
        raise Offline(f"the list of versions in {repository}")

    def resolve(self, reference: Reference) -> Never:
        """Raises: Offline."""
        raise Offline(f"what {reference} names")

    def fetch_manifest(self, reference: Reference) -> Never:
        """Raises: Offline."""
        raise Offline(f"manifest {reference}")

    def fetch_blob(self, repository: Repository, blob: Descriptor) -> Never:
        """Raises: Offline."""
        raise Offline(f"blob {blob.digest.short} of {repository}")

    def download_blob(
        self, repository: Repository, blob: Descriptor, sink: Callable[[memoryview], object]
    ) -> Never:
        """Raises: Offline."""
        raise Offline(f"component {blob.digest.short} of {repository}")

    def list_referrers(self, repository: Repository, subject: Digest) -> Never:
        """Raises: Offline."""
        raise Offline(f"the list of signatures on {subject.short} in {repository}")

    def push_blob(
        self,
        repository: Repository,
        blob: Descriptor,
        source: Callable[[], BinaryIO],
        origin: Repository | None = None,
    ) -> Never:
        """Raises: Offline."""
        raise Offline(f"{repository}, to be pushed to,")

    def push_manifest(self, repository: Repository, data: bytes, media_type: str, tag: str | None = None) -> Never:
        """Raises: Offline."""
        raise Offline(f"{repository}, to be pushed to,")

    def search(self, registry: str, parameters: Sequence[tuple[str, str]]) -> Never:
        """Raises: Offline."""
        raise Offline(f"what the search in {registry} finds")

    def package_metadata(self, registry: str) -> Never:
        """Raises: Offline."""
        raise Offline(f"where {registry} has its packages")
